"""The line that stores, found by tracing."""

from __future__ import annotations

import sys
import threading
import weakref
from collections import UserList
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

from pympler.graph.roots import frame_locals, traced_threads
from pympler.leaks.tracing import StoreTracer, tracing_held_off

FILE = "tests/leaks/test_tracing.py"
KEPT: list[object] = []


@pytest.fixture(autouse=True)
def nobody_else_traces() -> Iterator[None]:
    if sys.gettrace() is not None or threading.gettrace() is not None:
        pytest.skip("a coverage tool traces already")
    yield
    KEPT.clear()


def remember(item: object) -> None:
    KEPT.append(item)


LINE = f"{FILE}:{remember.__code__.co_firstlineno + 1}"
NOWHERE = {"kept": None}


def kept() -> dict[Hashable, Callable[[], int | None]]:
    return {"kept": lambda: len(KEPT)}


def traced(lengths: Mapping[Hashable, Callable[[], int | None]], **options: Any) -> StoreTracer:
    """A tracer in whose time no thread is ever interrupted, however busy the machine is."""
    return StoreTracer(lengths, **{"clock": still, "cpu_clock": still, **options})


def still() -> float:
    return 0.0


def nothing_traces() -> bool:
    return sys.gettrace() is None and threading.gettrace() is None


def test_the_line_that_adds_is_named() -> None:
    with traced(kept()) as tracer:
        remember(1)

    assert tracer.lines() == {"kept": LINE}
    assert nothing_traces()


def test_a_line_of_the_block_itself_is_named() -> None:
    with traced(kept()) as tracer:
        KEPT.append(1)
        following = FILE

    assert following == FILE
    code = test_a_line_of_the_block_itself_is_named.__code__
    assert tracer.lines() == {"kept": f"{FILE}:{code.co_firstlineno + 2}"}
    assert sys._getframe().f_trace is None


def test_a_library_that_stores_is_blamed_on_who_called_it() -> None:
    import heapq

    def call() -> None:
        heapq.merge()
        sorted([1, 2], key=lambda number: KEPT.append(number) or number)  # type: ignore[func-returns-value]

    with traced(kept()) as tracer:
        call()

    line = tracer.lines()["kept"]
    assert line is not None
    assert line.startswith(f"{FILE}:")


def test_who_runs_a_check_stores_nothing() -> None:
    # Between the two stands the driver, which runs the event loop with a task of a library.
    driver: dict[str, Any] = {"__name__": "pympler.leaks.check.driver"}
    exec("def send(store, item): store(item)", driver)
    library: UserList[object] = UserList()
    library.data = KEPT
    with traced(kept()) as tracer:
        driver["send"](library.append, 1)

    line = tracer.lines()["kept"]
    assert line is not None
    assert line.startswith("collections/__init__.py:")
    assert not tracer.of_application


LIBRARY = """
def store(kept, item):
    kept.append(item)

def call(function, *args):
    return function(*args)

def work(times):
    for number in range(times):
        call(int, number)

def steps(kept):
    yield 1
    kept.append(2)
"""


@pytest.fixture
def library() -> Any:
    found: dict[str, Any] = {"__name__": "installed"}
    exec(compile(LIBRARY, "/usr/lib/python3/site-packages/installed.py", "exec"), found)
    return SimpleNamespace(**found)


def test_lines_of_libraries_need_not_be_traced(library: Any) -> None:
    def in_library() -> None:
        library.work(1000)
        library.call(library.store, KEPT, 1)
        library.work(1000)

    line = in_library.__code__.co_firstlineno + 2
    with traced(kept(), libraries=False) as tracer:
        library.call(in_library)

    assert tracer.lines() == {"kept": f"{FILE}:{line}"}
    assert tracer.grown == {"kept": 1}
    assert not tracer.elsewhere
    assert tracer.calls > 2000
    assert tracer.events < tracer.calls / 10
    assert tracer.cost_s > tracer.calls * 1e-6


def test_what_a_library_adds_by_itself_is_of_no_line(library: Any) -> None:
    def without_a_line() -> None:
        library.work(1)

    # What runs a server around our middleware, such as a script, does nothing for the request.
    middleware: dict[str, Any] = {"__name__": "pympler_asgi.middleware"}
    exec("def watch(start, *calls): start(), [call() for call in calls]", middleware)
    tracer = traced(kept(), only_here=True, libraries=False)
    store = partial(library.call, library.store, KEPT, 1)
    middleware["watch"](tracer.start, without_a_line, store, without_a_line, tracer.stop)

    assert tracer.lines() == {"kept": None}
    assert tracer.elsewhere == {"kept"}


def test_lines_of_the_package_that_holds_a_container_are_traced(library: Any) -> None:
    middleware: dict[str, Any] = {"__name__": "pympler_asgi.middleware"}
    exec("def watch(start, store, stop): start(), store(), stop()", middleware)
    folder = "/usr/lib/python3/site-packages/installed.py"
    tracer = traced(kept(), only_here=True, libraries=False, packages=[folder])
    store = partial(library.call, library.store, KEPT, 1)
    middleware["watch"](tracer.start, store, tracer.stop)

    assert tracer.lines() == {"kept": f"{folder}:3"}
    assert not tracer.elsewhere
    assert not tracer.of_application


def test_a_call_that_goes_on_later_is_traced_by_others_as_before(library: Any) -> None:
    def remembered() -> Any:
        steps = library.steps(KEPT)
        next(steps)
        return steps

    with traced(kept(), libraries=False) as tracer:
        steps = remembered()
        assert steps.gi_frame.f_trace_lines
        list(steps)

    assert tracer.grown == {"kept": 1}


def test_what_is_held_to_read_its_length_is_let_go_of() -> None:
    class Kept(list[object]):
        pass

    held = [Kept()]
    reference = weakref.ref(held[0])
    tracer = traced(kept(), only_here=True, hold=lambda _: held[0].__len__)
    tracer.start()
    held[0].append(1)
    tracer.pause()
    assert tracer.grown == {"kept": 1}
    held.clear()

    assert reference() is None
    tracer.stop()


def test_what_does_not_grow_has_no_line() -> None:
    KEPT.extend([1, 2])
    lengths = {**kept(), "gone": lambda: None, "shrinking": lambda: -len(KEPT)}

    with traced(lengths) as tracer:
        KEPT.pop()
        remember(1)
        KEPT.pop()

    assert tracer.lines()["gone"] is None
    assert set(tracer.lines()) == {"kept", "gone", "shrinking"}


def test_a_trace_function_that_is_there_stays() -> None:
    def theirs(frame: FrameType, event: str, argument: Any) -> None:
        return None

    sys.settrace(theirs)
    try:
        with traced(kept()) as tracer:
            remember(1)
        found = sys.gettrace()
    finally:
        sys.settrace(None)

    assert found is theirs
    assert not tracer.active
    assert tracer.lines() == {"kept": None}


def test_a_trace_function_that_comes_meanwhile_stays() -> None:
    def theirs(frame: FrameType, event: str, argument: Any) -> None:
        return None

    tracer = traced(kept())
    tracer.start()
    sys.settrace(theirs)
    tracer.stop()
    found = sys.gettrace()
    sys.settrace(None)

    assert found is theirs
    assert threading.gettrace() is None


def test_an_end_in_another_thread_leaves_no_trace_function_behind() -> None:
    tracer = traced(kept())
    tracer.start()
    remember(1)
    thread = threading.Thread(target=tracer.stop)
    thread.start()
    thread.join()
    remember(2)  # before 3.12 this thread finds out at its next event

    assert nothing_traces()
    assert tracer.lines() == {"kept": LINE}
    assert tracer._at == {}


def test_stop_may_be_called_twice() -> None:
    tracer = traced(kept())
    tracer.start()
    tracer.stop()
    tracer.stop()

    assert nothing_traces()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="running threads cannot be traced")
def test_threads_of_a_pool_are_traced_and_left_untraced() -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        with traced(kept()) as tracer:
            pool.submit(remember, 1).result()
        left = pool.submit(sys.gettrace).result()

    assert tracer.lines() == {"kept": LINE}
    assert left is None


@pytest.mark.skipif(sys.version_info < (3, 12), reason="other threads are not touched")
def test_a_debugger_in_another_thread_is_not_disturbed() -> None:
    ready, end = threading.Event(), threading.Event()
    found: list[object] = []

    def theirs(frame: FrameType, event: str, argument: Any) -> Any:
        return theirs

    def debugged() -> None:
        def inner() -> None:
            ready.set()
            end.wait()

        sys.settrace(theirs)
        inner()
        found.append(sys.gettrace())
        sys.settrace(None)

    thread = threading.Thread(target=debugged)
    thread.start()
    ready.wait()
    with traced(kept()) as tracer:
        remember(1)
    end.set()
    thread.join()

    assert found == [theirs]
    assert tracer.lines() == {"kept": None}


def test_what_was_too_long_ago_may_have_been_another_thread() -> None:
    now = iter(range(1000))

    with traced(kept(), clock=lambda: float(next(now))) as tracer:
        remember(1)

    assert tracer.lines() == {"kept": None}


def test_a_request_is_traced_only_while_it_runs_in_its_thread() -> None:
    tracer = traced(kept(), only_here=True)
    tracer.start()
    tracer.pause()
    assert nothing_traces()
    remember("of another request")
    tracer.resume()
    remember("of this one")
    tracer.pause()
    remember("of another again")
    tracer.resume()
    tracer.stop()
    remember("after its end")
    tracer.resume()

    assert nothing_traces()
    assert tracer.grown == {"kept": 1}
    assert tracer.lines() == {"kept": LINE}


def test_what_grew_while_the_thread_was_away_is_not_of_the_request() -> None:
    wall, cpu = iter(range(100_000)), iter(range(0, 100_000, 2))

    def clock() -> float:
        return next(wall) * 1e-4

    with traced(kept(), clock=clock, only_here=True, cpu_clock=lambda: next(cpu) * 1e-4) as busy:
        remember(1)
    with traced(kept(), clock=clock, only_here=True, cpu_clock=lambda: 0.0) as away:
        remember(1)

    assert busy.grown == {"kept": 1}
    assert away.grown == {}


def test_a_traced_request_keeps_its_variables_when_a_heap_walk_reads_them() -> None:
    def length() -> int:
        frame: FrameType | None = sys._getframe()
        while frame is not None:  # what a walk in another thread would do just now
            frame_locals(frame)
            frame = frame.f_back
        return len(KEPT)

    def work(first: int, second: int) -> int:
        total = first
        remember(first)
        total += second
        return total

    with traced({"kept": length}, only_here=True):
        assert work(1, 2) == 3
    assert not traced_threads


def test_no_trace_begins_while_a_walk_is_under_way_or_waited_for() -> None:
    tracer = traced(kept(), only_here=True)
    with tracing_held_off() as is_free:
        assert is_free
        tracer.start()
        assert not tracer.active
    tracer.start()
    with tracing_held_off() as is_free:
        assert not is_free
        tracer.pause()
        tracer.resume()
        assert nothing_traces()
    tracer.stop()
    with tracing_held_off() as is_free:
        assert is_free


def test_a_trace_that_lasts_too_long_ends_by_itself() -> None:
    now = [0.0]
    tracer = traced(kept(), clock=lambda: now[0], only_here=True)
    tracer.start()
    now[0] = 60.0
    remember(1)
    assert sys.gettrace() is None
    tracer.stop()

    assert tracer.grown == {}


def test_what_a_request_removes_again_it_has_not_added() -> None:
    def pass_through() -> None:
        KEPT.append("for a moment")
        del KEPT[-1]

    with traced(kept(), only_here=True) as healthy:
        pass_through()
    with traced(kept(), only_here=True) as leaking:
        remember("stays")
    with traced(kept(), only_here=True) as either:
        pass_through()
        remember("stays")

    assert (healthy.grown, healthy.removed, healthy.lines()) == ({"kept": 0}, {"kept": 1}, NOWHERE)
    assert (leaking.grown, leaking.removed, leaking.lines()) == ({"kept": 1}, {}, {"kept": LINE})
    # Which of both entries was taken out again is not seen.
    assert (either.grown, either.removed, either.lines()) == ({"kept": 1}, {"kept": 1}, NOWHERE)


def test_what_another_greenlet_adds_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def in_another_greenlet() -> None:
        # A greenlet has an identity of its own and shares the trace function of its thread.
        with monkeypatch.context() as patched:
            patched.setattr("pympler.leaks.tracing.threading.get_ident", lambda: 7)
            remember("of another")

    with traced(kept(), only_here=True) as tracer:
        remember("of this one")
        in_another_greenlet()

    assert tracer.grown == {"kept": 1}


def test_what_a_library_adds_in_another_greenlet_is_its_own(
    monkeypatch: pytest.MonkeyPatch, library: Any
) -> None:
    def wait() -> None:
        with monkeypatch.context() as patched:
            patched.setattr("pympler.leaks.tracing.threading.get_ident", lambda: 7)
            library.store(KEPT, "of another")

    # What waits is a library, and the application is where it was when it goes on.
    wait.__code__ = wait.__code__.replace(co_filename="/usr/lib/python3/site-packages/hub.py")
    monkeypatch.setitem(sys.modules, "gevent", SimpleNamespace())
    tracer = traced(kept(), only_here=True, libraries=False)
    with tracer:
        remember("of this one")
        wait()

    assert tracer.grown == {"kept": 1}
    assert tracer.lines() == {"kept": LINE}


def test_a_trace_that_was_stopped_elsewhere_holds_off_no_walk() -> None:
    if sys.gettrace() is not None:
        pytest.skip("a coverage tool traces already")
    tracer = traced({}, only_here=True)
    begun, ended = threading.Event(), threading.Event()

    def work() -> None:
        tracer.start()
        begun.set()
        ended.wait(30)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert begun.wait(30)
        with tracing_held_off() as may_walk:
            assert not may_walk
        tracer.stop()
        with tracing_held_off() as may_walk:
            assert may_walk
    finally:
        ended.set()
        thread.join()
    with tracing_held_off():
        assert thread.ident not in traced_threads
