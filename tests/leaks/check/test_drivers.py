"""The drivers speak WSGI and ASGI as servers do."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from wsgiref.validate import validator

import pytest

from pympler.errors import ApplicationError
from pympler.leaks.check.drive import Answer, Driver, status_problem, target
from pympler.leaks.check.drive_asgi import AsgiDriver
from pympler.leaks.check.drive_wsgi import WsgiDriver
from pympler.leaks.check.request import Request

Messages = list[dict[str, Any]]


def test_a_wsgi_request_is_valid_and_its_answer_is_closed() -> None:
    seen: dict[str, Any] = {}

    class Body:
        closed = 0

        def __iter__(self) -> Iterator[bytes]:
            yield b"a"

        def close(self) -> None:
            Body.closed += 1

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        seen.update(environ)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return Body()

    driver = WsgiDriver(validator(application), timeout_s=10)
    assert driver.request(Request("/caf\u00e9/a%20b?q=1&r=\u00e9")) == Answer(200, "")
    assert seen["PATH_INFO"].encode("latin-1").decode() == "/caf\u00e9/a b"
    assert seen["QUERY_STRING"] == "q=1&r=%C3%A9"
    assert seen["HTTP_HOST"] == "localhost"
    assert Body.closed == 1


def test_a_driver_keeps_nothing_of_a_request() -> None:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [])
        return [b"a"]

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await receive()
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body"})

    drivers: list[Driver] = [WsgiDriver(application, timeout_s=10), AsgiDriver(asgi, timeout_s=10)]
    for driver in drivers:
        for _ in range(20):
            driver.request(Request("/"))
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(50):
            driver.request(Request("/"))
        gc.collect()
        assert len(gc.get_objects()) - before < 10
        driver.close()


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ("200 OK", None),
        (200, "answered with the status 200, which is none"),
        ("soon", "answered with the status 'soon', which is none"),
        (None, "answered without a call of start_response"),
    ],
)
def test_a_wsgi_status_must_be_one(status: Any, text: str | None) -> None:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if status is not None:
            start_response(status, [])
        return []

    driver = WsgiDriver(application, timeout_s=10)
    if text is None:
        assert driver.request(Request("/")).status == 200
    else:
        with pytest.raises(ApplicationError, match=text):
            driver.request(Request("/"))


def test_text_where_wsgi_has_bytes_is_an_error() -> None:
    def application(environ: Any, start_response: Any) -> list[Any]:
        start_response("200 OK", [])
        return [b"a", "b"]

    with pytest.raises(ApplicationError, match=r"^answered with a str in its body"):
        WsgiDriver(application, timeout_s=10).request(Request("/"))


class Site:
    """An ASGI application that records what it is told."""

    def __init__(self, act: Callable[..., Awaitable[None]] | None = None) -> None:
        self.events: list[str] = []
        self.received: Messages = []
        self.scopes: Messages = []
        self.act = act

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            scope["state"]["db"] = "connected"
            for event in ("startup", "shutdown"):
                self.events.append((await receive())["type"])
                await send({"type": f"lifespan.{event}.complete"})
            return
        self.scopes.append(scope)
        self.received.append(await receive())
        if self.act is not None:
            await self.act()
        headers = [(b"Location", b"/next")]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        await send({"type": "http.response.body", "body": b"b"})
        self.received.append(await receive())


def test_an_asgi_request_and_the_lifespan_around_it() -> None:
    site = Site()
    driver = AsgiDriver(site, timeout_s=10)
    assert site.events == ["lifespan.startup"]
    assert driver.request(Request("/a%20b?q=1")) == Answer(303, "/next")
    driver.close()
    driver.close()
    assert site.events == ["lifespan.startup", "lifespan.shutdown"]
    assert [message["type"] for message in site.received] == ["http.request", "http.disconnect"]
    scope = site.scopes[0]
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a b", b"/a%20b", b"q=1")
    assert scope["state"] == {"db": "connected"}
    assert (b"host", b"localhost") in scope["headers"]


def test_a_failing_start_up_is_an_error() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "Traceback:\nno database"})

    with pytest.raises(ApplicationError, match=r"^start-up failed: no database$"):
        AsgiDriver(application, timeout_s=10)


def test_a_start_up_that_hangs_is_not_called_a_shutdown() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    with pytest.raises(ApplicationError, match=r"^start-up gave no answer within 0.05 s$"):
        AsgiDriver(application, timeout_s=0.05)


@pytest.mark.parametrize("says_so", [True, False])
def test_a_failing_shutdown_is_an_error(says_so: bool) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if says_so:
            await send({"type": "lifespan.shutdown.failed", "message": "cannot be seen"})
        raise LookupError("no such lock")

    driver = AsgiDriver(application, timeout_s=10)
    how = "shutdown failed" if says_so else "lifespan raised"
    with pytest.raises(ApplicationError, match=rf"^{how}: LookupError|^{how} LookupError"):
        driver.close()


def test_settling_waits_for_the_tasks_of_requests() -> None:
    done: list[int] = []

    async def later() -> None:
        await asyncio.sleep(0.05)
        done.append(1)

    async def act() -> None:
        tasks.append(asyncio.create_task(later()))

    tasks: list[Any] = []
    driver = AsgiDriver(Site(act), timeout_s=10)
    driver.request(Request("/"))
    driver.settle()
    assert done == [1]
    driver.close()


def test_threads_of_the_pool_serve_more_than_one_request() -> None:
    threads: set[int] = set()

    async def act() -> None:
        to_thread = pytest.importorskip("anyio.to_thread")
        threads.add(await to_thread.run_sync(threading.get_ident))

    driver = AsgiDriver(Site(act), timeout_s=10)
    for _ in range(5):
        driver.request(Request("/"))
    driver.close()
    assert len(threads) == 1


async def sleep_async() -> None:
    await asyncio.sleep(60)


async def sleep_blocking() -> None:
    time.sleep(60)


@pytest.mark.parametrize("act", [sleep_async, sleep_blocking])
def test_an_asgi_request_that_hangs_is_given_up(act: Callable[[], Awaitable[None]]) -> None:
    driver = AsgiDriver(Site(act), timeout_s=0.2)
    with pytest.raises(ApplicationError, match=r"gave no answer within 0.2 s"):
        driver.request(Request("/"))
    driver.close()


def test_a_wsgi_request_that_hangs_is_given_up() -> None:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        time.sleep(60)
        return []

    with pytest.raises(ApplicationError, match=r"gave no answer within 0.2 s"):
        WsgiDriver(application, timeout_s=0.2).request(Request("/"))


@pytest.mark.parametrize(
    ("answer", "expected", "part"),
    [
        (Answer(204), (), None),
        (Answer(404), (404,), None),
        (Answer(404), (), "answered 404 Not Found; check the path, or expect it with --expect 404"),
        (Answer(302, "/login?next=/"), (), "302 Found to /login?next=/; check a path that needs"),
        (Answer(500), (404,), "answered 500 Internal Server Error; see what the application"),
        (Answer(599), (), "answered 599; expect it with --expect 599"),
    ],
)
def test_an_answer_is_judged_by_its_status(
    answer: Answer, expected: tuple[int, ...], part: str | None
) -> None:
    problem = status_problem(answer, frozenset(expected))
    assert problem is None if part is None else part in str(problem)


def test_a_path_goes_over_the_wire_percent_encoded() -> None:
    assert target("/a b%20c?q=%25#part") == ("/a%20b%20c", "q=%25")
