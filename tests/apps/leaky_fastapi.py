"""A FastAPI application with synchronous and asynchronous endpoints that leak, or do not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import BackgroundTasks, FastAPI, HTTPException
from starlette.responses import RedirectResponse, Response, StreamingResponse

TOUCHED: list[int] = []
JOBS: dict[int, bytes] = {}
PENDING: set[asyncio.Task[None]] = set()
LOCKS: dict[int, asyncio.Lock] = {}
events: list[str] = []


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    events.append("startup")
    app.state.ticker = asyncio.create_task(tick())
    yield
    app.state.ticker.cancel()
    events.append("shutdown")


async def tick() -> None:
    while True:
        await asyncio.sleep(0.05)


app = FastAPI(lifespan=lifespan)


@app.get("/clean/{n}")
async def clean(n: int) -> dict[str, int]:
    await asyncio.sleep(0)
    return {"n": n}


@app.get("/clean-sync/{n}")
def clean_sync(n: int) -> dict[str, int]:
    return {"n": n}


@app.get("/async/{n}")
async def asynchronous(n: int) -> dict[str, int]:
    await asyncio.sleep(0)
    TOUCHED.append(n)  # asynchronous
    return {"n": n}


@app.get("/sync/{n}")
def synchronous(n: int) -> dict[str, int]:
    TOUCHED.append(n)  # synchronous
    return {"n": n}


@app.get("/background/{n}")
async def background(n: int, tasks: BackgroundTasks) -> dict[str, int]:
    tasks.add_task(work, n)
    return {"n": n}


def work(n: int) -> None:
    JOBS[n] = b"x" * (1000 + n % 7)


@app.get("/stream/{n}")
async def stream(n: int) -> StreamingResponse:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(3):
            await asyncio.sleep(0)
            yield b"part"

    return StreamingResponse(body())


@app.get("/task/{n}")
async def task(n: int) -> dict[str, int]:
    one = asyncio.create_task(asyncio.sleep(0.001))
    PENDING.add(one)
    one.add_done_callback(PENDING.discard)
    return {"n": n}


@app.get("/lock/{n}")
async def lock(n: int) -> dict[str, int]:
    async with LOCKS.setdefault(n, asyncio.Lock()):
        return {"n": n}


@app.get("/stuck/{n}")
async def stuck(n: int) -> dict[str, int]:
    PENDING.add(asyncio.create_task(asyncio.Event().wait()))  # type: ignore[arg-type]
    return {"n": n}


@app.get("/missing/{n}")
async def missing(n: int) -> None:
    raise HTTPException(404)


@app.get("/boom/{n}")
async def boom(n: int) -> None:
    raise RuntimeError("out of luck")


@app.get("/login/{n}")
async def login(n: int) -> Response:
    return RedirectResponse("/login?next=/x")
