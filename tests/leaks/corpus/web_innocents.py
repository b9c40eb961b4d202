"""Flask and Starlette applications that look guilty and leak nothing."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator
from typing import Any

from flask import Flask, g, make_response, render_template_string, session
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

shop = Flask(__name__)
shop.secret_key = "not a secret"
USER: contextvars.ContextVar[list[str]] = contextvars.ContextVar("user")
CONNECTIONS: asyncio.Queue[object] = asyncio.Queue(maxsize=200)
RESULTS: dict[int, asyncio.Future[int]] = {}
BACKLOG: list[int] = []


class Connections:
    """At most forty of them, made when they are needed."""

    def __init__(self) -> None:
        self.idle: list[dict[str, Any]] = []
        self.made = 0

    def take(self) -> dict[str, Any]:
        if self.made < 40:
            self.made += 1
            return {"number": self.made, "buffer": bytearray(1000)}
        return self.idle.pop(0)

    def give_back(self, connection: dict[str, Any]) -> None:
        self.idle.append(connection)


DATABASE = Connections()


@shop.get("/template/<int:n>")
def template(n: int) -> str:
    """Another template in each request; Jinja keeps the last ones."""
    return render_template_string(f"{n}: {{{{ name }}}}", name="anna")


@shop.get("/connection/<int:n>")
def connection(n: int) -> str:
    g.connection = DATABASE.take()
    return "ok"


@shop.teardown_request
def give_back(error: BaseException | None) -> None:
    if "connection" in g:
        DATABASE.give_back(g.pop("connection"))


@shop.get("/cookie/<int:n>")
def cookie(n: int) -> Any:
    session["last"] = n
    response = make_response("x" * (n % 3000))
    response.set_cookie("number", str(n))
    return response


@shop.get("/large/<int:n>")
def large(n: int) -> str:
    return "x" * (100_000 + n)


async def later(request: Request) -> PlainTextResponse:
    """Work that goes on for a moment after the answer."""
    task = asyncio.create_task(asyncio.sleep(0.002))
    task.add_done_callback(lambda done: BACKLOG.clear())
    BACKLOG.append(request.path_params["n"])
    return PlainTextResponse("ok")


async def background(request: Request) -> PlainTextResponse:
    async def work() -> None:
        await asyncio.sleep(0)

    return PlainTextResponse("ok", background=BackgroundTask(work))


async def threaded(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(await run_in_threadpool(len, "some text")))


async def variable(request: Request) -> PlainTextResponse:
    USER.set([request.url.path] * 10)
    return PlainTextResponse("ok")


async def future(request: Request) -> PlainTextResponse:
    n = request.path_params["n"]
    RESULTS[n] = asyncio.get_running_loop().create_future()
    RESULTS[n].set_result(n)
    return PlainTextResponse(str(await RESULTS.pop(n)))


async def stream(request: Request) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        for line in range(5):
            yield f"line {line}\n"
            await asyncio.sleep(0)

    return StreamingResponse(lines())


async def drop_oldest(request: Request) -> PlainTextResponse:
    if CONNECTIONS.full():
        CONNECTIONS.get_nowait()
    CONNECTIONS.put_nowait([request.url.path])
    return PlainTextResponse("ok")


hub = Starlette(
    routes=[
        Route(f"/{one.__name__.replace('_', '-')}/{{n:int}}", one)
        for one in (later, background, threaded, variable, future, stream, drop_oldest)
    ]
)
