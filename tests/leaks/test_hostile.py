"""Applications that do what they should not: the request is served, the monitor goes on."""

from __future__ import annotations

import gc
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pympler.leaks import LeakMonitor
from pympler.leaks.monitor import ActiveRequest
from tests.doubles import faults_logged
from tests.leaks.processes import run_alone
from tests.leaks.test_monitor import left, reports, serve, watching

KEPT: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    yield
    KEPT.clear()
    gc.collect()


def forbidden(*_: object) -> Any:
    raise AssertionError("code of the application was run")


class Liar:
    __class__ = property(forbidden)


class Touchy:
    __eq__ = __hash__ = __len__ = __repr__ = __str__ = forbidden
    __sizeof__ = __bool__ = __iter__ = __getattr__ = __getattribute__ = forbidden
    __reduce_ex__ = __format__ = __dir__ = __contains__ = forbidden


class TouchyDict(dict[Any, Any]):
    __eq__ = __len__ = __repr__ = __iter__ = __getitem__ = forbidden
    __sizeof__ = keys = values = items = get = forbidden


class TouchyList(list[Any]):
    __eq__ = __len__ = __repr__ = __iter__ = __getitem__ = forbidden
    __sizeof__ = __contains__ = forbidden


class Meta(type):
    __eq__ = __hash__ = __repr__ = __instancecheck__ = __subclasscheck__ = forbidden
    __module__ = property(forbidden)

    def __getattr__(cls, name: str) -> Any:
        forbidden()


class WithMeta(metaclass=Meta):
    pass


class Slotted:
    __slots__ = ("value",)


class Undying:
    def __init__(self) -> None:
        self.lives = 3
        self.self = self

    def __del__(self) -> None:
        self.lives -= 1
        if self.lives:
            KEPT.append(self)


HOSTILE = [Liar, Touchy, TouchyDict, TouchyList, WithMeta, Slotted, Undying]


@pytest.mark.parametrize("kind", HOSTILE, ids=lambda kind: type.__dict__["__name__"].__get__(kind))
def test_a_hostile_object_that_is_left_behind_is_counted_like_others(kind: type) -> None:
    with faults_logged() as lines, watching() as monitor:
        for _ in range(3):
            serve(monitor, "/x", lambda: KEPT.append(kind()))
            gc.collect(0)
        found = [report.survivors for report in reports(monitor, "/x")]

    name = type.__dict__["__name__"].__get__(kind)
    assert lines == []
    assert [[row.count for row in rows if row.type.endswith(name)] for rows in found] == [[1]] * 3
    assert all(row.flat_bytes > 0 for rows in found for row in rows)


@pytest.mark.parametrize("kind", HOSTILE, ids=lambda kind: type.__dict__["__name__"].__get__(kind))
def test_the_holder_of_hostile_objects_is_found(kind: type) -> None:
    with faults_logged() as lines, watching() as monitor:
        for _ in range(20):
            serve(monitor, "/x", lambda: KEPT.append(kind()))
            gc.collect(0)
        monitor._settle_all()
        monitor._budget.allows_walk = lambda cost_s: True  # type: ignore[method-assign]
        monitor._background.walk_heap(monitor._started)
        (route,) = monitor.summary().routes

    assert lines == []
    assert [suspect.holder for suspect in route.suspects] == [f"{__name__}.KEPT"]


def test_a_linked_list_a_million_deep_is_let_go_of() -> None:
    class Node:
        __slots__ = ("next",)

        def __init__(self, following: object) -> None:
            self.next = following

    def build() -> None:
        node = None
        for _ in range(1_000_000):
            node = Node(node)
        KEPT.append(node)

    with watching() as monitor:
        serve(monitor, "/build", build)
        serve(monitor, "/drop", KEPT.clear)
        (dropped,) = reports(monitor, "/drop")

    assert left(dropped) == {}


def test_finalizers_that_begin_and_end_requests_within_our_own_work() -> None:
    class Abandoned:
        """A response that nobody closes; in a cycle, so that the collector finds it."""

        def __init__(self, request: ActiveRequest) -> None:
            self.request = request
            self.self = self

        def __del__(self) -> None:
            self.request.finish("/abandoned", "GET", 200)
            serve(monitor, "/in-finalizer", lambda: KEPT.append([]))

    thresholds = gc.get_threshold()
    gc.set_threshold(7, 3, 3)  # so often that many run while the monitor works
    try:
        with faults_logged() as lines, watching() as monitor:
            for _ in range(1500):
                Abandoned(monitor.begin())
                serve(monitor, "/x", lambda: [[] for _ in range(5)])
            gc.collect()
            summary = monitor.summary()
    finally:
        gc.set_threshold(*thresholds)

    requests = {route.route: route.requests for route in summary.routes}
    assert lines == []
    assert requests["/x"] == 1500
    assert requests["/abandoned"] == 1500
    assert monitor._in_flight == 0
    assert monitor._births.watch._windows == {}


def test_a_finalizer_that_waits_for_a_lock_does_not_stop_the_application() -> None:
    # The finalizer runs in our work and waits for a lock whose holder wants to end a request.
    lock, about = threading.Lock(), threading.Event()
    monitor = LeakMonitor(sample_rate=1.0, max_overhead=1.0)
    first, second = monitor.begin(), monitor.begin()

    def holder() -> None:
        with lock:
            about.set()
            second.finish("/second")

    with monitor._turns:  # as if a collection ran its finalizers here
        thread = threading.Thread(target=holder)
        thread.start()
        about.wait()
        assert lock.acquire(timeout=30)
        lock.release()
    thread.join()
    first.finish("/first")
    routes = [route.route for route in monitor.summary().routes]
    monitor.close()

    assert sorted(routes) == ["/first", "/second"]


def test_threads_that_build_tuples_while_windows_are_read() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    stop = time.monotonic() + 3.0
    built: list[bool] = []

    def build() -> None:
        # An error in a thread fails the test by pytest's own hook.
        while time.monotonic() < stop:
            assert len(tuple([number] for number in range(50))) == 50
        built.append(True)

    threads = [threading.Thread(target=build) for _ in range(6)]
    served = 0
    try:
        with watching() as monitor:
            for thread in threads:
                thread.start()
            while time.monotonic() < stop:
                serve(monitor, "/x", lambda: KEPT.append([]))
                served += 1
            for thread in threads:
                thread.join()
    finally:
        sys.setswitchinterval(interval)

    assert len(built) == 6
    assert served > 20


def test_a_child_goes_on_with_an_empty_monitor() -> None:
    said = run_alone(
        """
        import gc, os, threading, warnings
        from pympler.leaks import LeakMonitor

        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12: fork beside threads
        monitor = LeakMonitor(sample_rate=1.0, max_overhead=1.0)
        with monitor.request("parent"):
            pass
        monitor.summary()
        in_flight = monitor.begin()
        taken, done = threading.Event(), threading.Event()

        def hold():
            with monitor._turns:
                taken.set()
                done.wait()

        thread = threading.Thread(target=hold)
        thread.start()
        taken.wait()
        child = os.fork()
        if child == 0:
            ours = [hook for hook in gc.callbacks if "pympler" in repr(hook)]
            assert ours == [], ours
            assert monitor.summary().requests == 0
            assert monitor.store.reports() == []
            for _ in range(3):
                with monitor.request("child"):
                    pass
            in_flight.finish("across")
            summary = monitor.summary()
            assert summary.pid == os.getpid()
            routes = {route.route: route.requests for route in summary.routes}
            assert routes == {"child": 3, "across": 1}, routes
            notes = [r.note for r in monitor.store.reports() if r.route == "across"]
            assert "forked" in notes[0], notes
            assert len([hook for hook in gc.callbacks if "pympler" in repr(hook)]) == 1
            monitor.close()
            os._exit(0)
        done.set()
        thread.join()
        print(os.waitpid(child, 0)[1])
        in_flight.finish("across")
        print(monitor.summary().requests)
        monitor.close()
        print(len([hook for hook in gc.callbacks if "pympler" in repr(hook)]))
        """
    )

    assert said.split() == ["0", "2", "0"]
