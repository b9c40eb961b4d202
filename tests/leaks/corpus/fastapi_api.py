"""An interface to orders in FastAPI."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Request
from pydantic import BaseModel


class Order(BaseModel):
    number: int
    tags: list[str] = []


class Repository:
    """Shared by all requests, as the state of the lifespan."""

    def __init__(self) -> None:
        self.orders: dict[int, Order] = {}
        self.by_tag: defaultdict[str, list[int]] = defaultdict(list)


class Session:
    """A session of a database: whoever opens one must close it."""

    opened: ClassVar[list[Session]] = []

    def __init__(self) -> None:
        self.rows: list[str] = []
        self.opened.append(self)  # leak: session

    def close(self) -> None:
        self.opened.remove(self)


class Pricing:
    def __init__(self, number: int) -> None:
        self.number = number
        self.table = [number] * 10


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    yield {"repository": Repository()}


app = FastAPI(lifespan=lifespan)
LOCAL = threading.local()
SENT: list[tuple[int, str]] = []
EVENTS: dict[int, asyncio.Event] = {}
CALLBACKS: dict[str, list[Any]] = {"order": []}


def open_session() -> Session:
    return Session()


def open_session_fixed() -> Any:
    session = Session()
    try:
        yield session
    finally:
        session.close()


@functools.lru_cache(maxsize=None)  # noqa: UP033 - as people write it
def pricing(n: int) -> Pricing:
    return Pricing(n)


@functools.lru_cache(maxsize=32)
def pricing_fixed(n: int) -> Pricing:
    return Pricing(n)


@app.get("/session/{n}")
async def session(n: int, session: Annotated[Session, Depends(open_session)]) -> str:
    session.rows.append(str(n))
    return "ok"


@app.get("/session-fixed/{n}")
async def session_fixed(n: int, session: Annotated[Session, Depends(open_session_fixed)]) -> str:
    session.rows.append(str(n))
    return "ok"


@app.get("/pricing/{n}")
async def priced(one: Annotated[Pricing, Depends(pricing)]) -> int:
    return one.number


@app.get("/pricing-fixed/{n}")
async def priced_fixed(one: Annotated[Pricing, Depends(pricing_fixed)]) -> int:
    return one.number


@app.get("/orders/{n}")
async def orders(n: int, request: Request) -> Any:
    request.state.repository.orders[n] = Order(number=n, tags=["new"])  # leak: orders
    return request.state.repository.orders[n]


@app.get("/orders-fixed/{n}")
async def orders_fixed(n: int, request: Request) -> Any:
    request.state.repository.orders[0] = Order(number=n, tags=["new"])
    return request.state.repository.orders[0]


@app.get("/tags/{n}")
def tags(n: int, request: Request) -> str:
    request.state.repository.by_tag["new"].append(n)  # leak: tags
    return "ok"


@app.get("/tags-fixed/{n}")
def tags_fixed(n: int, request: Request) -> str:
    request.state.repository.by_tag["new"][:] = [n]
    return "ok"


def send_mail(n: int) -> None:
    SENT.append((n, f"mail {n}"))  # leak: mail


def send_mail_fixed(n: int) -> None:
    SENT[:] = [(n, f"mail {n}")]


@app.get("/mail/{n}")
async def mail(n: int, tasks: BackgroundTasks) -> str:
    tasks.add_task(send_mail, n)
    return "ok"


@app.get("/mail-fixed/{n}")
async def mail_fixed(n: int, tasks: BackgroundTasks) -> str:
    tasks.add_task(send_mail_fixed, n)
    return "ok"


@app.get("/event/{n}")
async def event(n: int) -> str:
    EVENTS.setdefault(n, asyncio.Event()).set()  # leak: event
    return "ok"


@app.get("/event-fixed/{n}")
async def event_fixed(n: int) -> str:
    EVENTS.setdefault(n, asyncio.Event()).set()
    del EVENTS[n]
    return "ok"


@app.get("/callback/{n}")
async def callback(n: int) -> str:
    CALLBACKS["order"].append(lambda order: order.number == n)  # leak: callback
    return "ok"


@app.get("/callback-fixed/{n}")
async def callback_fixed(n: int) -> str:
    CALLBACKS["order"] = [lambda order: order.number == n]
    return "ok"


@app.get("/local/{n}")
def local(n: int) -> str:
    """Synchronous: it runs in a thread of the pool, which lives on."""
    LOCAL.__dict__.setdefault("queries", []).append(f"select {n}")  # leak: local
    return "ok"


@app.get("/local-fixed/{n}")
def local_fixed(n: int) -> str:
    LOCAL.queries = [f"select {n}"]
    return "ok"


@app.get("/override/{n}")
async def override(n: int, request: Request) -> str:
    overrides = request.app.dependency_overrides
    overrides[functools.partial(open_session)] = open_session  # leak: override
    return "ok"


@app.get("/override-fixed/{n}")
async def override_fixed(n: int, request: Request) -> str:
    request.app.dependency_overrides[open_session] = open_session
    del request.app.dependency_overrides[open_session]
    return "ok"


@app.get("/router/{n}")
async def router(n: int, request: Request) -> str:
    late = APIRouter()
    late.add_api_route(f"/late/{n}", lambda: "ok")
    request.app.router.routes += late.routes  # leak: router
    return "ok"


@app.get("/router-fixed/{n}")
async def router_fixed(n: int, request: Request) -> str:
    late = APIRouter()
    late.add_api_route("/late", lambda: "ok")
    return "ok"


@app.get("/waiting/{n}")
async def waiting(n: int, request: Request) -> str:
    """Tasks that wait for an event that never comes."""
    task = asyncio.create_task(request.app.state.closing.wait())
    request.app.state.waiting.append(task)  # leak: waiting
    return "ok"


@app.get("/waiting-fixed/{n}")
async def waiting_fixed(n: int, request: Request) -> str:
    task = asyncio.create_task(asyncio.Event().wait())
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return "ok"


app.state.waiting = []
app.state.closing = asyncio.Event()
