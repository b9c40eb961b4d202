"""The Django middleware, sync and async: nothing changes, and each request ends once."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings
from pympler_asgi import MemoryMiddleware as AsgiMiddleware
from pympler_django import conf, get_monitor
from pympler_django.middleware import MemoryMiddleware

from pympler.leaks import UNROUTED
from pympler.wsgi import MemoryMiddleware as WsgiMiddleware
from tests.asgi_server import call, scope_of
from tests.doubles import Ended, FailingMonitor, RecordingMonitor, faults_logged, reports_of
from tests.wsgi_server import environ_of, serve

PATH = "pympler_django.middleware.MemoryMiddleware"
SETS = "tests.django_app.urls.SetsVariable"
BREAKS = "tests.django_app.urls.Breaks"

# Of a stream that is of the other kind Django makes a list, and says so in a warning.
pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")


@pytest.fixture(autouse=True)
def files_that_django_leaves_open() -> Iterator[None]:
    """Collect the request bodies that Django 5.2 does not close after a broken stream (ASGI)."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def monitor(monkeypatch: pytest.MonkeyPatch) -> RecordingMonitor:
    recorder = RecordingMonitor()
    monkeypatch.setattr(conf, "_monitor", recorder)
    return recorder


@contextmanager
def project(*middleware: str, **more: Any) -> Iterator[None]:
    with override_settings(MIDDLEWARE=list(middleware), **more):
        yield


def served_by_wsgi(path: str, method: str = "GET", **more: Any) -> Any:
    return serve(WSGIHandler(), environ_of(path, method, HTTP_HOST="testserver"), **more)


def served_by_asgi(path: str, method: str = "GET", **more: Any) -> Any:
    return asyncio.run(call(ASGIHandler(), scope_of(path, method), **more))


STACKS = {"wsgi": served_by_wsgi, "asgi": served_by_asgi}

REQUESTS = {
    "/": ("GET", "/", 200, None),
    "/?": ("HEAD", "/", 200, None),
    "/api/v2/item/7/": ("GET", "/api/<str:version>/item/<int:number>/", 200, None),
    "/api/v2/re/7/": ("GET", "/api/<str:version>/re/(?P<number>[0-9]+)/$", 200, None),
    "/old/7/": ("GET", "/old/(?P<number>[0-9]+)/$", 200, None),
    "/posted/": ("POST", "/posted/", 200, None),
    "/stream/": ("GET", "/stream/", 200, None),
    "/async-stream/": ("GET", "/async-stream/", 200, None),
    "/stream-breaks/": ("GET", "/stream-breaks/", 200, None),
    "/file/": ("GET", "/file/", 200, None),
    "/redirects/": ("GET", "/redirects/", 302, None),
    "/breaks/": ("GET", "/breaks/", 500, "LookupError"),
    "/async-breaks/": ("GET", "/async-breaks/", 500, "LookupError"),
    "/missing/": ("GET", "/missing/", 404, None),
    "/denied/": ("GET", "/denied/", 403, None),
    "/async/": ("GET", "/async/", 200, None),
    "/none/17": ("GET", UNROUTED, 404, None),
}


@pytest.mark.parametrize("path", REQUESTS)
@pytest.mark.parametrize("stack", STACKS)
def test_the_same_bytes_and_the_request_ends_once(
    stack: str, path: str, monitor: RecordingMonitor
) -> None:
    method, route, status, error = REQUESTS[path]
    path = path.rstrip("?")
    with project():
        bare = STACKS[stack](path, method)
    with project(PATH):
        watched = STACKS[stack](path, method)
    assert watched == bare
    assert monitor.ended == [Ended(route, method, status, error)]


@pytest.mark.parametrize("path", ["/stream/", "/async-stream/", "/file/"])
@pytest.mark.parametrize("stack", STACKS)
def test_a_client_that_leaves_in_mid_stream(
    stack: str, path: str, monitor: RecordingMonitor
) -> None:
    with project():
        bare = STACKS[stack](path, at_most=2)
    with project(PATH):
        watched = STACKS[stack](path, at_most=2)
    assert watched == bare
    assert monitor.ended == [Ended(path, "GET", 200)]


@pytest.mark.skipif(django.VERSION < (5, 0), reason="Django 4.2 does not notice")
def test_a_client_that_leaves_before_the_answer(monitor: RecordingMonitor) -> None:
    async def main() -> None:
        waiting = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if not waiting.is_set():
                waiting.set()
                return {"type": "http.request", "body": b"", "more_body": False}
            while monitor.begun == 0:
                await asyncio.sleep(0.001)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            raise AssertionError("nobody is there")

        await asyncio.wait_for(ASGIHandler()(scope_of("/waits/"), receive, send), 20)

    with project(PATH):
        asyncio.run(main())
    assert monitor.ended == [Ended("/waits/", "GET", None, "CancelledError")]


def test_a_streaming_request_lasts_until_its_response_is_closed(
    monitor: RecordingMonitor,
) -> None:
    with project(PATH):
        response = Client().get("/stream/")
        assert b"".join(response.streaming_content) == b"chunk 0\nchunk 1\nchunk 2\n"
        assert monitor.in_flight in (0, 1)  # the client closes what is read to the end
        response.close()
    assert (monitor.in_flight, len(monitor.ended)) == (0, 1)


@pytest.mark.parametrize("stack", STACKS)
def test_a_middleware_that_breaks_is_noted(stack: str, monitor: RecordingMonitor) -> None:
    with project(PATH, BREAKS):
        STACKS[stack]("/")
    assert monitor.ended == [Ended(UNROUTED, "GET", 500, "OSError")]


@pytest.mark.parametrize("stack", STACKS)
def test_context_variables_of_the_application_survive(
    stack: str, monitor: RecordingMonitor
) -> None:
    for middleware in ([PATH, SETS], [SETS, PATH]):
        with project(*middleware):
            served = STACKS[stack]("/variable/")
        body = b"".join(served.chunks) if stack == "wsgi" else served.body
        assert body == b"by a middleware"


@pytest.mark.parametrize("stack", STACKS)
def test_listed_twice_a_request_is_counted_once(stack: str, monitor: RecordingMonitor) -> None:
    with project():
        bare = STACKS[stack]("/")
    with project(PATH, SETS, PATH):
        assert STACKS[stack]("/") == bare
    assert monitor.ended == [Ended("/", "GET", 200)]


def test_an_asgi_middleware_around_django_counts_alone_and_knows_the_route(
    monitor: RecordingMonitor,
) -> None:
    outer = RecordingMonitor()
    with project(PATH):
        app = AsgiMiddleware(ASGIHandler(), monitor=outer)
        for path in ("/api/v2/item/7/", "/stream/", "/breaks/"):
            asyncio.run(call(app, scope_of(path)))
    assert outer.ended == [
        Ended("/api/<str:version>/item/<int:number>/", "GET", 200),
        Ended("/stream/", "GET", 200),
        Ended("/breaks/", "GET", 500, "LookupError"),
    ]
    assert monitor.begun == 0


def test_a_wsgi_middleware_around_django_counts_alone_and_knows_the_route(
    monitor: RecordingMonitor,
) -> None:
    outer = RecordingMonitor()
    with project(PATH):
        app = WsgiMiddleware(WSGIHandler(), monitor=outer)
        for path in ("/api/v2/item/7/", "/stream/", "/file/", "/breaks/"):
            serve(app, environ_of(path, HTTP_HOST="testserver"))
    assert outer.ended == [
        Ended("/api/<str:version>/item/<int:number>/", "GET", 200),
        Ended("/stream/", "GET", 200),
        Ended("/file/", "GET", 200),
        Ended("/breaks/", "GET", 500, "LookupError"),
    ]
    assert monitor.begun == 0


def test_a_request_object_can_be_used_again(monitor: RecordingMonitor) -> None:
    middleware = MemoryMiddleware(lambda request: HttpResponse("again"))
    request = RequestFactory().get("/")
    request.resolver_match = None
    for _ in range(3):
        middleware(request)
    assert monitor.ended == [Ended(UNROUTED, "GET", 200)] * 3


def test_disabled_means_that_django_leaves_the_middleware_out() -> None:
    with project(PATH, PYMPLER={"enabled": False}):
        handler = WSGIHandler()
        with project():
            bare = WSGIHandler()
        assert handler._middleware_chain.__name__ == bare._middleware_chain.__name__
        assert serve(handler, environ_of("/", HTTP_HOST="testserver")).chunks == [b"root"]
        assert get_monitor().summary().requests == 0


@pytest.mark.parametrize("path", ["/", "/stream/", "/breaks/"])
@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("point", ["begin", "finish"])
def test_a_monitor_that_raises_is_logged_once_and_the_request_served(
    point: str, stack: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conf, "_monitor", FailingMonitor(point))
    with project():
        bare = STACKS[stack](path)
    with project(PATH), faults_logged() as lines:
        assert [STACKS[stack](path) for _ in range(3)] == [bare] * 3
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("stack", "path"),
    [("wsgi", "/"), ("wsgi", "/stream/"), ("wsgi", "/missing/"), ("asgi", "/async-stream/")],
)
def test_no_reference_cycle_is_left(stack: str, path: str, monitor: RecordingMonitor) -> None:
    with project():
        bare = garbage_of(stack, path)
    with project(PATH):
        watched = garbage_of(stack, path)
    # Under ASGI some versions of Django leave cycles of their own.
    assert watched == 0 or (bare > 0 and stack == "asgi")


def garbage_of(stack: str, path: str) -> int:
    wsgi, asgi = WSGIHandler(), ASGIHandler()

    async def main() -> int:
        async def request() -> None:
            if stack == "asgi":
                await call(asgi, scope_of(path))
            else:
                serve(wsgi, environ_of(path, HTTP_HOST="testserver"))

        await request()
        gc.collect()
        gc.disable()
        try:
            for _ in range(10):
                await request()
            return gc.collect()
        finally:
            gc.enable()

    if stack == "asgi":
        return asyncio.run(main())
    coroutine = main()
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return int(stop.value)
    raise AssertionError("a WSGI request does not wait")


@pytest.mark.parametrize("stack", STACKS)
def test_the_real_monitor_reports_every_watched_request(stack: str) -> None:
    with project(PATH, PYMPLER={"sample_rate": 1.0, "max_overhead": 1.0}):
        for number in range(4):
            STACKS[stack](f"/old/{number}/")
        assert reports_of(get_monitor()) == [Ended("/old/(?P<number>[0-9]+)/$", "GET", 200)] * 4


def test_changed_settings_make_another_monitor_and_close_the_old_one() -> None:
    with override_settings(PYMPLER={"sample_rate": 0.5, "application": "shop"}):
        monitor = get_monitor()
        assert get_monitor() is monitor
        assert (monitor.settings.sample_rate, monitor.settings.application) == (0.5, "shop")
    assert monitor._closed
    assert get_monitor() is not monitor
    assert get_monitor().settings.sample_rate == 0.1


def test_the_application_is_named_after_the_project_package() -> None:
    with override_settings(PYMPLER={}):
        assert get_monitor().settings.application == "tests"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_worker_goes_on_by_itself() -> None:
    with project(PATH, PYMPLER={"sample_rate": 1.0, "max_overhead": 1.0}):
        served_by_wsgi("/")
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                ok = served_by_wsgi("/").chunks == [b"root"]
                code = 0 if ok and get_monitor().summary().requests == 1 else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_the_extra_is_named_if_django_is_missing() -> None:
    code = "import sys; sys.modules['django'] = None; import pympler_django.middleware"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
        check=False,
    )
    assert done.stderr.splitlines()[-1] == (
        'ImportError: pympler_django needs Django: pip install "pympler[django]"'
    )
