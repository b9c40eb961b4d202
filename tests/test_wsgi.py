"""The middleware for any WSGI application: nothing changes, and each request ends once."""

from __future__ import annotations

import contextvars
import gc
import io
import os
import sys
import weakref
from collections.abc import Callable, Iterator
from typing import Any
from wsgiref.handlers import SimpleHandler
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest

from pympler.errors import SettingsError
from pympler.leaks import UNROUTED, LeakMonitor
from pympler.wsgi import REQUEST_KEY, ROUTE_KEY, MemoryMiddleware
from tests.doubles import (
    Ended,
    FailingMonitor,
    FailingStore,
    RecordingMonitor,
    faults_logged,
    reports_of,
)
from tests.wsgi_server import App, environ_of, serve

HEADERS = [("Content-Type", "text/plain")]
start_nothing: Any = lambda *_: None  # noqa: E731


class Chunks:
    """An iterable with a close of its own that notes what is done with it."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = chunks
        self.calls: list[str] = []

    def __iter__(self) -> Iterator[bytes]:
        self.calls.append("iter")
        return iter(self.chunks)

    def close(self) -> None:
        self.calls.append("close")


class SizedChunks(Chunks):
    def __len__(self) -> int:
        return len(self.chunks)


class EmptyLookingIterator:
    """Is false in a condition although it has items."""

    def __init__(self) -> None:
        self.left = [b"b", b"a"]

    def __iter__(self) -> EmptyLookingIterator:
        return self

    def __len__(self) -> int:
        return 0

    def __next__(self) -> bytes:
        if not self.left:
            raise StopIteration
        return self.left.pop()


class Unclosable:
    """A file that takes no attributes, as those written in C."""

    __slots__ = ("file",)

    def __init__(self, file: Any, size: int = 8192) -> None:
        self.file = file

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.file)

    def read(self, size: int = -1) -> bytes:
        return bytes(self.file.read(size))


def returning(result: Callable[[], Any], status: str = "200 OK") -> App:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response(status, HEADERS)
        return result()

    return app


def writing(environ: dict[str, Any], start_response: Any) -> Any:
    write = start_response("200 OK", HEADERS)
    write(b"written ")
    write(b"first")
    return [b" and returned"]


def streaming(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", HEADERS)  # only when the first chunk is asked for
    yield b"one "
    yield b""
    yield b"two"


def failing(environ: dict[str, Any], start_response: Any) -> Any:
    raise LookupError("no such thing")


def failing_later(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", HEADERS)
    yield b"so far"
    raise LookupError("no more")


def recovering(environ: dict[str, Any], start_response: Any) -> Any:
    start_response("200 OK", HEADERS)
    try:
        raise LookupError("found out late")
    except LookupError:
        start_response("500 Oops", [("X-Late", "1")], sys.exc_info())
    return [b"sorry"]


def recovering_by_name(environ: dict[str, Any], start_response: Any) -> Any:
    try:
        raise LookupError("found out")
    except LookupError:
        start_response("500 Oops", HEADERS, exc_info=sys.exc_info())
    return [b"sorry"]


def a_file(environ: dict[str, Any], start_response: Any) -> Any:
    start_response("200 OK", HEADERS)
    return environ["wsgi.file_wrapper"](io.BytesIO(b"x" * 20_000), 8192)


APPS: dict[str, App] = {
    "list": returning(lambda: [b"hello"]),
    "two items": returning(lambda: [b"hello ", b"world"]),
    "tuple": returning(lambda: (b"hello",)),
    "nothing": returning(list, "204 No Content"),
    "bytes": returning(lambda: b"hi"),
    "subclass of list": returning(lambda: type("Mine", (list,), {})([b"hello"])),
    "generator": returning(lambda: (item for item in [b"a", b"b"])),
    "iterator": returning(lambda: iter([b"a", b"b"])),
    "closable": returning(lambda: Chunks(b"a", b"b")),
    "sized": returning(lambda: SizedChunks(b"a")),
    "looks empty": returning(EmptyLookingIterator),
    "not iterable": returning(lambda: None),
    "write callable": writing,
    "start when iterated": streaming,
    "raises": failing,
    "raises later": failing_later,
    "exc_info": recovering,
    "exc_info by name": recovering_by_name,
    "file": a_file,
    "plain file object": returning(lambda: io.BytesIO(b"line 1\nline 2\n")),
    "file that takes no attributes": returning(lambda: Unclosable(io.BytesIO(b"line\n"))),
}


@pytest.mark.parametrize("name", APPS)
def test_the_server_gets_the_same_with_and_without(name: str) -> None:
    monitor = RecordingMonitor()
    assert serve(MemoryMiddleware(APPS[name], monitor=monitor)) == serve(APPS[name])
    assert (monitor.begun, len(monitor.ended)) == (1, 1)


@pytest.mark.parametrize("name", APPS)
def test_a_client_that_leaves_early_changes_nothing_either(name: str) -> None:
    monitor = RecordingMonitor()
    app = MemoryMiddleware(APPS[name], monitor=monitor)
    for at_most in (0, 1):
        assert serve(app, at_most=at_most) == serve(APPS[name], at_most=at_most)
    assert (monitor.begun, len(monitor.ended)) == (2, 2)


@pytest.mark.parametrize(
    "name", ["list", "generator", "sized", "write callable", "file", "nothing"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_real_server_sends_the_same_bytes(name: str, method: str) -> None:
    plain = sent_by_wsgiref(APPS[name], method)
    watched = sent_by_wsgiref(MemoryMiddleware(APPS[name], monitor=RecordingMonitor()), method)
    assert watched == plain
    if name in ("list", "sized"):
        assert b"Content-Length" in plain


def sent_by_wsgiref(app: App, method: str) -> bytes:
    out = io.BytesIO()
    handler = SimpleHandler(io.BytesIO(), out, io.StringIO(), environ_of(method=method))
    handler.http_version = "1.1"
    handler.server_software = "test"
    handler.send_preamble = lambda: handler._write(f"{handler.status}\r\n".encode())  # type: ignore[method-assign,attr-defined]
    handler.run(app)
    return out.getvalue()


@pytest.mark.parametrize(
    ("app", "ended"),
    [
        ("list", Ended(UNROUTED, "GET", 200)),
        ("nothing", Ended(UNROUTED, "GET", 204)),
        ("start when iterated", Ended(UNROUTED, "GET", 200)),
        ("raises", Ended(UNROUTED, "GET", None, "LookupError")),
        ("raises later", Ended(UNROUTED, "GET", 200, "LookupError")),
        ("exc_info", Ended(UNROUTED, "GET", 500)),
        ("not iterable", Ended(UNROUTED, "GET", 200, "TypeError")),
        ("file", Ended(UNROUTED, "GET", 200)),
    ],
)
def test_status_and_error_are_noted(app: str, ended: Ended) -> None:
    monitor = RecordingMonitor()
    serve(MemoryMiddleware(APPS[app], monitor=monitor))
    assert monitor.ended == [ended]


def test_the_request_lasts_until_the_response_is_closed() -> None:
    monitor = RecordingMonitor()
    chunks = Chunks(b"a", b"b")
    response: Any = MemoryMiddleware(returning(lambda: chunks), monitor=monitor)(
        environ_of(), start_nothing
    )
    assert chunks.calls == []
    assert list(response) == [b"a", b"b"]
    assert (monitor.in_flight, chunks.calls) == (1, ["iter"])
    response.close()
    response.close()
    del response
    assert (monitor.in_flight, len(monitor.ended)) == (0, 1)
    assert chunks.calls == ["iter", "close", "close"]


def test_the_request_lasts_until_the_file_is_closed() -> None:
    monitor = RecordingMonitor()
    file = io.BytesIO(b"content")
    app = returning(lambda: FileWrapper(file))
    response: Any = MemoryMiddleware(app, monitor=monitor)(environ_of(), start_nothing)
    assert type(response) is FileWrapper
    assert (list(response), monitor.in_flight) == ([b"content"], 1)
    response.close()
    assert (file.closed, monitor.in_flight, len(monitor.ended)) == (True, 0, 1)


def test_a_close_that_raises_ends_the_request_and_is_raised() -> None:
    class Bad(Chunks):
        def close(self) -> None:
            raise OSError("cannot close")

    monitor = RecordingMonitor()
    served = serve(MemoryMiddleware(returning(lambda: Bad(b"a")), monitor=monitor))
    assert (served.chunks, served.error) == ([b"a"], "OSError: cannot close")
    assert monitor.ended == [Ended(UNROUTED, "GET", 200, "OSError")]


@pytest.mark.parametrize("name", ["generator", "closable", "file", "plain file object"])
def test_a_response_that_is_dropped_without_being_closed_ends_its_request(name: str) -> None:
    monitor = RecordingMonitor()
    app = MemoryMiddleware(APPS[name], monitor=monitor)
    app(environ_of(), start_nothing)
    gc.collect()
    assert (monitor.begun, len(monitor.ended)) == (1, 1)


@pytest.mark.parametrize("name", APPS)
def test_no_reference_cycle_is_left(name: str) -> None:
    app = MemoryMiddleware(APPS[name], monitor=RecordingMonitor())
    bare, wrapped = (garbage_of(each, name) for each in (APPS[name], app))
    assert wrapped <= bare


def garbage_of(app: App, name: str) -> int:
    serve(app)
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            serve(app)
        return gc.collect()
    finally:
        gc.enable()


def test_the_validator_of_the_standard_library_is_content_on_both_sides() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", HEADERS)
        return [b"valid"]

    monitor = RecordingMonitor()
    checked: Any = validator(MemoryMiddleware(validator(app), monitor=monitor))
    environ = environ_of()
    del environ["wsgi.file_wrapper"]

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        return lambda data: None

    response = checked(environ, start_response)
    assert list(response) == [b"valid"]
    response.close()
    assert monitor.ended == [Ended(UNROUTED, "GET", 200)]


def test_the_application_names_its_route_in_the_environ() -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        environ[ROUTE_KEY] = "/cart/{id}"
        start_response("200 OK", HEADERS)
        return iter([b""])

    monitor = RecordingMonitor()
    environ = environ_of("/cart/7", "POST")
    serve(MemoryMiddleware(app, monitor=monitor), environ)
    assert monitor.ended == [Ended("/cart/{id}", "POST", 200)]


def test_an_environ_can_be_used_again() -> None:
    monitor = RecordingMonitor()
    environ = environ_of()
    before = dict(environ)
    app = MemoryMiddleware(APPS["generator"], monitor=monitor)
    serve(app, environ)
    serve(app, environ)
    assert (len(monitor.ended), environ) == (2, before)


@pytest.mark.parametrize(
    ("hook", "route"),
    [
        (lambda environ: "/by/hook", "/by/hook"),
        (lambda environ: None, "/by/app"),
        (lambda environ: environ["no such key"], "/by/app"),
    ],
)
def test_a_hook_names_the_route(hook: Callable[[dict[str, Any]], str | None], route: str) -> None:
    monitor = RecordingMonitor()
    app = MemoryMiddleware(APPS["list"], monitor=monitor, route=hook)
    with faults_logged():
        served = serve(app, environ_of(**{ROUTE_KEY: "/by/app"}))
    assert served.chunks == [b"hello"]
    assert [ended.route for ended in monitor.ended] == [route]


def test_a_request_is_watched_once_however_often_the_middleware_is_installed() -> None:
    inner, outer = RecordingMonitor(), RecordingMonitor()
    app = MemoryMiddleware(MemoryMiddleware(APPS["generator"], monitor=inner), monitor=outer)
    assert serve(app) == serve(APPS["generator"])
    assert (inner.begun, outer.begun, len(outer.ended)) == (0, 1, 1)


def test_disabled_means_untouched() -> None:
    monitor = RecordingMonitor(enabled=False)
    seen: list[object] = []

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        seen.extend([REQUEST_KEY in environ, start_response])
        return []

    def start_response(*_: object) -> None: ...

    MemoryMiddleware(app, monitor=monitor)(environ_of(), start_response)  # type: ignore[arg-type]
    assert (seen, monitor.begun) == ([False, start_response], 0)


@pytest.mark.parametrize("name", ["list", "generator", "file", "raises"])
@pytest.mark.parametrize("point", ["begin", "finish"])
def test_a_monitor_that_raises_is_logged_once_and_the_request_served(name: str, point: str) -> None:
    app = MemoryMiddleware(APPS[name], monitor=FailingMonitor(point))
    with faults_logged() as lines:
        assert [serve(app) for _ in range(3)] == [serve(APPS[name])] * 3
    assert len(lines) == 1
    assert f"could not {point} a request" in lines[0]


def test_a_store_that_raises_is_logged_once_and_the_requests_served() -> None:
    store = FailingStore()
    with faults_logged() as lines:
        app = MemoryMiddleware(APPS["generator"], store=store, sample_rate=1.0, max_overhead=1.0)
        for _ in range(5):
            assert serve(app) == serve(APPS["generator"])
        app.monitor.close()
    assert store.tried == 5
    assert [line for line in lines if "store a report" in line] == lines
    assert len(lines) == 1


def test_the_real_monitor_reports_every_watched_request() -> None:
    app = MemoryMiddleware(APPS["generator"], sample_rate=1.0, max_overhead=1.0)
    try:
        for _ in range(4):
            serve(app, environ_of("/raw/path", **{ROUTE_KEY: "/x"}))
        assert reports_of(app.monitor) == [Ended("/x", "GET", 200)] * 4
        assert app.monitor.summary().requests == 4
    finally:
        app.monitor.close()


def test_context_variables_of_the_application_survive() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    seen: list[str] = []

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        variable.set("set by the call")
        start_response("200 OK", HEADERS)

        def body() -> Iterator[bytes]:
            seen.append(variable.get())
            variable.set("set by the body")
            yield b""

        return body()

    wrapped = MemoryMiddleware(app, monitor=RecordingMonitor())

    def one_request() -> None:
        serve(wrapped)
        seen.append(variable.get())

    contextvars.copy_context().run(one_request)
    assert seen == ["set by the call", "set by the body"]


def test_the_applications_objects_are_let_go() -> None:
    class Body(Chunks):
        pass

    bodies: list[weakref.ref[Body]] = []

    def make() -> Body:
        body = Body(b"a")
        bodies.append(weakref.ref(body))
        return body

    app = MemoryMiddleware(returning(make), sample_rate=1.0, max_overhead=1.0)
    try:
        for _ in range(5):
            serve(app)
        assert [body() for body in bodies] == [None] * 5
    finally:
        app.monitor.close()


def test_settings_come_by_name_and_a_wrong_name_is_told() -> None:
    app = MemoryMiddleware(APPS["list"], sample_rate=0.25, application="shop")
    assert (app.monitor.settings.sample_rate, app.monitor.settings.application) == (0.25, "shop")
    with pytest.raises(SettingsError, match=r"unknown setting 'sample_rat'.*'sample_rate'"):
        MemoryMiddleware(APPS["list"], sample_rat=0.25)
    with pytest.raises(TypeError, match="not both"):
        MemoryMiddleware(APPS["list"], monitor=RecordingMonitor(), sample_rate=0.25)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_worker_goes_on_by_itself() -> None:
    app = MemoryMiddleware(APPS["generator"], sample_rate=1.0, max_overhead=1.0)
    try:
        serve(app)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                ok = serve(app) == serve(APPS["generator"])
                code = 0 if ok and app.monitor.summary().requests == 1 else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        serve(app)
        assert app.monitor.summary().requests == 2
    finally:
        app.monitor.close()


def test_a_monitor_of_ones_own_can_be_given() -> None:
    monitor = LeakMonitor(application="mine")
    assert MemoryMiddleware(APPS["list"], monitor=monitor).monitor is monitor
