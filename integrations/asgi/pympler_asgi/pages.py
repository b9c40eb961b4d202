"""The pages as an ASGI application: mounted in any framework, or around one by their prefix."""

from __future__ import annotations

import asyncio
import logging
from urllib.parse import unquote

from pympler.leaks.monitor import LeakMonitor
from pympler.leaks.refused import say_that_pages_are_off
from pympler.leaks.settings import Settings
from pympler.leaks.watched import WatchedRequest
from pympler.render.pages import (
    MOST_BODY_BYTES,
    Access,
    PageRequest,
    PageResponse,
    Pages,
    parse_form,
    parse_query,
    read_headers,
)
from pympler.render.pages import access as rules
from pympler_asgi.scope import (
    MONITOR_KEY,
    MOUNTED,
    REQUEST_KEY,
    ASGIApp,
    Receive,
    Scope,
    Send,
)

__all__ = ["ReportsApp", "reports_app", "wants_snapshot"]

logger = logging.getLogger("pympler")


def reports_app(
    app: ASGIApp | None = None,
    *,
    monitor: LeakMonitor | None = None,
    prefix: str = "/_pympler",
) -> ReportsApp:
    """The pages as an ASGI application.

    Mounted, they show what the :class:`~pympler_asgi.MemoryMiddleware` around the application
    knows: ``app.mount("/_pympler", reports_app())`` in Starlette and FastAPI. Where a framework
    mounts nothing, they go around the application: ``app = reports_app(MemoryMiddleware(app))``.

    They are shown unless the setting ``pages`` is off, to visitors from this machine, and to
    others by the settings ``token`` and ``access``.

    Args:
        app: the application that gets what is not for the pages; none if they are mounted.
        monitor: whose reports to show, if no middleware is around the application.
        prefix: path of the pages, if there is an ``app``.

    Raises:
        ImportError: if Jinja2 is missing; it names the extra.
    """
    return ReportsApp(app, monitor=monitor, prefix=prefix)


class ReportsApp:
    """See :func:`reports_app`."""

    def __init__(
        self,
        app: ASGIApp | None = None,
        *,
        monitor: LeakMonitor | None = None,
        prefix: str = "/_pympler",
    ) -> None:
        self.app = app
        self.monitor = monitor if monitor is not None else getattr(app, "monitor", None)
        self._prefix = "/" + prefix.strip("/") if app is not None else ""
        self._pages: tuple[LeakMonitor, Pages] | None = None
        self._said = False
        MOUNTED.add(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a page, or pass on what is none."""
        path = self._path(scope) if scope["type"] == "http" else None
        if path is not None:
            await self._serve(scope, receive, send, path)
        elif self.app is not None:
            await self.app(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})

    def _path(self, scope: Scope) -> str | None:
        """The path of the page that is asked for, ``None`` if the request is the application's."""
        # The path contains the root path (ASGI 2.2); some frameworks take it away for a mount.
        root, path = scope.get("root_path", "").rstrip("/"), scope["path"]
        if root and (path == root or path.startswith(f"{root}/")):
            path = path[len(root) :]
        if self._prefix:
            if path != self._prefix and not path.startswith(f"{self._prefix}/"):
                return None
            path = path[len(self._prefix) :]
        return path or "/"

    async def _serve(self, scope: Scope, receive: Receive, send: Send, path: str) -> None:
        watched = scope.get(REQUEST_KEY)
        monitor = self.monitor
        if isinstance(watched, WatchedRequest):
            watched.ours = True
            monitor = monitor if monitor is not None else watched.monitor
        elif monitor is None:
            monitor = scope.get(MONITOR_KEY)
        if monitor is None or not monitor.settings.enabled:
            self._say_why(monitor)
            return await _send(send, PageResponse(404, (), b"Not found"))
        body = await _body(receive) if scope["method"] == "POST" else b""
        request = _asked(scope, path, self._prefix, body)
        # Reading a store may wait for the disk, and the loop has others to serve.
        response = await asyncio.to_thread(self._pages_of(monitor).respond, request)
        await _send(send, response)
        return None

    def _say_why(self, monitor: LeakMonitor | None) -> None:
        if monitor is not None:
            say_that_pages_are_off(monitor.settings)
        elif not self._said:
            self._said = True
            logger.warning(
                "reports_app() has no pages: put MemoryMiddleware around the application and leave "
                "it enabled, or give reports_app(monitor=...)"
            )

    def _pages_of(self, monitor: LeakMonitor) -> Pages:
        if self._pages is None or self._pages[0] is not monitor:
            # Whoever mounted them has asked for them.
            access = Access.of(monitor.settings, asked_for=True)
            self._pages = (monitor, Pages(lambda: monitor.store, access))
        return self._pages[1]


def wants_snapshot(settings: Settings, scope: Scope) -> bool:
    """Whether a request asks for a snapshot around it, and may have it; the pages are on."""
    access = Access.of(settings, asked_for=True)
    return rules.wants_snapshot(access, _asked(scope, "/", "", b""))


def _asked(scope: Scope, path: str, prefix: str, body: bytes) -> PageRequest:
    headers = read_headers(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]
    )
    client = scope.get("client")
    return PageRequest(
        method=scope["method"],
        path=path,
        query=parse_query(scope.get("query_string", b"").decode("latin-1")),
        form=parse_form(body, headers.get("content-type", "")),
        headers=headers,
        prefix=_mounted_at(scope, path, prefix),
        peer=client[0] if client else None,
        secure=scope.get("scheme") == "https",
        debug=bool(getattr(scope.get("app"), "debug", False)),
        original=scope,
    )


def _mounted_at(scope: Scope, path: str, prefix: str) -> str:
    """Under which path the pages are."""
    root = str(scope.get("root_path", "")).rstrip("/")
    if prefix or root:
        return root + prefix
    # A framework that tells the application the rest of the path alone (Litestar) leaves the
    # whole of it in the raw path.
    raw = unquote((scope.get("raw_path") or b"").partition(b"?")[0].decode("latin-1")).rstrip("/")
    rest = path.rstrip("/")  # which Litestar ends with a slash
    return raw[: len(raw) - len(rest)] if raw.endswith(rest) else ""


async def _body(receive: Receive) -> bytes:
    """The body of a form; empty if it is longer than any form of ours."""
    body, more = b"", True
    while more and len(body) <= MOST_BODY_BYTES:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body if len(body) <= MOST_BODY_BYTES else b""


async def _send(send: Send, response: PageResponse) -> None:
    headers = [*response.headers, ("Content-Length", str(len(response.body)))]
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": response.status, "headers": raw})
    await send({"type": "http.response.body", "body": response.body})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
