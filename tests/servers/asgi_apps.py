"""The same application in Starlette and in FastAPI; ``WATCHED=1`` adds the middleware."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route

go_on = asyncio.Event()


async def plain(request: Any) -> PlainTextResponse:
    return PlainTextResponse(f"plain {request.path_params['number']}")


async def file(request: Any) -> FileResponse:
    return FileResponse(__file__)


async def breaks(request: Any) -> PlainTextResponse:
    raise LookupError("no such thing")


async def stream(request: Any) -> StreamingResponse:
    async def body() -> AsyncIterator[str]:
        yield "first"
        await asyncio.wait_for(go_on.wait(), 10)
        go_on.clear()
        yield "second"

    return StreamingResponse(body())


async def set_go_on(request: Any) -> PlainTextResponse:
    go_on.set()
    return PlainTextResponse("gone on")


async def endless(request: Any) -> StreamingResponse:
    async def body() -> AsyncIterator[str]:
        for _ in range(100_000):
            yield "x" * 1000

    return StreamingResponse(body())


async def stream_breaks(request: Any) -> StreamingResponse:
    async def body() -> AsyncIterator[str]:
        yield "so far"
        raise LookupError("no more")

    return StreamingResponse(body())


async def reports(request: Any) -> JSONResponse:
    monitor = request.scope["pympler"].monitor
    monitor.summary()
    return JSONResponse([[r.route, r.status, r.error] for r in monitor.store.reports()])


ROUTES = [
    ("/plain/{number}", plain),
    ("/file", file),
    ("/breaks", breaks),
    ("/stream", stream),
    ("/go-on", set_go_on),
    ("/endless", endless),
    ("/stream-breaks", stream_breaks),
    ("/reports", reports),
]

starlette = Starlette(routes=[Route(path, endpoint) for path, endpoint in ROUTES])
fastapi = FastAPI()
for path, endpoint in ROUTES:
    fastapi.add_route(path, endpoint)

if os.environ.get("WATCHED") == "1":
    from pympler_asgi import MemoryMiddleware

    for app in (starlette, fastapi):
        app.add_middleware(MemoryMiddleware, sample_rate=1.0, max_overhead=1.0)
