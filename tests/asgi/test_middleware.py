"""The ASGI middleware: nothing changes, and each request ends once."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, MutableMapping
from typing import Any

import pytest
from pympler_asgi import MemoryMiddleware
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    StreamingResponse,
)
from starlette.routing import Route

from pympler.errors import SettingsError
from pympler.leaks import UNROUTED
from tests.asgi_server import call, scope_of
from tests.doubles import (
    Ended,
    FailingMonitor,
    FailingStore,
    RecordingMonitor,
    faults_logged,
    reports_of,
)

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def make_app(*, middleware: Any = (), background: list[str] | None = None) -> Starlette:
    async def plain(request: Any) -> PlainTextResponse:
        return PlainTextResponse("plain")

    async def json(request: Any) -> JSONResponse:
        return JSONResponse({"number": request.path_params["number"]})

    async def posted(request: Any) -> PlainTextResponse:
        return PlainTextResponse(await request.body())

    async def stream(request: Any) -> StreamingResponse:
        async def body() -> AsyncIterator[str]:
            for n in range(3):
                yield f"chunk {n}\n"

        return StreamingResponse(body())

    def sync_stream(request: Any) -> StreamingResponse:
        return StreamingResponse(f"chunk {n}\n" for n in range(3))

    async def endless(request: Any) -> StreamingResponse:
        async def body() -> AsyncIterator[str]:
            while True:
                yield "more\n"

        return StreamingResponse(body())

    async def stream_breaks(request: Any) -> StreamingResponse:
        async def body() -> AsyncIterator[str]:
            yield "so far\n"
            raise LookupError("no more")

        return StreamingResponse(body())

    async def file(request: Any) -> FileResponse:
        return FileResponse(__file__)

    async def redirects(request: Any) -> RedirectResponse:
        return RedirectResponse("/plain")

    async def breaks(request: Any) -> PlainTextResponse:
        raise LookupError("no such thing")

    async def handled(request: Any) -> PlainTextResponse:
        raise KeyError("handled")

    async def on_key_error(request: Any, error: Exception) -> PlainTextResponse:
        return PlainTextResponse("handled", 409)

    async def in_background(request: Any) -> PlainTextResponse:
        async def work() -> None:
            await asyncio.sleep(0.01)
            if background is not None:
                background.append("done")

        return PlainTextResponse("accepted", background=BackgroundTask(work))

    async def variables(request: Any) -> PlainTextResponse:
        return PlainTextResponse(variable.get())

    return Starlette(
        routes=[
            Route("/plain", plain),
            Route("/json/{number:int}", json),
            Route("/posted", posted, methods=["POST"]),
            Route("/stream", stream),
            Route("/sync-stream", sync_stream),
            Route("/endless", endless),
            Route("/stream-breaks", stream_breaks),
            Route("/file", file),
            Route("/redirects", redirects),
            Route("/breaks", breaks),
            Route("/handled", handled),
            Route("/in-background", in_background),
            Route("/variable", variables),
        ],
        exception_handlers={KeyError: on_key_error},
        middleware=list(middleware),
    )


REQUESTS = {
    "/plain": ("GET", "/plain", 200, None),
    "/plain?": ("HEAD", "/plain", 200, None),
    "/json/7": ("GET", "/json/{number}", 200, None),
    "/posted": ("POST", "/posted", 200, None),
    "/posted?": ("GET", "/posted", 405, None),
    "/stream": ("GET", "/stream", 200, None),
    "/sync-stream": ("GET", "/sync-stream", 200, None),
    "/stream-breaks": ("GET", "/stream-breaks", 200, "LookupError"),
    "/file": ("GET", "/file", 200, None),
    "/redirects": ("GET", "/redirects", 307, None),
    "/breaks": ("GET", "/breaks", 500, "LookupError"),
    "/handled": ("GET", "/handled", 409, None),
    "/in-background": ("GET", "/in-background", 200, None),
    "/missing/17": ("GET", UNROUTED, 404, None),
}


def get(app: Any, path: str, method: str = "GET", **more: Any) -> Any:
    return asyncio.run(call(app, scope_of(path, method), **more))


def comparable(served: Any) -> Any:
    # Exception groups name their exceptions in a form that the versions of anyio differ in.
    return served.messages, served.error.partition("(")[0]


@pytest.mark.parametrize("path", REQUESTS)
def test_the_same_messages_and_the_request_ends_once(path: str) -> None:
    method, route, status, error = REQUESTS[path]
    path = path.rstrip("?")
    monitor = RecordingMonitor()
    watched = get(MemoryMiddleware(make_app(), monitor=monitor), path, method, body=b"sent")
    assert comparable(watched) == comparable(get(make_app(), path, method, body=b"sent"))
    (ended,) = monitor.ended
    assert (ended.route, ended.method, ended.status) == (route, method, status)
    assert ended.error == error or (error and ended.error == "ExceptionGroup")


@pytest.mark.parametrize("path", REQUESTS)
def test_added_within_starlette_nothing_changes_either(path: str) -> None:
    method, route, *_ = REQUESTS[path]
    path = path.rstrip("?")
    monitor = RecordingMonitor()
    app = make_app(middleware=[Middleware(MemoryMiddleware, monitor=monitor)])
    watched = get(app, path, method, body=b"sent")
    assert comparable(watched) == comparable(get(make_app(), path, method, body=b"sent"))
    assert [(ended.route, ended.method) for ended in monitor.ended] == [(route, method)]


def test_a_crash_that_starlette_answers_further_out_has_an_error_and_no_status() -> None:
    monitor = RecordingMonitor()
    get(make_app(middleware=[Middleware(MemoryMiddleware, monitor=monitor)]), "/breaks")
    assert monitor.ended == [Ended("/breaks", "GET", None, "LookupError")]


@pytest.mark.parametrize(
    ("path", "raises"),
    [
        ("/stream", False),
        ("/stream", True),
        ("/sync-stream", False),
        ("/endless", True),
        ("/file", False),
        ("/file", True),
    ],
)
def test_a_client_that_leaves_in_mid_stream(path: str, raises: bool) -> None:
    monitor = RecordingMonitor()
    app = MemoryMiddleware(make_app(), monitor=monitor)
    watched = get(app, path, at_most=2, raises=raises)
    bare = get(make_app(), path, at_most=2, raises=raises)
    assert comparable(watched) == comparable(bare)
    assert [(ended.route, ended.status) for ended in monitor.ended] == [(path, 200)]


def test_a_request_that_is_cancelled_ends() -> None:
    monitor = RecordingMonitor()

    async def waits(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        app = MemoryMiddleware(waits, monitor=monitor)
        task = asyncio.ensure_future(call(app, scope_of()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert monitor.ended == [Ended(UNROUTED, "GET", None, "CancelledError")]


def test_the_request_lasts_until_its_background_tasks_are_done() -> None:
    monitor = RecordingMonitor()
    done: list[str] = []
    app = MemoryMiddleware(make_app(background=done), monitor=monitor)
    in_flight: list[int] = []

    async def main() -> None:
        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.body":
                in_flight.append(monitor.begun - len(monitor.ended))

        await app(scope_of("/in-background"), None, send)  # type: ignore[arg-type]

    asyncio.run(main())
    assert (in_flight, done, len(monitor.ended)) == ([1], ["done"], 1)


def test_before_the_shutdown_is_complete_all_is_written_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monitor = RecordingMonitor()
    said: list[Any] = []
    monkeypatch.setattr(monitor, "write_down", lambda: said.append("written"))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for word in ("startup", "shutdown"):
            await send({"type": f"lifespan.{word}.complete"})

    async def receive() -> dict[str, Any]:
        return {}

    async def send(message: Any) -> None:
        said.append(message)

    asyncio.run(MemoryMiddleware(app, monitor=monitor)({"type": "lifespan"}, receive, send))

    startup, shutdown = ({"type": f"lifespan.{w}.complete"} for w in ("startup", "shutdown"))
    assert said == [startup, "written", shutdown]
    assert monitor.begun == 0


@pytest.mark.parametrize("kind", ["something new"])
def test_what_is_no_request_passes_through_untouched(kind: str) -> None:
    monitor = RecordingMonitor()
    seen: list[tuple[object, ...]] = []

    async def app(*arguments: object) -> None:
        seen.append(arguments)

    async def receive() -> dict[str, Any]:
        return {}

    async def send(message: Any) -> None: ...

    scope = {"type": kind}
    asyncio.run(MemoryMiddleware(app, monitor=monitor)(scope, receive, send))
    ((seen_scope, seen_receive, seen_send),) = seen
    assert seen_scope is scope
    assert (seen_receive, seen_send, scope) == (receive, send, {"type": kind})
    assert monitor.begun == 0


def test_disabled_means_untouched() -> None:
    monitor = RecordingMonitor(enabled=False)
    seen: list[object] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend([dict(scope), send])

    async def send(message: Any) -> None: ...

    app_with = MemoryMiddleware(app, monitor=monitor)
    asyncio.run(app_with(scope_of(), None, send))  # type: ignore[arg-type]
    assert (seen, monitor.begun) == ([scope_of(), send], 0)


def test_a_request_is_watched_once_however_often_the_middleware_is_installed() -> None:
    inner, outer = RecordingMonitor(), RecordingMonitor()
    app = make_app(middleware=[Middleware(MemoryMiddleware, monitor=inner)])
    get(MemoryMiddleware(app, monitor=outer), "/json/7")
    assert (inner.begun, outer.ended) == (0, [Ended("/json/{number}", "GET", 200)])


def test_a_scope_can_be_used_again_and_shows_the_monitor_meanwhile() -> None:
    monitor = RecordingMonitor()
    monitors: list[object] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        monitors.append(scope["pympler"].monitor)

    scope = scope_of()
    wrapped = MemoryMiddleware(app, monitor=monitor)
    for _ in range(2):
        asyncio.run(call(wrapped, scope))
    assert (monitors, len(monitor.ended), scope) == ([monitor, monitor], 2, scope_of())


@pytest.mark.parametrize(
    ("hook", "route"),
    [
        (lambda scope: "/by/hook", "/by/hook"),
        (lambda scope: None, "/json/{number}"),
        (lambda scope: scope["no such key"], UNROUTED),
    ],
)
def test_a_hook_names_the_route(hook: Any, route: str) -> None:
    monitor = RecordingMonitor()
    with faults_logged():
        served = get(MemoryMiddleware(make_app(), monitor=monitor, route=hook), "/json/7")
    assert served.body == b'{"number":7}'
    assert [ended.route for ended in monitor.ended] == [route]


def test_context_variables_survive_in_both_directions() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(variable.get())
        variable.set("by the application")

    async def main() -> None:
        variable.set("by the server")
        wrapped = MemoryMiddleware(app, monitor=RecordingMonitor())
        await wrapped(scope_of(), None, None)  # type: ignore[arg-type]
        seen.append(variable.get())

    asyncio.run(main())
    assert seen == ["by the server", "by the application"]


@pytest.mark.parametrize("path", ["/plain", "/stream", "/breaks"])
@pytest.mark.parametrize("point", ["begin", "finish"])
def test_a_monitor_that_raises_is_logged_once_and_the_request_served(path: str, point: str) -> None:
    app = MemoryMiddleware(make_app(), monitor=FailingMonitor(point))
    with faults_logged() as lines:
        served = [comparable(get(app, path)) for _ in range(3)]
    assert served == [comparable(get(make_app(), path))] * 3
    assert len(lines) == 1


def test_a_store_that_raises_is_logged_once_and_the_requests_served() -> None:
    store = FailingStore()
    with faults_logged() as lines:
        app = MemoryMiddleware(make_app(), store=store, sample_rate=1.0, max_overhead=1.0)
        for _ in range(4):
            assert get(app, "/plain").body == b"plain"
        app.monitor.close()
    assert (store.tried, len(lines)) == (4, 1)


@pytest.fixture
def watched() -> Iterator[MemoryMiddleware]:
    app = MemoryMiddleware(make_app(), sample_rate=1.0, max_overhead=1.0)
    yield app
    app.monitor.close()


def test_the_real_monitor_reports_requests_in_flight_together(watched: MemoryMiddleware) -> None:
    async def main() -> None:
        await asyncio.gather(*(call(watched, scope_of(f"/json/{n}")) for n in range(8)))

    asyncio.run(main())
    assert reports_of(watched.monitor) == [Ended("/json/{number}", "GET", 200)] * 8
    seen = {(one.attribution, one.in_flight) for one in watched.monitor.store.reports()}
    assert seen == {("exact", 8)}


@pytest.mark.parametrize("path", ["/plain", "/json/7", "/handled"])
def test_no_reference_cycle_is_left(path: str) -> None:
    wrapped = MemoryMiddleware(make_app(), monitor=RecordingMonitor())
    assert garbage_of(wrapped, path) <= garbage_of(make_app(), path)


def garbage_of(app: Any, path: str) -> int:
    async def main() -> int:
        await call(app, scope_of(path))
        gc.collect()
        gc.disable()
        try:
            for _ in range(10):
                await call(app, scope_of(path))
            return gc.collect()
        finally:
            gc.enable()

    return asyncio.run(main())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_worker_goes_on_by_itself(watched: MemoryMiddleware) -> None:
    get(watched, "/plain")
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            ok = get(watched, "/plain").body == b"plain"
            code = 0 if ok and watched.monitor.summary().requests == 1 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_the_application_can_be_given_by_name_too() -> None:  # as Litestar does
    app = make_app()
    assert MemoryMiddleware(app=app, monitor=RecordingMonitor()).app is app


def test_settings_come_by_name_and_a_wrong_name_is_told() -> None:
    app = MemoryMiddleware(make_app(), sample_rate=0.25, application="shop")
    assert (app.monitor.settings.sample_rate, app.monitor.settings.application) == (0.25, "shop")
    with pytest.raises(SettingsError, match=r"unknown setting 'sample_rat'.*'sample_rate'"):
        MemoryMiddleware(make_app(), sample_rat=0.25)
    with pytest.raises(TypeError, match="not both"):
        MemoryMiddleware(make_app(), monitor=RecordingMonitor(), sample_rate=0.25)


def test_a_wrong_setting_given_to_a_framework_fails_the_start_of_the_server() -> None:
    app = Starlette()
    app.add_middleware(MemoryMiddleware, sample_rat=0.25)
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def start_and_get() -> None:
        await app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send)
        with pytest.raises(SettingsError):
            await app(scope_of("/"), receive, send)

    asyncio.run(start_and_get())
    assert [message["type"] for message in sent][:1] == ["lifespan.startup.failed"]
    assert "did you mean 'sample_rate'" in sent[0]["message"]


def test_a_method_that_anybody_made_up_makes_no_route_of_its_own() -> None:
    monitor = RecordingMonitor()
    asyncio.run(call(MemoryMiddleware(make_app(), monitor=monitor), scope_of(method="PURGE-17")))
    assert [ended.method for ended in monitor.ended] == ["_OTHER"]


def test_no_framework_is_imported() -> None:
    code = (
        "import sys, pympler_asgi\n"
        "print(sorted({'starlette', 'fastapi', 'litestar', 'django', 'anyio'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
        check=True,
    )
    assert done.stdout == "[]\n"
