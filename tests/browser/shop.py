"""A shop with a leak, a bounded cache and a cycle, in the framework that is named, on a free port.

Run as a program: ``python -m tests.browser.shop flask sqlite:////tmp/shop.db``. It prints the port
and serves until its standard input ends.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections import deque
from functools import lru_cache
from typing import Any

__all__ = ["CARTS", "Cart"]

CARTS: dict[int, Cart] = {}


class Cart:
    """What the leaking route keeps for ever."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.lines: list[Any] = []


class Section:
    """A tree whose parts know each other: garbage once it is no longer among the last ones."""

    def __init__(self, parent: Section | None = None) -> None:
        self.parent = parent
        self.parts = [Section(self) for _ in range(30)] if parent is None else []


SECTIONS: deque[Section] = deque(maxlen=10)


@lru_cache(maxsize=20)
def price(number: int) -> list[int]:
    return [number % 90]


def cart(number: int) -> str:
    CARTS[number] = Cart(number)
    return f"cart {number}"


def product(number: int) -> str:
    return f"{price(number)}"


def report(number: int) -> str:
    SECTIONS.append(Section())  # long enough for its garbage to wait for a full collection
    return f"report {number}"


VIEWS = {"cart": cart, "products": product, "report": report}
OPTIONS: dict[str, Any] = {
    "sample_rate": 1.0,
    "max_overhead": 1.0,
    "pages": True,
    "application": "shop",
    "track_classes": ["tests.browser.shop.Cart"],
}


def flask_app(options: dict[str, Any]) -> Any:
    from flask import Flask
    from pympler_flask import Pympler

    app = Flask("shop")
    Pympler(app, **options)
    for name, view in VIEWS.items():
        app.add_url_rule(f"/{name}/<int:number>", name, view)
    return app


def django_app(options: dict[str, Any]) -> Any:
    import django
    from django.conf import settings
    from django.http import HttpResponse
    from django.urls import path

    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        INSTALLED_APPS=["pympler_django"],
        LOGGING_CONFIG=None,
        MIDDLEWARE=[
            "pympler_django.middleware.MemoryMiddleware",
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
        ],
        PYMPLER=options,
        ROOT_URLCONF=__name__,
        SECRET_KEY="for tests only",
    )
    django.setup()
    from django.core.wsgi import get_wsgi_application
    from pympler_django.urls import pympler_urls

    def answering(view: Any) -> Any:
        return lambda request, number: HttpResponse(view(number))

    module: Any = sys.modules[__name__]
    module.urlpatterns = [
        *(path(f"{name}/<int:number>", answering(view)) for name, view in VIEWS.items()),
        *pympler_urls(),
    ]
    return get_wsgi_application()


def starlette_app(options: dict[str, Any]) -> Any:
    from pympler_asgi import MemoryMiddleware, reports_app
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Mount, Route

    def answering(view: Any) -> Any:
        async def answer(request: Any) -> PlainTextResponse:
            return PlainTextResponse(view(request.path_params["number"]))

        return answer

    routes = [Route(f"/{name}/{{number:int}}", answering(view)) for name, view in VIEWS.items()]
    return MemoryMiddleware(
        Starlette(routes=[*routes, Mount("/_pympler", reports_app())]), **options
    )


def serve_wsgi(app: Any) -> None:
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log_request(self, *_: Any) -> None:
            pass

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.port, flush=True)
    sys.stdin.read()
    server.shutdown()


def serve_asgi(app: Any) -> None:
    import uvicorn

    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    print(listening.getsockname()[1], flush=True)
    sys.stdin.read()
    server.should_exit = True
    thread.join()


if __name__ == "__main__":
    framework, store = sys.argv[1:]
    # Under its own name, which the holder of the leak is found under.
    from tests.browser import shop

    options = {**OPTIONS, "store": store}
    if framework == "starlette":
        serve_asgi(shop.starlette_app(options))
    else:
        serve_wsgi(getattr(shop, f"{framework}_app")(options))
