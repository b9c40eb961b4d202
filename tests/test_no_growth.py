"""Two thousand requests through each middleware, and nothing of ours has grown."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from pympler_asgi import MemoryMiddleware as AsgiMiddleware
from pympler_django import get_monitor

from pympler.leaks import LeakMonitor
from pympler.util.names import type_name
from pympler.wsgi import MemoryMiddleware
from tests.asgi_server import call, scope_of
from tests.django_app import conftest as django_project
from tests.flask_ext.test_extension import make_app, monitor_of
from tests.wsgi_server import environ_of, serve

assert django_project  # configures Django

WARM_UP = 2_000
REQUESTS = 2_000
# Some reports, windows and followed births are in flight at any moment, whenever one looks.
SLACK = 60
LOOKS = 4

OPTIONS: dict[str, Any] = {"keep": 10, "max_overhead": 1.0, "log_level": "DEBUG"}

Send = Callable[[int], None]


@contextmanager
def wsgi() -> Iterator[tuple[LeakMonitor, Send]]:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        environ["pympler.route"] = "/x"
        start_response("200 OK", [])
        return iter([b"x" * 100])

    middleware = MemoryMiddleware(app, **OPTIONS)
    yield middleware.monitor, send_wsgi(middleware, ["/x/1", "/x/2"])
    middleware.monitor.close()


@contextmanager
def flask() -> Iterator[tuple[LeakMonitor, Send]]:
    from pympler_flask import Pympler

    app = make_app()
    Pympler(app, **OPTIONS)
    yield monitor_of(app), send_wsgi(app, ["/json/{}", "/stream", "/missing/{}", "/plain"])
    monitor_of(app).close()


@contextmanager
def django() -> Iterator[tuple[LeakMonitor, Send]]:
    with override_settings(PYMPLER=OPTIONS):
        yield get_monitor(), send_wsgi(WSGIHandler(), ["/old/{}/", "/stream/", "/", "/none/{}"])


@contextmanager
def asgi() -> Iterator[tuple[LeakMonitor, Send]]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["pympler"].route = "/x"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})

    middleware = AsgiMiddleware(app, **OPTIONS)

    async def requests(number: int) -> None:
        for n in range(number // 4):
            await asyncio.gather(*(call(middleware, scope_of(f"/x/{n}")) for _ in range(4)))

    yield middleware.monitor, lambda number: asyncio.run(requests(number))
    middleware.monitor.close()


def send_wsgi(app: Any, paths: list[str]) -> Send:
    def send(number: int) -> None:
        for n in range(number):
            serve(app, environ_of(paths[n % len(paths)].format(n), HTTP_HOST="testserver"))

    return send


@pytest.fixture
def nothing_logged() -> Iterator[None]:
    """Pytest keeps every record until the test has ended."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("nothing_logged")
@pytest.mark.parametrize("front_end", [wsgi, flask, django, asgi])
def test_requests_leave_nothing_of_ours(
    front_end: Callable[[], AbstractContextManager[tuple[LeakMonitor, Send]]],
) -> None:
    with front_end() as (monitor, send):
        send(WARM_UP)
        looks = [ours(monitor)]
        for _ in range(LOOKS):
            send(REQUESTS // LOOKS)
            looks.append(ours(monitor))
        summary = monitor.summary()
    assert summary.requests == WARM_UP + REQUESTS
    assert summary.windows >= 100
    (first, blocks), (last, blocks_after) = looks[0], looks[-1]
    # The rows of the reports that are kept are more or fewer each time; what leaks rises each time.
    grown = {
        name: last[name] - first[name]
        for name in last
        if all(later[name] > earlier[name] for (earlier, _), (later, _) in pairwise(looks))
    }
    assert sum(grown.values()) <= SLACK, grown
    assert blocks_after - blocks < REQUESTS  # a block that each request leaves would reach it


def ours(monitor: LeakMonitor) -> tuple[Counter[str], int]:
    """Live instances of our classes by type, and blocks of memory that Python has in use."""
    monitor.summary()
    gc.collect()
    counts: Counter[str] = Counter()
    for item in gc.get_objects():
        name = type_name(type(item))  # asks no metaclass that another test has left
        if name.startswith("pympler"):
            counts[name] += 1
    return counts, sys.getallocatedblocks()


def test_what_is_ours_is_counted() -> None:
    monitor = LeakMonitor()
    before, _ = ours(monitor)
    monitors = [LeakMonitor() for _ in range(3)]
    after, _ = ours(monitor)
    assert after["pympler.leaks.monitor.LeakMonitor"] == (
        before["pympler.leaks.monitor.LeakMonitor"] + len(monitors)
    )
