"""Applications under the three frameworks, called in the process: no sockets, no threads.

Each has the same three routes, ``/clean/{n}``, ``/leak/{n}`` and ``/cache/{n}``; with options it
has the middleware, without it is bare.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

import work

if TYPE_CHECKING:
    from pympler.leaks import LeakMonitor

__all__ = ["DISTRIBUTIONS", "FRAMEWORKS", "Call", "current_monitor"]

Call = Callable[[str], bytes]
"""Sends one request to a path and gives the body of the response."""

AsyncCall = Callable[[str], Awaitable[bytes]]
Options = dict[str, Any]
DISTRIBUTIONS = ("Flask", "Werkzeug", "Django", "starlette")
pause_s = 0.0  # how long a view waits, so that requests overlap


def _pausing(view: Callable[[int], bytes]) -> Callable[[int], bytes]:
    def paused(number: int) -> bytes:
        if pause_s:
            time.sleep(pause_s)
        return view(number)

    return paused


ROUTES = {"clean": work.clean, "leak": work.leak, "cache": work.fill_cache}


def current_monitor() -> LeakMonitor:
    """The monitor of the middleware in this process, of which there must be one."""
    # Imported when asked for: a bare process has to be without anything of ours.
    from pympler.leaks import LeakMonitor
    from pympler.leaks.lifecycle import monitors

    (found,) = monitors
    assert isinstance(found, LeakMonitor)
    return found


def flask(options: Options | None) -> Call:
    """A Flask application; the middleware is the WSGI one."""
    from flask import Flask

    app = Flask("shop")
    for name, view in ROUTES.items():
        app.add_url_rule(f"/{name}/<int:number>", name, _pausing(view))
    if options is not None:
        from pympler_flask import Pympler

        Pympler(app, **options)
    return _call_wsgi(app)


def django(options: Options | None) -> Call:
    """A Django application under its WSGI handler."""
    import django
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    def view_of(work_of: Callable[[int], bytes]) -> Callable[[HttpRequest, int], HttpResponse]:
        return lambda request, number: HttpResponse(work_of(number))

    urls = tuple(
        path(f"{name}/<int:number>", view_of(_pausing(view))) for name, view in ROUTES.items()
    )
    if not settings.configured:
        settings.configure(ROOT_URLCONF=urls, ALLOWED_HOSTS=["*"], LOGGING_CONFIG=None)
        django.setup()
    # The handler reads the settings once, when it is made.
    settings.MIDDLEWARE = []
    if options is not None:
        settings.MIDDLEWARE = ["pympler_django.middleware.MemoryMiddleware"]
        settings.PYMPLER = options
    return _call_wsgi(WSGIHandler())


def starlette(options: Options | None) -> Call:
    """A Starlette application; to be called where an event loop runs."""
    return _call_asgi(_starlette(options))


def starlette_async(options: Options | None) -> AsyncCall:
    """The same, to be awaited, for requests that overlap."""
    return _await_asgi(_starlette(options))


def _starlette(options: Options | None) -> Any:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    def view_of(work_of: Callable[[int], bytes]) -> Callable[[Request], Any]:
        async def view(request: Request) -> Response:
            if pause_s:
                await asyncio.sleep(pause_s)
            return Response(work_of(request.path_params["number"]))

        return view

    app = Starlette(
        routes=[Route(f"/{name}/{{number:int}}", view_of(view)) for name, view in ROUTES.items()]
    )
    if options is not None:
        from pympler_asgi import MemoryMiddleware

        app.add_middleware(MemoryMiddleware, **options)
    return app


FRAMEWORKS: dict[str, Callable[[Options | None], Call]] = {
    "Flask": flask,
    "Django": django,
    "Starlette": starlette,
}


def _call_wsgi(app: Any) -> Call:
    def start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], None]:
        if not status.startswith("200"):
            raise RuntimeError(f"the application answered {status}")
        return lambda data: None

    def call(path: str) -> bytes:
        environ = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(),
        }
        response = app(environ, start_response)
        try:
            return b"".join(response)
        finally:
            if hasattr(response, "close"):
                response.close()

    return call


def _call_asgi(app: Any) -> Call:
    send_request = _await_asgi(app)

    def call(path: str) -> bytes:
        # The views wait for nothing, so one step is the whole request, without the event loop,
        # whose own cost would be most of what is measured.
        steps: Any = send_request(path)
        try:
            steps.send(None)
        except StopIteration as end:
            body: bytes = end.value
            return body
        raise RuntimeError("the application waited for something")

    return call


def _await_asgi(app: Any) -> AsyncCall:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def call(path: str) -> bytes:
        body = []

        async def send(message: dict[str, Any]) -> None:
            if message.get("status", 200) != 200:
                raise RuntimeError(f"the application answered {message['status']}")
            body.append(message.get("body", b""))

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [],
            "server": ("localhost", 80),
        }
        await app(scope, receive, send)
        return b"".join(body)

    return call
