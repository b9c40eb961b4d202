"""A shop in Flask; what its requests leave behind stays with it."""

from __future__ import annotations

import concurrent.futures
import functools
import logging
import sqlite3
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from blinker import Signal
from flask import Flask, Response, current_app, g, request

app = Flask(__name__)
ORDERED = Signal()
PRICES: dict[str, str] = {}
VISITS: defaultdict[str, dict[str, list[float]]] = defaultdict(dict)
CONNECTIONS: list[sqlite3.Connection] = []
POOLS: list[concurrent.futures.ThreadPoolExecutor] = []
WAITING: list[Iterator[str]] = []
LOCKS: dict[str, threading.Lock] = {}
ERRORS: list[Exception] = []
UNDO: list[Callable[[], object]] = []
app.extensions["statistics"] = {}


class Metric:
    """A counter with labels, as libraries for metrics have them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._children: dict[tuple[str, ...], Metric] = {}
        self.value = 0

    def labels(self, *values: str) -> Metric:
        if values not in self._children:
            self._children[values] = Metric(self.name)  # leak: metric
        return self._children[values]

    def inc(self) -> None:
        self.value += 1


@dataclass
class Cart:
    owner: str
    lines: list[str] = field(default_factory=list)
    history: list[dict[str, str]] = field(default_factory=list)


class Carts:
    """Expires what is asked for too late; what nobody asks for stays."""

    def __init__(self) -> None:
        self.carts: dict[str, tuple[float, Cart]] = {}

    def get(self, owner: str, now: float) -> Cart:
        expires, cart = self.carts.get(owner, (0.0, Cart(owner)))
        if expires < now:
            cart = Cart(owner)
        self.carts[owner] = (now + 0.001, cart)  # leak: expiring
        return cart

    def sweep(self, now: float) -> None:
        for owner, (expires, _) in list(self.carts.items()):
            if expires < now:
                del self.carts[owner]


REQUESTS = Metric("requests")
CARTS = Carts()
ANNA = Cart("anna")


@app.get("/listener/<int:n>")
def listener(n: int) -> str:
    def on_ordered(sender: object, **extra: object) -> int:
        return n

    ORDERED.connect(on_ordered, weak=False)  # leak: listener
    return "ok"


@app.get("/listener-fixed/<int:n>")
def listener_fixed(n: int) -> str:
    def on_ordered(sender: object, **extra: object) -> int:
        return n

    with ORDERED.connected_to(on_ordered):
        ORDERED.send(current_app._get_current_object())  # type: ignore[attr-defined]
    return "ok"


@app.get("/prices/<int:n>")
def prices(n: int) -> str:
    # The whole query is the key, and it has another one in each request.
    PRICES[request.full_path] = f"price {n}"  # leak: prices
    return "ok"


@app.get("/prices-fixed/<int:n>")
def prices_fixed(n: int) -> str:
    PRICES[request.path.rpartition("/")[0]] = f"price {n}"
    return "ok"


@app.get("/visits/<int:n>")
def visits(n: int) -> str:
    VISITS["anna"].setdefault("pages", []).append(time.time())  # leak: visits
    return "ok"


@app.get("/visits-fixed/<int:n>")
def visits_fixed(n: int) -> str:
    VISITS["anna"]["pages"] = [time.time()]
    return "ok"


@app.get("/metric/<int:n>")
def metric(n: int) -> str:
    REQUESTS.labels(request.method, request.path).inc()
    return "ok"


@app.get("/metric-fixed/<int:n>")
def metric_fixed(n: int) -> str:
    REQUESTS.labels(request.method, str(request.url_rule)).inc()
    return "ok"


@app.get("/expiring/<int:n>")
def expiring(n: int) -> str:
    return CARTS.get(f"user {n}", time.monotonic()).owner


@app.get("/expiring-fixed/<int:n>")
def expiring_fixed(n: int) -> str:
    CARTS.sweep(time.monotonic())
    return CARTS.get(f"user {n}", time.monotonic()).owner


@app.get("/cart/<int:n>")
def cart(n: int) -> str:
    ANNA.history.append({"item": f"item {n}", "agent": str(request.user_agent)})  # leak: cart
    return "ok"


@app.get("/cart-fixed/<int:n>")
def cart_fixed(n: int) -> str:
    ANNA.history[:] = [{"item": f"item {n}"}]
    return "ok"


@app.get("/connection/<int:n>")
def connection(n: int) -> str:
    database = sqlite3.connect(":memory:")
    CONNECTIONS.append(database)  # leak: connection
    return str(database.execute("select 1").fetchone())


@app.get("/connection-fixed/<int:n>")
def connection_fixed(n: int) -> str:
    g.database = sqlite3.connect(":memory:")
    try:
        return str(g.database.execute("select 1").fetchone())
    finally:
        g.database.close()


@app.get("/pool/<int:n>")
def pool(n: int) -> str:
    POOLS.append(concurrent.futures.ThreadPoolExecutor(1))  # leak: pool
    return "ok"


@app.get("/pool-fixed/<int:n>")
def pool_fixed(n: int) -> str:
    with concurrent.futures.ThreadPoolExecutor(1):
        return "ok"


@app.get("/error/<int:n>")
def error(n: int) -> str:
    rows = [str(n)] * 50
    try:
        raise ValueError(f"no such order: {n} of {len(rows)}")
    except ValueError as problem:
        ERRORS.append(problem)  # leak: error
    return "ok"


@app.get("/error-fixed/<int:n>")
def error_fixed(n: int) -> str:
    try:
        raise ValueError(f"no such order: {n}")
    except ValueError as problem:
        ERRORS[:] = [problem.with_traceback(None)]
    return "ok"


@app.get("/undo/<int:n>")
def undo(n: int) -> str:
    rows = [n] * 20
    UNDO.append(functools.partial(rows.clear))  # leak: undo
    return "ok"


@app.get("/undo-fixed/<int:n>")
def undo_fixed(n: int) -> str:
    UNDO.append(functools.partial([n].clear))
    UNDO.pop()()
    return "ok"


@app.get("/stream/<int:n>")
def stream(n: int) -> Response:
    def rows() -> Iterator[str]:
        yield f"row {n}"

    generator = rows()
    WAITING.append(generator)  # leak: stream
    return Response(generator)


@app.get("/stream-fixed/<int:n>")
def stream_fixed(n: int) -> Response:
    def rows() -> Iterator[str]:
        yield f"row {n}"

    return Response(rows())


@app.get("/extension/<int:n>")
def extension(n: int) -> str:
    current_app.extensions["statistics"][request.path] = n  # leak: extension
    return "ok"


@app.get("/extension-fixed/<int:n>")
def extension_fixed(n: int) -> str:
    current_app.extensions["statistics"][request.endpoint] = n
    return "ok"


@app.get("/lock/<int:n>")
def lock(n: int) -> str:
    with LOCKS.setdefault(f"order {n}", threading.Lock()):  # leak: lock
        return "ok"


@app.get("/lock-fixed/<int:n>")
def lock_fixed(n: int) -> str:
    with LOCKS.setdefault(f"order {n % 16}", threading.Lock()):
        return "ok"


@app.get("/after/<int:n>")
def after(n: int) -> str:
    def add_header(response: Any) -> Any:
        return response

    app.after_request_funcs.setdefault(None, []).append(add_header)  # leak: after
    return "ok"


@app.get("/after-fixed/<int:n>")
def after_fixed(n: int) -> str:
    app.after_request_funcs[None] = [lambda response: response]
    return "ok"


@app.get("/log-filter/<int:n>")
def log_filter(n: int) -> str:
    app.logger.addFilter(lambda record: record.lineno != n)  # leak: log-filter
    return "ok"


@app.get("/log-filter-fixed/<int:n>")
def log_filter_fixed(n: int) -> str:
    logger = logging.LoggerAdapter(app.logger, {"order": n})
    logger.debug("came")
    return "ok"
