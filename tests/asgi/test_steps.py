"""Steps: each of many requests in flight gets its own births, and nothing changes for it."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
import anyio.to_thread
import pytest
from pympler_asgi import MemoryMiddleware
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from pympler.leaks import RequestReport
from pympler.leaks.pools import overlapped
from pympler.leaks.steps import CURRENT, RequestSteps, SteppedCoroutine
from tests.asgi_server import call, scope_of

IN_FLIGHT = 6


class Kept:
    pass


KEPT: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    KEPT.clear()
    gc.collect()  # what a larger collection meets in the middle of a window is not followed
    yield
    KEPT.clear()


def keep(number: int) -> None:
    KEPT.extend(Kept() for _ in range(number))


def served(app: Any, paths: list[str]) -> dict[str, list[RequestReport]]:
    """Serve requests that all overlap; their reports by path."""
    watched = MemoryMiddleware(app, sample_rate=1.0, max_overhead=1.0, store="memory:")
    pools = ways_into_pools()

    async def main() -> None:
        # The factory of tasks is back afterwards.
        loop = asyncio.get_running_loop()
        factory = loop.get_task_factory()
        await asyncio.gather(*(call(watched, scope_of(path)) for path in paths))
        assert loop.get_task_factory() is factory

    try:
        asyncio.run(main())
        watched.monitor.summary()
        reports: dict[str, list[RequestReport]] = {}
        for report in watched.monitor.store.reports():
            reports.setdefault(report.route, []).append(report)
        return reports
    finally:
        watched.monitor.close()
        assert ways_into_pools() == pools


def ways_into_pools() -> tuple[Any, Any]:
    return anyio.to_thread.run_sync, asyncio.BaseEventLoop.run_in_executor


def kept(report: RequestReport) -> int:
    return sum(row.count for row in report.survivors if row.type.endswith("Kept"))


async def pause() -> None:
    for _ in range(3):
        await asyncio.sleep(0.001)


async def plain(request: Any) -> PlainTextResponse:
    await pause()
    keep(request.path_params["number"])
    await pause()
    return PlainTextResponse("kept")


async def in_children(request: Any) -> PlainTextResponse:
    async def child() -> None:
        await pause()
        keep(request.path_params["number"])

    await asyncio.gather(child(), asyncio.wait_for(child(), 5))
    return PlainTextResponse("kept")


async def streamed(request: Any) -> StreamingResponse:
    async def body() -> AsyncIterator[str]:
        for _ in range(2):
            await pause()
            keep(request.path_params["number"])
            yield "kept"

    return StreamingResponse(body())


async def in_background(request: Any) -> PlainTextResponse:
    async def work() -> None:
        await pause()
        keep(2 * request.path_params["number"])

    return PlainTextResponse("soon", background=BackgroundTask(work))


async def through(request: Any, call_next: Any) -> Any:
    await pause()
    return await call_next(request)


def starlette(endpoint: Any, *middleware: Middleware) -> Starlette:
    return Starlette(routes=[Route("/{number:int}", endpoint)], middleware=middleware)


@pytest.mark.parametrize(
    ("app", "times"),
    [
        (starlette(plain), 1),
        (starlette(plain, Middleware(BaseHTTPMiddleware, dispatch=through)), 1),
        (starlette(in_children), 2),
        (starlette(streamed), 2),
        (starlette(in_background), 2),
    ],
    ids=["plain", "middleware that starts tasks", "children", "streaming", "background task"],
)
def test_each_request_in_flight_gets_its_own(app: Starlette, times: int) -> None:
    reports = served(app, [f"/{number}" for number in range(IN_FLIGHT)])

    (of_route,) = reports.values()
    assert {report.attribution for report in of_route} == {"exact"}
    assert {report.in_flight for report in of_route} == {IN_FLIGHT}
    assert sorted(map(kept, of_route)) == [times * number for number in range(IN_FLIGHT)]


def sync(request: Any) -> PlainTextResponse:
    keep(request.path_params["number"])
    return PlainTextResponse("kept")


async def by_asyncio(request: Any) -> PlainTextResponse:
    await asyncio.to_thread(keep, request.path_params["number"])
    return PlainTextResponse("kept")


@pytest.mark.parametrize("endpoint", [sync, by_asyncio])
def test_work_in_a_thread_pool_is_seen_and_said_to_be_shared(endpoint: Any) -> None:
    reports = served(starlette(endpoint), [f"/{number}" for number in range(IN_FLIGHT)])

    (of_route,) = reports.values()
    assert {report.attribution for report in of_route} == {"shared"}
    # Among others, which ran in other threads meanwhile.
    assert sum(map(kept, of_route)) >= sum(range(IN_FLIGHT))


@pytest.mark.parametrize("endpoint", [sync, by_asyncio, plain])
def test_alone_everything_is_its_own(endpoint: Any) -> None:
    reports = served(starlette(endpoint), ["/3"])

    ((report,),) = reports.values()
    assert (report.attribution, report.in_flight, kept(report)) == ("exact", 1, 3)


def test_a_task_that_is_left_behind_goes_on_by_itself() -> None:
    left: list[asyncio.Task[None]] = []

    async def later() -> None:
        await asyncio.sleep(0.02)
        keep(5)

    async def leaves(request: Any) -> PlainTextResponse:
        left.append(asyncio.get_running_loop().create_task(later()))
        return PlainTextResponse("soon")

    async def waits(request: Any) -> PlainTextResponse:
        await asyncio.gather(*left)
        return PlainTextResponse("waited")

    app = Starlette(routes=[Route("/leaves", leaves), Route("/waits", waits)])
    reports = served(app, ["/leaves", "/waits"])

    assert [kept(report) for report in reports["/leaves"]] == [0]
    # Its steps are no longer anybody's: those of the one that waits for it are only its own.
    assert [kept(report) for report in reports["/waits"]] == [0]


# What a coroutine is asked for.


def steps() -> RequestSteps:
    return RequestSteps(None, None)


async def waits_for(event: asyncio.Event) -> str:
    await event.wait()
    return "went on"


def test_what_a_request_adds_to_a_suspect_is_read_in_its_steps() -> None:
    class Suspect:
        reads = 1

        def __init__(self) -> None:
            self.rows: list[int] | None = []

        def reader(self) -> Any:
            rows = self.rows
            return lambda: None if rows is None else len(rows)

    one, gone = Suspect(), Suspect()
    gone.rows = None
    made = RequestSteps(None, None, [one, gone])  # type: ignore[list-item]
    assert one.rows is not None
    for _ in range(3):
        made.begin()
        one.rows += [1, 2]
        made.begin()  # a task that is awaited at once
        one.rows += [3]
        made.end()
        made.end()
        one.rows += [4]  # another request

    assert list(made.grown.values()) == [9, 0]
    assert made.cost_s > 0
    assert RequestSteps(None, None).cost_s == 0.0


def test_a_task_of_it_is_like_any_other() -> None:
    async def main() -> None:
        event = asyncio.Event()
        inner = waits_for(event)
        outer = SteppedCoroutine(inner, steps())
        assert inspect.getcoroutinestate(outer) == inspect.CORO_CREATED
        task: asyncio.Task[Any] = asyncio.create_task(outer)
        await asyncio.sleep(0)
        assert inspect.getcoroutinestate(outer) == inspect.CORO_SUSPENDED
        assert [frame.f_code.co_name for frame in task.get_stack()] == ["waits_for"]
        assert "waits_for" in repr(task)
        assert outer.__name__ == "waits_for"
        with pytest.raises(AttributeError):
            outer.gi_frame  # noqa: B018
        event.set()
        assert await task == "went on"

    asyncio.run(main())


@pytest.mark.parametrize("started", [True, False])
def test_a_task_of_it_is_cancelled_like_any_other(started: bool) -> None:
    ended: list[str] = []

    async def inner() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def main() -> None:
        task: asyncio.Task[Any] = asyncio.create_task(SteppedCoroutine(inner(), steps()))
        if started:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert ended == ["cancelled"] * started


def test_anyio_and_context_variables_within() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    seen: list[object] = []

    async def endpoint(request: Any) -> PlainTextResponse:
        with anyio.move_on_after(0.01) as scope:
            await anyio.sleep(60)
        async with anyio.create_task_group() as group:
            group.start_soon(pause)
            group.start_soon(anyio.sleep, 60)
            await anyio.sleep(0.01)
            group.cancel_scope.cancel()
        variable.set("set")
        in_thread = await anyio.to_thread.run_sync(variable.get)
        is_current = anyio.get_current_task().id == id(asyncio.current_task())
        seen.extend([scope.cancelled_caught, is_current, in_thread])
        return PlainTextResponse("done")

    served(Starlette(routes=[Route("/", endpoint)]), ["/"])

    assert seen == [True, True, "set"]
    assert CURRENT.get() is None


def test_a_factory_of_the_application_still_makes_the_tasks() -> None:
    made: list[str] = []

    def factory(loop: Any, coroutine: Any, **options: Any) -> Any:
        made.append(coroutine.__name__)
        return asyncio.Task(coroutine, loop=loop, **options)

    async def endpoint(request: Any) -> PlainTextResponse:
        await asyncio.get_running_loop().create_task(pause())
        return PlainTextResponse("done")

    watched = MemoryMiddleware(
        Starlette(routes=[Route("/", endpoint)]), sample_rate=1.0, max_overhead=1.0, store="memory:"
    )

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(factory)
        await call(watched, scope_of("/"))
        assert asyncio.get_running_loop().get_task_factory() is factory

    asyncio.run(main())
    watched.monitor.close()
    assert "pause" in made


def test_an_application_that_returns_no_coroutine_is_served_and_shared() -> None:
    async def serve(scope: Any, receive: Any, send: Any) -> None:
        await pause()
        await PlainTextResponse("served")(scope, receive, send)

    def app(scope: Any, receive: Any, send: Any) -> Any:
        return asyncio.ensure_future(serve(scope, receive, send))

    reports = served(app, ["/", "/"])

    (of_route,) = reports.values()
    assert [report.attribution for report in of_route] == ["shared", "shared"]


def test_a_process_pool_gets_the_function_itself() -> None:
    handed: list[Any] = []

    class Pool:
        def submit(self, function: Any, *args: Any) -> Any:
            handed.append(function)
            raise RuntimeError("no processes here")

    pool: Any = Pool()

    async def endpoint(request: Any) -> PlainTextResponse:
        with pytest.raises(RuntimeError):
            await asyncio.get_running_loop().run_in_executor(pool, keep, 1)
        return PlainTextResponse("done")

    served(Starlette(routes=[Route("/", endpoint)]), ["/"])

    assert handed == [keep]


@pytest.mark.parametrize("closed", [True, False])
def test_the_hooks_of_pools_stay_until_the_monitor_goes(closed: bool) -> None:
    # A class that is changed again and again loses its cache of methods.
    found = ways_into_pools()
    app = Starlette(routes=[Route("/", lambda request: PlainTextResponse("done"))])
    watched = MemoryMiddleware(app, sample_rate=1.0, max_overhead=1.0, store="memory:")

    hooked = []
    for _ in range(3):
        asyncio.run(call(watched, scope_of("/")))
        hooked.append(ways_into_pools())
    if closed:
        watched.monitor.close()
    else:
        del watched
        gc.collect()

    assert hooked == [hooked[0]] * 3
    assert not any(hook is way for hook, way in zip(hooked[0], found, strict=True))
    assert ways_into_pools() == found


def test_only_the_watched_requests_have_steps() -> None:
    seen: list[object] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        frame = inspect.currentframe()
        assert frame is not None
        seen.append(CURRENT.get())
        assert frame.f_back is not None
        seen.append(frame.f_back.f_code is SteppedCoroutine.send.__code__)
        await PlainTextResponse("served")(scope, receive, send)

    watched = MemoryMiddleware(app, sample_rate=0.0, store="memory:")
    asyncio.run(call(watched, scope_of("/")))
    watched.monitor.close()

    assert seen == [None, False]
    assert not overlapped(float("inf"))
