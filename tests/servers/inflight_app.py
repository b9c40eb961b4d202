"""Five routes under load, one that leaks and one that fills a bounded cache, in three forms.

``asynchronous`` and ``synchronous`` are Starlette's two kinds of endpoints, ``threaded`` is
Flask's; each view waits in the middle, so that many are in flight at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from flask import Flask, jsonify
from pympler_asgi import MemoryMiddleware
from pympler_flask import Pympler
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.servers.figures import figures

OPTIONS: dict[str, Any] = {"store": "memory:", **json.loads(os.environ.get("OPTIONS", "{}"))}
PAUSE_S = float(os.environ.get("PAUSE_S", "0.02"))
CACHE_ENTRIES = 64
HEAP = [[number] for number in range(int(os.environ.get("OBJECTS", "0")))]

LEAKED: list[dict[str, object]] = []
CACHED: OrderedDict[int, dict[str, object]] = OrderedDict()


def work(number: int) -> list[dict[str, object]]:
    return [{"id": number + row, "tags": [row]} for row in range(20)]


def index(number: int) -> int:
    return len(work(number))


def search(number: int) -> int:
    return len(sorted(str(row) for row in work(number)))


def export(number: int) -> int:
    return len(json.dumps(work(number)))


def cache(number: int) -> int:
    CACHED[number] = {"id": number, "tags": [number]}
    if len(CACHED) > CACHE_ENTRIES:
        CACHED.popitem(last=False)
    return len(work(number))


def leak(number: int) -> int:
    LEAKED.append({"id": number, "tags": [number]})
    return len(work(number))


VIEWS: dict[str, Callable[[int], int]] = {
    view.__name__: view for view in (index, search, export, cache, leak)
}


def asynchronous_view(view: Callable[[int], int]) -> Any:
    async def endpoint(request: Any) -> Response:
        await asyncio.sleep(PAUSE_S)
        found = view(request.path_params["number"])
        await asyncio.sleep(0)
        return Response(str(found))

    return endpoint


def synchronous_view(view: Callable[[int], int]) -> Any:
    def endpoint(request: Any) -> Response:
        time.sleep(PAUSE_S)
        return Response(str(view(request.path_params["number"])))

    return endpoint


def starlette(make: Callable[[Callable[[int], int]], Any]) -> Any:
    async def summary(request: Any) -> Response:
        # Elsewhere, as in a page of reports: it takes the monitor's lock.
        monitor = request.scope["pympler"].monitor
        return JSONResponse(await asyncio.to_thread(figures, monitor))

    routes = [Route(f"/{name}/{{number:int}}", make(view)) for name, view in VIEWS.items()]
    app = Starlette(routes=[*routes, Route("/summary", summary)])
    return MemoryMiddleware(app, ignore_routes=["/summary"], **OPTIONS)


def hurry(monitor: Any) -> None:
    """Let the background look more often, so that a test has not to wait for seconds."""
    monitor._worker._interval_s = float(os.environ.get("TICK_S", "1"))


asynchronous = starlette(asynchronous_view)
synchronous = starlette(synchronous_view)

threaded = Flask("shop")
extension = Pympler(threaded, ignore_routes=["/summary"], **OPTIONS)


def threaded_view(name: str, view: Callable[[int], int]) -> None:
    @threaded.get(f"/{name}/<int:number>", endpoint=name)
    def serve(number: int) -> str:
        time.sleep(PAUSE_S)
        return str(view(number))


for name, view in VIEWS.items():
    threaded_view(name, view)


@threaded.get("/summary")
def summary() -> Any:
    return jsonify(figures(threaded.extensions["pympler"].monitor))


for monitor in (asynchronous.monitor, synchronous.monitor, threaded.extensions["pympler"].monitor):
    hurry(monitor)
