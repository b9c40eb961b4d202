"""The monitor as a whole: what it says of single requests, and what it leaves alone."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import sys
import threading
import time
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pympler.leaks import LeakMonitor, RequestReport, RouteSummary, Settings
from pympler.leaks.monitor import ActiveRequest
from tests.doubles import FailingStore, faults_logged
from tests.leaks.processes import run_alone

KEPT: list[Any] = []


class Order:
    """What a request leaves behind; an instance has no dictionary of its own that gc lists."""

    __slots__ = ("__weakref__", "lines")

    def __init__(self) -> None:
        self.lines: list[int] = []


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    gc.collect()
    yield
    KEPT.clear()


@contextlib.contextmanager
def watching(**options: Any) -> Iterator[LeakMonitor]:
    """A monitor that watches every request, and is closed at the end."""
    values = {"sample_rate": 1.0, "max_overhead": 1.0, "keep": 5000, "deep": "never", **options}
    callbacks = {name: values.pop(name) for name in ("store", "on_leak") if name in values}
    settings = Settings.from_mapping({"store": "memory:", **values}, environ={})
    monitor = LeakMonitor(settings, **callbacks)
    try:
        yield monitor
    finally:
        monitor.close()


def serve(monitor: LeakMonitor, route: str, work: Callable[[], object]) -> None:
    request = monitor.begin()
    work()
    request.finish(route, "GET", 200)


def reports(monitor: LeakMonitor, route: str) -> list[RequestReport]:
    """The reports of a route after a look that proves what outlived a collection."""
    gc.collect(0)
    monitor.summary()
    return [report for report in monitor.store.reports() if report.route == route]


def left(report: RequestReport) -> dict[str, int]:
    return {row.type.rpartition(".")[2]: row.count for row in report.survivors}


def keep(*items: object) -> None:
    KEPT.extend(items)


def cycle() -> None:
    ring: list[object] = []
    ring.append(ring)


# What a window says.


def test_the_survivors_of_each_window_are_exact() -> None:
    with watching() as monitor:
        for number in range(4):
            request = monitor.begin()
            keep(*(Order() for _ in range(number)))
            request.finish(f"/{number}")
        found = [left(reports(monitor, f"/{number}")[0]) for number in range(4)]

    assert found == [{}, *({"Order": number, "list": number} for number in (1, 2, 3))]


def test_a_report_says_what_the_request_was() -> None:
    with watching(application="shop", release="1.2") as monitor:
        request = monitor.begin()
        request.finish("/cart/{id}", "POST", 500, "KeyError")
        (report,) = reports(monitor, "/cart/{id}")

    assert (report.application, report.release, report.pid) == ("shop", "1.2", os.getpid())
    assert (report.method, report.status, report.error) == ("POST", 500, "KeyError")
    assert (report.attribution, report.in_flight, report.note) == ("exact", 1, "")
    assert report.duration_s >= 0
    assert report.own_cost_s > 0


def test_a_context_manager_notes_the_error_and_lets_it_pass() -> None:
    with watching() as monitor:
        with pytest.raises(ZeroDivisionError), monitor.request("job:nightly"):
            1 / 0  # noqa: B018
        (report,) = reports(monitor, "job:nightly")

    assert (report.error, report.method, report.status) == ("ZeroDivisionError", "", None)


def test_flat_sizes_are_those_of_the_survivors() -> None:
    with watching() as monitor:
        serve(monitor, "/x", lambda: keep([0] * 1000))
        (report,) = reports(monitor, "/x")

    assert report.flat_bytes == sys.getsizeof(KEPT[0])


def test_what_is_let_go_of_after_the_request_is_not_left_behind() -> None:
    with watching() as monitor:
        request = monitor.begin()
        response = [Order()]
        request.finish("/x")
        del response
        (report,) = reports(monitor, "/x")

    assert left(report) == {}


def test_cyclic_garbage_counts_until_it_is_collected() -> None:
    with watching() as monitor:
        serve(monitor, "/collected", cycle)
        assert left(reports(monitor, "/collected")[0]) == {}
        serve(monitor, "/alive", cycle)
        monitor.summary()
        report = monitor.store.reports()[-1]

    assert left(report) == {"list": 1}
    assert report.rechecked == "alive"


def test_ids_that_are_used_again_accuse_nobody() -> None:
    def leaks() -> None:
        keep(Order())

    def cleans() -> None:
        for _ in range(3):
            Order()

    with watching() as monitor:
        for _ in range(200):
            serve(monitor, "/clean", cleans)
            serve(monitor, "/leak", leaks)
        clean, leak = reports(monitor, "/clean"), reports(monitor, "/leak")

    assert len(clean) == len(leak) == 200
    assert [left(report) for report in clean if report.survivors] == []
    assert {report.objects for report in leak} == {2}


@pytest.mark.parametrize("generation", [0, 1, 2])
def test_a_collection_within_the_request(generation: int) -> None:
    def work() -> None:
        keep(Order())
        gc.collect(generation)
        keep(Order())

    with watching() as monitor:
        serve(monitor, "/x", work)
        (report,) = reports(monitor, "/x")

    if generation == 0:
        assert (left(report), report.unfollowed) == ({"Order": 2, "list": 2}, 0)
    else:  # what the collection put into generation 2 cannot be followed, and is said to be so
        assert left(report) == {"Order": 1, "list": 1}
        assert report.unfollowed >= 2


def test_a_request_that_calls_the_collector_again_and_again() -> None:
    def work() -> None:
        for _ in range(30):
            keep(Order())
            gc.collect()

    with watching() as monitor:
        serve(monitor, "/x", work)
        serve(monitor, "/clean", lambda: None)
        (report,), (clean,) = reports(monitor, "/x"), reports(monitor, "/clean")

    assert report.note == clean.note == ""
    assert report.unfollowed >= 60
    assert left(clean) == {}


def test_a_long_request_is_followed_in_bounded_memory() -> None:
    held = 0

    def work() -> None:
        nonlocal held
        for _ in range(40):
            keep([[] for _ in range(10_000)])
            held = max(held, monitor._births.watch._held)
        keep(Order())

    with watching() as monitor:
        serve(monitor, "/export", work)
        (report,) = reports(monitor, "/export")

    assert left(report)["Order"] == 1
    assert report.unfollowed > 50_000
    assert held < 150_000


def test_requests_that_never_end_cost_nothing_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pympler.leaks.young._LONGEST_SILENCE", 20)
    with watching() as monitor:
        abandoned = monitor.begin()
        for _ in range(50):
            gc.collect(0)
        spent = monitor._births.watch.hook_cost_s
        for _ in range(50):
            gc.collect(0)
        assert monitor._births.watch.hook_cost_s == spent

        serve(monitor, "/x", lambda: keep(Order()))
        (report,) = reports(monitor, "/x")
        keep(Order())
        abandoned.finish("/stream")
        (long,) = reports(monitor, "/stream")

    assert left(report) == {"Order": 1, "list": 1}
    assert (report.attribution, report.in_flight) == ("shared", 2)
    assert left(long)["Order"] == 2  # all that were born since it began


# Requests that overlap.


def test_requests_that_overlap_are_marked_as_shared_among_them() -> None:
    with watching() as monitor:
        first = monitor.begin()
        second = monitor.begin()
        keep(Order())
        second.finish("/second")
        third = monitor.begin()
        third.finish("/third")
        first.finish("/first")
        alone = monitor.begin()
        alone.finish("/alone")
        found = {
            route: (reports(monitor, route)[0].attribution, reports(monitor, route)[0].in_flight)
            for route in ("/first", "/second", "/third", "/alone")
        }

    assert found == {
        "/first": ("shared", 3),
        "/second": ("shared", 2),
        "/third": ("shared", 2),
        "/alone": ("exact", 1),
    }


def test_overlapping_windows_see_nothing_of_ours() -> None:
    with watching() as monitor:
        for _ in range(50):
            first = monitor.begin()
            second = monitor.begin()
            first.finish("/a")
            third = monitor.begin()
            second.finish("/b")
            third.finish("/c")
            gc.collect(0)
        found = [left(report) for route in "abc" for report in reports(monitor, f"/{route}")]

    strays = [types for types in found if types]
    assert len(found) == 150
    assert len(strays) <= 10, strays  # the histories of new routes, and what is made once


def test_plain_requests_that_have_ended_are_not_in_flight_and_all_are_counted() -> None:
    with watching(sample_rate=0.0) as monitor:
        for number in range(40):  # they are counted some at a time
            monitor.begin().finish("/plain")
            alone = monitor.begin()
            assert alone.others == 0
            if number % 5 == 0:
                beside = monitor.begin()
                assert beside.others == 1
                beside.finish("/beside")
            alone.finish("/alone")
        watched = monitor.begin()
        watched.watch()
        watched.finish("/watched")
        (report,) = reports(monitor, "/watched")
        summary = monitor.summary()

    assert (report.attribution, report.in_flight) == ("exact", 1)
    assert {route.route: route.requests for route in summary.routes} == {
        "/plain": 40,
        "/alone": 40,
        "/beside": 8,
        "/watched": 1,
    }


def test_a_request_may_end_in_another_thread() -> None:
    with watching() as monitor:
        request = monitor.begin()
        keep(Order())
        thread = threading.Thread(target=request.finish, args=("/x",))
        thread.start()
        thread.join()
        (report,) = reports(monitor, "/x")

    assert left(report)["Order"] == 1


def test_only_the_first_end_counts() -> None:
    with watching() as monitor:
        request = monitor.begin()
        request.finish("/x")
        request.finish("/y")
        summary = monitor.summary()

    assert [route.route for route in summary.routes] == ["/x"]
    assert monitor._in_flight == 0


# What is refused, and what is said of it.


def test_without_the_collector_there_is_no_window_and_the_reports_say_so() -> None:
    gc.disable()
    try:
        with watching() as monitor:
            serve(monitor, "/x", lambda: keep(Order()))
            summary = monitor.summary()
            (report,) = monitor.store.reports()
            gc.enable()
            serve(monitor, "/y", lambda: keep(Order()))
            (later,) = reports(monitor, "/y")
    finally:
        gc.enable()

    assert report.attribution == "none"
    assert "disabled the garbage collector" in report.note
    assert report.survivors == ()
    assert summary.windows == 0
    assert summary.requests == 1
    assert summary.notes == (report.note,)
    assert left(later) == {"Order": 1, "list": 1}


def test_a_threshold_of_zero_is_a_disabled_collector() -> None:
    thresholds = gc.get_threshold()
    gc.set_threshold(0)
    try:
        with watching() as monitor:
            serve(monitor, "/x", lambda: None)
            monitor.summary()
            (report,) = monitor.store.reports()
    finally:
        gc.set_threshold(*thresholds)

    assert report.attribution == "none"


def test_an_application_that_freezes_its_objects_within_a_request() -> None:
    # Thawing them would thaw what was frozen before the test.
    said = run_alone(
        """
        import gc
        from pympler.leaks import LeakMonitor

        kept = []
        works = {
            "/freeze": gc.freeze,
            "/clean": lambda: None,
            "/unfreeze": gc.unfreeze,
            "/leak": lambda: kept.append([]),
        }
        monitor = LeakMonitor(sample_rate=1.0, max_overhead=1.0)
        for route, work in works.items():
            request = monitor.begin()
            work()
            request.finish(route)
            frozen = gc.get_freeze_count()
            assert (frozen > 1000) == (route in ("/freeze", "/clean")), (route, frozen)
        gc.collect(0)
        monitor.summary()
        for report in monitor.store.reports():
            print(report.route, report.attribution, [r.type for r in report.survivors], report.note)
        """
    )

    assert said.splitlines() == [
        "/freeze none [] the fence of the window was moved (gc.freeze?)",
        "/clean exact [] ",
        "/unfreeze exact [] ",
        "/leak exact ['list']",
    ]


def test_ignored_routes_leave_no_trace() -> None:
    with watching(ignore_routes=["/health*"]) as monitor:
        # As when a container that is watched is read at the end of such a request.
        monitor._investigation.routes.of(("GET", "/health/db"))
        serve(monitor, "/healthz", lambda: keep(Order()))
        serve(monitor, "/x", lambda: None)
        summary = monitor.summary()

    assert [route.route for route in summary.routes] == ["/x"]
    assert [report.route for report in monitor.store.reports()] == ["/x"]
    assert summary.requests == 2


def test_no_budget_no_window() -> None:
    with watching(max_overhead=0.0) as monitor:
        serve(monitor, "/x", lambda: keep(Order()))
        summary = monitor.summary()

    assert (summary.requests, summary.windows) == (1, 0)
    assert monitor.store.reports() == []


# What is the application's stays as it is.


def test_settings_of_the_interpreter_stay_as_the_application_made_them() -> None:
    calls: list[str] = []

    def callback(phase: str, info: dict[str, int]) -> None:
        calls.append(phase)

    thresholds, flags = gc.get_threshold(), gc.get_debug()
    gc.callbacks.append(callback)
    gc.set_threshold(500, 7, 9)
    gc.set_debug(gc.DEBUG_UNCOLLECTABLE)
    was_tracing = tracemalloc.is_tracing()
    tracemalloc.start(3)
    try:
        with watching() as monitor:
            for _ in range(500):
                serve(monitor, "/x", lambda: keep(Order()))
            assert gc.get_threshold() == (500, 7, 9)
            assert gc.get_debug() == gc.DEBUG_UNCOLLECTABLE
            assert gc.isenabled()
            assert tracemalloc.get_traceback_limit() == 3
            assert callback in gc.callbacks
            monitor.summary()
        assert callback in gc.callbacks
    finally:
        if not was_tracing:
            tracemalloc.stop()
        gc.callbacks.remove(callback)
        gc.set_threshold(*thresholds)
        gc.set_debug(flags)
    assert calls.count("start") == calls.count("stop") > 0


def test_nothing_is_collected_by_watching() -> None:
    before = [row["collections"] for row in gc.get_stats()]
    with watching() as monitor:
        for _ in range(20):
            serve(monitor, "/x", lambda: None)
        monitor.summary()
        after = [row["collections"] for row in gc.get_stats()]

    assert after[1:] == before[1:]
    assert after[0] - before[0] <= 1  # a natural one may fall into it


# Faults.


def test_a_store_that_raises() -> None:
    store = FailingStore()
    with faults_logged() as lines, watching(store=store) as monitor:
        for _ in range(5):
            serve(monitor, "/x", lambda: None)
        monitor.summary()

    assert store.tried == 5
    assert [line for line in lines if "store a report" in line] == lines
    assert len(lines) == 1


def test_a_log_handler_that_raises() -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("disk full")

    handler = Broken()
    logger = logging.getLogger("pympler")
    with faults_logged():
        logger.addHandler(handler)
        try:
            with watching(log_level="CRITICAL") as monitor:
                serve(monitor, "/x", lambda: keep(Order()))
                (report,) = reports(monitor, "/x")
        finally:
            logger.removeHandler(handler)

    assert left(report) == {"Order": 1, "list": 1}


def test_a_fault_in_our_own_work_reaches_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Any:
        raise RuntimeError("a fault of our own")

    with faults_logged() as lines, watching() as monitor:
        with monkeypatch.context() as patched:
            patched.setattr("pympler.leaks.young.YoungWatch._take", broken)
            serve(monitor, "/x", lambda: None)
        serve(monitor, "/y", lambda: keep(Order()))
        (report,) = reports(monitor, "/y")
        assert monitor._births.watch._windows == {}

    assert [line.partition(" (")[0] for line in lines] == ["pympler could not close a window"]
    assert left(report) == {"Order": 1, "list": 1}
    assert report.attribution == "exact"


# Its own life.


def test_close_may_be_called_twice_and_takes_everything_along() -> None:
    hooks = list(gc.callbacks)
    monitor = LeakMonitor(sample_rate=1.0)
    serve(monitor, "/x", lambda: None)
    assert len(gc.callbacks) == len(hooks) + 1

    monitor.close()
    monitor.close()

    assert gc.callbacks == hooks
    assert len(monitor.store.reports()) == 1
    serve(monitor, "/late", lambda: None)
    assert monitor.summary().requests == 2
    assert monitor.summary().windows == 1
    assert gc.callbacks == hooks


def test_a_request_in_flight_at_the_close_is_said_not_to_be_watched() -> None:
    monitor = LeakMonitor(sample_rate=1.0)
    request = monitor.begin()
    monitor.close()
    request.finish("/x")
    monitor.summary()

    (report,) = monitor.store.reports()
    assert report.attribution == "none"
    assert "closed" in report.note


def test_a_monitor_that_is_dropped_goes_away_with_its_hook_and_thread() -> None:
    hooks, threads = list(gc.callbacks), threading.active_count()
    monitor = LeakMonitor(sample_rate=1.0)
    serve(monitor, "/x", lambda: None)
    worker = monitor._worker._thread
    assert worker is not None
    gone = weakref.ref(monitor)

    del monitor

    assert gone() is None
    assert gc.callbacks == hooks
    worker.join(5)
    assert not worker.is_alive()
    assert threading.active_count() == threads


def test_settings_and_options_are_not_mixed() -> None:
    with pytest.raises(TypeError, match="either settings or single options"):
        LeakMonitor(Settings(), keep=3)


def test_a_class_made_in_a_request_is_not_kept_alive() -> None:
    made: list[weakref.ref[type]] = []

    def work() -> None:
        kind = type("PerRequest", (), {})
        kind()
        made.append(weakref.ref(kind))

    with watching() as monitor:
        requests: list[ActiveRequest] = []
        for _ in range(5):
            request = monitor.begin()
            requests.append(request)
            work()
            request.finish("/x")
        gc.collect()
        monitor.summary()
        gc.collect()

        assert [reference() for reference in made] == [None] * 5


def test_two_thousand_requests_leave_none_of_our_objects() -> None:
    def ours() -> dict[str, int]:
        gc.collect()
        counts: dict[str, int] = {}
        for item in gc.get_objects():
            kind = type(item)
            if str(kind.__module__).startswith("pympler"):
                counts[kind.__name__] = counts.get(kind.__name__, 0) + 1
        return counts

    def routes() -> None:
        for number in range(1000):
            serve(monitor, f"/{number % 3}", cycle)
        gc.collect(0)  # or the kept reports have a row each for the cycles, or they have none
        monitor.summary()

    with watching(sample_rate=0.5, keep=50) as monitor:
        monitor._worker._interval_s = 600.0  # no heap walk may be under way while this one counts
        routes()
        before, all_before = ours(), len(gc.get_objects())
        routes()
        routes()
        after, all_after = ours(), len(gc.get_objects())

    before["TypeInfo"] = after["TypeInfo"]  # one for each type of the process, 2,000 at most
    assert {name: count for name, count in after.items() if count > before.get(name, 0) + 2} == {}
    assert all_after - all_before < 100


def test_many_routes_are_counted_together_beyond_a_bound() -> None:
    with watching(sample_rate=0.0) as monitor:
        for number in range(700):
            serve(monitor, f"/{number}", lambda: None)
        summary = monitor.summary()

    assert len(summary.routes) == 501
    assert summary.routes[0].route == "<other routes>"
    assert summary.routes[0].requests == 200


def test_on_leak_may_use_the_monitor() -> None:
    heard: list[RouteSummary] = []

    def on_leak(summary: RouteSummary) -> None:
        heard.append(summary)
        monitor.summary()
        serve(monitor, "/nested", lambda: None)

    with watching(on_leak=on_leak) as monitor:
        leak_until_confirmed(monitor)

    assert [summary.verdict for summary in heard] == ["leak"]


def test_on_leak_that_raises_is_called_once_and_harms_nobody() -> None:
    calls = 0

    def on_leak(summary: RouteSummary) -> None:
        nonlocal calls
        calls += 1
        raise OSError("no network")

    with faults_logged() as lines, watching(on_leak=on_leak) as monitor:
        leak_until_confirmed(monitor)
        serve(monitor, "/leak", lambda: keep(Order()))

    assert calls == 1
    assert any("announce a leak" in line for line in lines)


HEARD: list[RouteSummary] = []


@pytest.mark.parametrize("named", [HEARD.append, f"{__name__}.take_leak"])
def test_on_leak_is_a_setting_too(named: object) -> None:
    HEARD.clear()
    values = {"sample_rate": 1.0, "max_overhead": 1.0, "deep": "never", "store": "memory:"}
    monitor = LeakMonitor(Settings.from_mapping({**values, "on_leak": named}, environ={}))
    try:
        leak_until_confirmed(monitor)
    finally:
        monitor.close()

    assert [summary.verdict for summary in HEARD] == ["leak"]


def take_leak(summary: RouteSummary) -> None:
    HEARD.append(summary)


def leak_until_confirmed(monitor: LeakMonitor) -> None:
    monitor._budget.allows_walk = lambda cost_s: True  # type: ignore[method-assign]
    # Walks are done here: during one in the background no request would have a window.
    monitor._worker._interval_s = 600.0
    investigation = monitor._investigation
    suspects = investigation.suspects
    for number in range(3000):
        serve(monitor, "/leak", lambda: keep(Order()))
        if number % 30 == 29 and not suspects:
            gc.collect(0)
            monitor._settle_all()
            while monitor._background.walk_heap(monitor._started):
                pass
        if any(suspect.verdict == "leak" for suspect in suspects) and not investigation.confirmed:
            return


def test_at_a_sample_rate_of_one_the_line_is_found_too() -> None:
    with watching(deep="evidence") as monitor:
        if sys.gettrace() is not None:
            pytest.skip("a coverage tool traces already")
        leak_until_confirmed(monitor)
        (route,) = monitor.summary().routes

    assert route.verdict == "leak"
    assert route.suspects[0].stored_at is not None
    assert "test_monitor.py:" in route.suspects[0].stored_at


def test_a_summary_may_be_asked_for_while_requests_are_served() -> None:
    stop = time.monotonic() + 0.5
    with watching() as monitor:

        def ask() -> None:
            while time.monotonic() < stop:
                monitor.summary()

        thread = threading.Thread(target=ask)
        thread.start()
        served = 0
        while time.monotonic() < stop:
            serve(monitor, f"/{served % 50}", lambda: None)
            served += 1
        thread.join()
        assert monitor.summary().requests == served


def test_a_request_whose_turn_does_not_come_is_counted_and_overlaps() -> None:
    with watching() as monitor:
        first = monitor.begin()
        with monitor._turns:  # somebody has it for longer than a request waits
            missed = []
            thread = threading.Thread(target=lambda: missed.append(monitor.begin()))
            thread.start()
            thread.join(10)
        first.finish("/first", "GET", 200)
        missed[0].finish("/missed", "GET", 200)

        (report,) = reports(monitor, "/first")
        assert report.attribution == "shared"
        assert report.in_flight == 2
        assert monitor.summary().requests == 2
        serve(monitor, "/alone", lambda: None)
        assert [each.attribution for each in reports(monitor, "/alone")] == ["exact"]


def test_a_request_whose_turn_did_not_come_overlaps_with_one_and_not_with_all() -> None:
    with watching() as monitor:
        for _ in range(20):
            serve(monitor, "/x", lambda: None)
        with monitor._turns:  # as a finalizer does, or another thread that takes long
            late = monitor.begin()
        late.watch()  # as a debug toolbar does
        late.finish("/late", "GET", 200)
        (report,) = reports(monitor, "/late")

    assert (report.in_flight, report.attribution) == (2, "shared")
    assert monitor.summary().requests == 21
    assert monitor._in_flight == 0


def test_the_background_waits_for_open_windows_but_not_for_ever() -> None:
    worked: list[bool] = []
    with watching() as monitor:
        monitor._work = lambda: worked.append(True) or True  # type: ignore[func-returns-value, method-assign]
        long = monitor.begin()
        for _ in range(2):
            assert monitor._tick()
        assert worked == []
        monitor._tick()
        assert len(worked) == 1
        long.finish("/long", "GET", 200)
        monitor._tick()
        assert len(worked) == 2


def test_no_window_opens_while_the_background_is_at_work() -> None:
    with watching() as monitor:
        monitor._work = lambda: serve(monitor, "/x", lambda: None) or True  # type: ignore[func-returns-value, method-assign]
        monitor._tick()
        assert monitor.summary().windows == 0
        serve(monitor, "/x", lambda: None)
        assert monitor.summary().windows == 1


def test_a_request_that_begins_and_ends_while_another_is_ended_is_counted_both_times() -> None:
    with watching() as monitor:
        end = monitor._end
        nested: list[str] = []

        def end_and_begin(request: ActiveRequest) -> None:
            end(request)
            if not nested:  # as a finalizer does that runs within our own work
                nested.append("begun")
                monitor.begin().finish("/nested")

        monitor._end = end_and_begin  # type: ignore[method-assign]
        serve(monitor, "/x", lambda: None)
        summary = monitor.summary()

    assert [route.requests for route in summary.routes] == [1, 1]
    assert monitor._in_flight == 0
