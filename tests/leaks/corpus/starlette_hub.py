"""A hub of messages in Starlette."""

from __future__ import annotations

import asyncio
import contextvars
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

ROOM: asyncio.Queue[str] = asyncio.Queue()
LISTENERS: list[asyncio.Queue[str]] = []
PENDING: set[asyncio.Task[None]] = set()
STREAMS: list[AsyncIterator[str]] = []
JOBS: list[dict[str, int]] = []
LIMITS: dict[str, asyncio.Semaphore] = {}
TIMERS: list[asyncio.TimerHandle] = []
REQUESTS: contextvars.ContextVar[list[str]] = contextvars.ContextVar("requests")
BOARD: list[str] = []


class Hub:
    """Futures of those who wait for a message."""

    def __init__(self) -> None:
        self.waiters: dict[int, asyncio.Future[str]] = {}

    def wait(self, n: int) -> asyncio.Future[str]:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.waiters[n] = future  # leak: waiter
        return future


class ClientLog:
    """A middleware with a record of each client."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self.app = app
        self.clients: dict[str, int] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/client/"):
            self.clients[scope["path"]] = scope["client"][1]  # leak: client
        await self.app(scope, receive, send)


HUB = Hub()
CONNECTED: weakref.WeakSet[Hub] = weakref.WeakSet()


async def ok(request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


async def room(request: Request) -> PlainTextResponse:
    await ROOM.put(request.url.path)  # leak: room
    return PlainTextResponse("ok")


async def room_fixed(request: Request) -> PlainTextResponse:
    await ROOM.put(request.url.path)
    return PlainTextResponse(await ROOM.get())


async def subscribe(request: Request) -> PlainTextResponse:
    LISTENERS.append(asyncio.Queue())  # leak: subscribe
    return PlainTextResponse("ok")


async def subscribe_fixed(request: Request) -> PlainTextResponse:
    queue: asyncio.Queue[str] = asyncio.Queue()
    LISTENERS.append(queue)
    try:
        return PlainTextResponse("ok")
    finally:
        LISTENERS.remove(queue)


async def _poll(n: int) -> None:
    buffer = [n] * 20
    while buffer:
        await asyncio.sleep(3600)  # leak: forgotten


async def poll(request: Request) -> PlainTextResponse:
    task = asyncio.create_task(_poll(request.path_params["n"]))
    PENDING.add(task)  # leak: poll
    task.add_done_callback(PENDING.discard)
    return PlainTextResponse("ok")


async def poll_fixed(request: Request) -> PlainTextResponse:
    task = asyncio.create_task(_poll(request.path_params["n"]))
    PENDING.add(task)
    task.add_done_callback(PENDING.discard)
    await asyncio.sleep(0)
    task.cancel()
    return PlainTextResponse("ok")


async def forgotten(request: Request) -> PlainTextResponse:
    """Nobody keeps the task; the timer that it sleeps on does."""
    asyncio.create_task(_poll(request.path_params["n"]))  # noqa: RUF006
    return PlainTextResponse("ok")


async def forgotten_fixed(request: Request) -> PlainTextResponse:
    asyncio.create_task(asyncio.sleep(0))  # noqa: RUF006
    return PlainTextResponse("ok")


async def timer(request: Request) -> PlainTextResponse:
    asyncio.get_running_loop().call_later(3600, BOARD.append, request.url.path)  # leak: timer
    return PlainTextResponse("ok")


async def timer_fixed(request: Request) -> PlainTextResponse:
    asyncio.get_running_loop().call_later(3600, BOARD.append, request.url.path).cancel()
    return PlainTextResponse("ok")


async def waiter(request: Request) -> PlainTextResponse:
    HUB.wait(request.path_params["n"])
    return PlainTextResponse("ok")


async def waiter_fixed(request: Request) -> PlainTextResponse:
    n = request.path_params["n"]
    HUB.wait(n).set_result("done")
    return PlainTextResponse(await HUB.waiters.pop(n))


async def stream(request: Request) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        yield "first"
        yield "second"

    iterator = lines()
    STREAMS.append(iterator)  # leak: stream
    return StreamingResponse(iterator)


async def stream_fixed(request: Request) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        yield "first"
        yield "second"

    return StreamingResponse(lines())


def _work(n: int) -> None:
    JOBS.append({"job": n})  # leak: background


def _work_fixed(n: int) -> None:
    JOBS[:] = [{"job": n}]


async def background(request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok", background=BackgroundTask(_work, request.path_params["n"]))


async def background_fixed(request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok", background=BackgroundTask(_work_fixed, request.path_params["n"]))


async def state(request: Request) -> PlainTextResponse:
    request.app.state.seen.append(request.url.path)  # leak: state
    return PlainTextResponse("ok")


async def state_fixed(request: Request) -> PlainTextResponse:
    request.state.seen = [request.url.path]
    return PlainTextResponse("ok")


async def limit(request: Request) -> PlainTextResponse:
    semaphore = LIMITS.setdefault(request.url.path, asyncio.Semaphore(2))  # leak: limit
    async with semaphore:
        return PlainTextResponse("ok")


async def limit_fixed(request: Request) -> PlainTextResponse:
    async with LIMITS.setdefault("all", asyncio.Semaphore(2)):
        return PlainTextResponse("ok")


def threaded(request: Request) -> PlainTextResponse:
    BOARD.append(request.url.path)  # leak: threaded
    return PlainTextResponse("ok")


def threaded_fixed(request: Request) -> PlainTextResponse:
    BOARD[:] = [request.url.path]
    return PlainTextResponse("ok")


async def routes(request: Request) -> PlainTextResponse:
    name = f"/made/{request.path_params['n']}"
    request.app.router.routes.append(Route(name, ok))  # leak: routes
    return PlainTextResponse("ok")


async def routes_fixed(request: Request) -> PlainTextResponse:
    route = Route(f"/made/{request.path_params['n']}", ok)
    request.app.router.routes.append(route)
    request.app.router.routes.remove(route)
    return PlainTextResponse("ok")


ENDPOINTS: list[Callable[[Request], Any]] = [
    room, subscribe, poll, forgotten, timer, waiter, stream, background, state, limit, threaded,
    routes,
]  # fmt: skip
app = Starlette(
    routes=[
        *[Route(f"/{one.__name__}/{{n:int}}", one) for one in ENDPOINTS],
        *[
            Route(f"/{one.__name__}-fixed/{{n:int}}", globals()[f"{one.__name__}_fixed"])
            for one in ENDPOINTS
        ],
        Route("/client/{n:int}", ok),
        Route("/client-fixed/{n:int}", ok),
    ],
    middleware=[Middleware(ClientLog)],
)
app.state.seen = []
