"""Pure ASGI middleware: it wraps ``send`` to learn the status, and awaits the application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, overload

from pympler.errors import SettingsError
from pympler.leaks.guard import guard
from pympler.leaks.monitor import LeakMonitor
from pympler.leaks.settings import OWN_PREFIX, QUERY, Settings
from pympler.leaks.stepping import run
from pympler.leaks.watched import WatchedRequest
from pympler_asgi.routes import route_template
from pympler_asgi.scope import (
    MONITOR_KEY,
    MOUNTED,
    REQUEST_KEY,
    ASGIApp,
    Message,
    Receive,
    Scope,
    Send,
)

__all__ = ["REQUEST_KEY", "WEBSOCKET", "MemoryMiddleware"]

WEBSOCKET = "WEBSOCKET"
"""In place of the method of a request, for a WebSocket connection from its start to its end."""

_NAME_ROUTE = guard("name the route of a request")
_QUERY = QUERY.encode()
_WATCHED = ("http", "websocket")
# What answers the start of a WebSocket connection, and the status that the client sees.
_ANSWERS = {"websocket.accept": 101, "websocket.close": 403, "websocket.http.response.start": 403}


class MemoryMiddleware:
    """Watches the requests to an ASGI application and leaves its responses as they are.

    A request ends when the application returns: after its response was sent and its background
    tasks have run, or when it raised or was cancelled. A WebSocket connection is one request, of
    the method ``WEBSOCKET``, with one report when it has ended. Lifespan passes through, and so
    does a request that is already watched by another middleware of Pympler around this one.

    The route template is found for Starlette, FastAPI, Litestar, and Django with Pympler's
    middleware. For others give ``route``, or let the application leave it in its scope:
    ``scope["pympler"].route = "/cart/{id}"``.

    Args:
        app: the application.
        settings: what to do; or give single settings by name.
        monitor: a monitor of your own instead of settings.
        route: gives the route template of a request from its scope, called when the request has
            ended; ``None`` from it leaves it to the rules above.
        options: arguments of :class:`~pympler.leaks.LeakMonitor`, such as the settings by name.

    Attributes:
        monitor: the monitor; within a request also ``scope["pympler"].monitor``.

    Raises:
        SettingsError: for an unknown setting or a bad value. Within a running server, where
            frameworks make their middlewares, it fails the start of the lifespan instead.

    Example:
        >>> async def application(scope, receive, send):
        ...     await send({"type": "http.response.start", "status": 204, "headers": []})
        ...     await send({"type": "http.response.body"})
        >>> application = MemoryMiddleware(application, sample_rate=0.5)
        >>> application.monitor.settings.sample_rate
        0.5
    """

    # Starlette's add_middleware() type-checks with app positional only, Litestar calls it by name.
    @overload
    def __init__(
        self,
        app: ASGIApp,
        /,
        settings: Settings | None = None,
        *,
        monitor: LeakMonitor | None = None,
        route: Callable[[Scope], str | None] | None = None,
        **options: Any,
    ) -> None: ...

    @overload
    def __init__(
        self,
        *,
        app: ASGIApp,
        settings: Settings | None = None,
        monitor: LeakMonitor | None = None,
        route: Callable[[Scope], str | None] | None = None,
        **options: Any,
    ) -> None: ...

    def __init__(  # type: ignore[misc]
        self,
        app: ASGIApp,
        settings: Settings | None = None,
        *,
        monitor: LeakMonitor | None = None,
        route: Callable[[Scope], str | None] | None = None,
        **options: Any,
    ) -> None:
        if monitor is not None and (settings is not None or options):
            raise TypeError("give either a monitor or its settings, not both")
        self.app = app
        self._route = route
        self._error: SettingsError | None = None
        try:
            self.monitor = monitor or LeakMonitor(settings, **options)
        except SettingsError as error:
            if not _is_serving():
                raise
            self._error = error
            self.monitor = LeakMonitor(Settings(enabled=False))
        self._enabled = self.monitor.settings.enabled
        self._has_pages = self.monitor.settings.pages is not False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, a WebSocket connection or the lifespan."""
        if self._error is not None:
            return await self._refuse(scope, receive, send, self._error)
        if scope["type"] not in _WATCHED or REQUEST_KEY in scope or not self._enabled:
            if scope["type"] == "lifespan" and self._enabled:
                send = self._until_shutdown(send)
            return await self.app(scope, receive, send)
        path = _path_of(scope)
        if self._has_pages and path.startswith(OWN_PREFIX):
            scope[MONITOR_KEY] = self.monitor  # for the pages, which are no part of the application
            return await self.app(scope, receive, send)
        asked = _QUERY in scope.get("query_string", b"") and self._wants_snapshot(scope)
        watched = scope[REQUEST_KEY] = WatchedRequest(
            self.monitor, scope.get("method", ""), path, asked
        )
        if scope["type"] == "websocket":
            watched.method = WEBSOCKET

        def sending(message: Message) -> Awaitable[None]:  # not async: one coroutine less a message
            kind = message.get("type")
            if kind == "http.response.start":
                watched.status = message.get("status")
            elif watched.status is None and kind in _ANSWERS:
                watched.status = message.get("status") or _ANSWERS[kind]
            return send(message)

        try:
            awaitable = self.app(scope, receive, sending)
            await (run(watched, awaitable) if watched.is_followed else awaitable)
        except BaseException as error:
            watched.failed(error)
            raise
        finally:
            with _NAME_ROUTE:
                self._name_route(scope, watched)
            watched.finish()

    def _wants_snapshot(self, scope: Scope) -> bool:
        """Whether a request asks for a snapshot around it, and may have it."""
        settings = self.monitor.settings
        mounted = any(each.monitor in (None, self.monitor) for each in list(MOUNTED))
        if scope["type"] != "http" or not (settings.pages or (settings.pages is None and mounted)):
            return False
        with guard("look who asks for a snapshot"):
            from pympler_asgi.pages import wants_snapshot

            return wants_snapshot(settings, scope)
        return False

    def _until_shutdown(self, send: Send) -> Send:
        # After this message uvicorn ends the process by the signal that it was sent, with which
        # nothing of Python's own end of a process happens.
        def sending(message: Message) -> Awaitable[None]:
            if str(message.get("type")).startswith("lifespan.shutdown."):
                with guard("write down the last of a worker"):
                    self.monitor.write_down()
            return send(message)

        return sending

    async def _refuse(
        self, scope: Scope, receive: Receive, send: Send, error: SettingsError
    ) -> None:
        # add_middleware() makes its middlewares when the server has started already. Raising then
        # passes for "no lifespan" with uvicorn's defaults, and every request would fail instead.
        if scope["type"] != "lifespan":
            raise error
        await receive()
        await send({"type": "lifespan.startup.failed", "message": f"pympler: {error}"})

    def _name_route(self, scope: Scope, watched: WatchedRequest) -> None:
        if scope.get(REQUEST_KEY) is watched:
            del scope[REQUEST_KEY]  # a scope may be used again
        route = self._route(scope) if self._route is not None else None
        watched.route = route or watched.route or route_template(scope)


def _path_of(scope: Scope) -> str:
    """The path below the root path, with which it begins (ASGI 2.2) or not."""
    path: str = scope.get("path", "")
    return path.removeprefix(scope.get("root_path", ""))


def _is_serving() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
