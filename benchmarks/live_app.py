"""Four routes in three frameworks: one leaks, one fills a bounded cache, two leave nothing."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections.abc import Callable
from typing import Any

from tests.servers.figures import figures

OPTIONS: dict[str, Any] = json.loads(os.environ.get("OPTIONS", "{}"))
OBJECTS = int(os.environ.get("OBJECTS", "0"))
HEAP = {number: {"row": [number]} for number in range(OBJECTS // 3)}
LEAKED: list[dict[str, object]] = []
CACHED: dict[int, dict[str, object]] = {}


def leak(number: int) -> int:
    LEAKED.append({"id": number, "tags": [number]})
    return len(LEAKED)


def cache(number: int) -> int:
    if len(CACHED) >= 256:
        CACHED.pop(next(iter(CACHED)))
    CACHED[number] = {"id": number, "tags": [number]}
    return len(CACHED)


def rows(number: int) -> int:
    return len([{"id": number + row, "tags": [row]} for row in range(50)])


def search(number: int) -> int:
    return len(json.dumps(sorted(random.Random(number).sample(range(1000), 50))))


VIEWS: dict[str, Callable[[int], int]] = {
    view.__name__: view for view in (leak, cache, rows, search)
}


def flask() -> Any:
    """Flask with the extension."""
    from flask import Flask, jsonify
    from pympler_flask import Pympler

    app = Flask("shop")
    Pympler(app, ignore_routes=["/summary"], **OPTIONS)
    for name, view in VIEWS.items():
        app.add_url_rule(f"/{name}/<int:number>", name, lambda number, view=view: str(view(number)))
    monitor = app.extensions["pympler"].monitor
    app.add_url_rule("/summary", "summary", lambda: jsonify(figures(monitor)))
    return app


def django() -> Any:
    """Django with the middleware."""
    from django.conf import settings
    from django.http import HttpResponse, JsonResponse
    from django.urls import path
    from pympler_django.conf import get_monitor

    def respond(view: Callable[[int], int]) -> Any:
        return lambda request, number: HttpResponse(str(view(number)))

    def summary(request: Any) -> Any:
        return JsonResponse(figures(get_monitor()))

    routes = [path(f"{name}/<int:number>", respond(view)) for name, view in VIEWS.items()]
    settings.configure(
        ALLOWED_HOSTS=["*"],
        LOGGING_CONFIG=None,
        SECRET_KEY="for this alone",
        ROOT_URLCONF=(*routes, path("summary", summary)),
        INSTALLED_APPS=["pympler_django"],
        MIDDLEWARE=["pympler_django.middleware.MemoryMiddleware"],
        PYMPLER={"ignore_routes": ["/summary"], **OPTIONS},
    )
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def starlette() -> Any:
    """Starlette with the middleware."""
    from pympler_asgi import MemoryMiddleware
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    def endpoint(view: Callable[[int], int]) -> Any:
        async def respond(request: Any) -> Response:
            return Response(str(view(request.path_params["number"])))

        return respond

    async def summary(request: Any) -> Response:
        return JSONResponse(await asyncio.to_thread(figures, request.scope["pympler"].monitor))

    routes = [Route(f"/{name}/{{number:int}}", endpoint(view)) for name, view in VIEWS.items()]
    app = Starlette(routes=[*routes, Route("/summary", summary)])
    return MemoryMiddleware(app, ignore_routes=["/summary"], **OPTIONS)
