"""What a collection would free is told without one."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from pympler.leaks import LeakMonitor
from pympler.leaks.unreachable import unreachable_young
from pympler.leaks.watched import WatchedRequest


class Node:
    def __init__(self) -> None:
        self.others: list[object] = []


KEPT: list[object] = []


@pytest.fixture(autouse=True)
def nothing_collected() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()
    KEPT.clear()


def cycle() -> list[int]:
    first, second = Node(), Node()
    first.others.append((second,))
    second.others.append(((first,),))
    return [id(first), id(second), id(first.others), id(first.others[0])]


def test_a_cycle_that_nothing_holds_is_found() -> None:
    garbage = set(cycle())
    assert garbage <= unreachable_young()


def test_what_is_held_from_elsewhere_is_not() -> None:
    by_a_global, by_a_variable, by_a_held_one = Node(), Node(), Node()
    for node in (by_a_global, by_a_variable, by_a_held_one):
        node.others.append((node,))
    KEPT.append(by_a_global)
    by_a_global.others.append({"key": (by_a_held_one,)})
    held = {id(by_a_global), id(by_a_variable), id(by_a_held_one)}
    del by_a_global, by_a_held_one
    assert not held & unreachable_young()
    assert isinstance(by_a_variable, Node)


def test_what_an_old_object_holds_is_not() -> None:
    old = Node()
    KEPT.append(old)
    gc.collect()
    young = Node()
    young.others.append(young)
    old.others.append((young,))
    held = id(young)
    del old, young
    assert held not in unreachable_young()


def test_a_class_goes_with_the_weak_reference_that_its_base_has() -> None:
    kind = type("Kind", (Node,), {})
    reference = id(weakref.ref(kind))  # shared with the one in Node.__subclasses__()
    found = {id(kind), reference}
    del kind
    assert found <= unreachable_young()


def test_hostile_objects_are_not_asked() -> None:
    class Hostile:
        def __getattribute__(self, name: str) -> object:
            raise AssertionError(name)

        def __eq__(self, other: object) -> bool:
            raise AssertionError

        __hash__ = None  # type: ignore[assignment]

    held = [Hostile()]
    assert id(held[0]) not in unreachable_young()


def test_it_leaves_nothing_behind() -> None:
    unreachable_young()
    before = len(gc.get_objects())
    for _ in range(20):
        unreachable_young()
    assert len(gc.get_objects()) - before < 10
    assert gc.collect() == 0


def test_a_request_that_is_shown_has_a_window_whenever_its_turn_is() -> None:
    gc.enable()
    with LeakMonitorOf(sample_rate=0.0, max_overhead=0.0) as monitor:
        unseen = WatchedRequest(monitor, "GET")
        unseen.finish()
        shown = WatchedRequest(monitor, "GET")
        shown.route = "/x"
        key = shown.watch()
        assert shown.watch() == key
        kept = Node()
        KEPT.append(kept)
        cycle()
        shown.finish()
        assert shown.watch() == ""
        summary = monitor.summary()
        report = monitor.store.report(key)
    assert (summary.requests, summary.windows) == (2, 1)
    assert report is not None
    assert report.rechecked == "collected"
    # The two nodes of the cycle are garbage, although gc may not have run since.
    name = f"{Node.__module__}.Node"
    assert [row.count for row in report.survivors if row.type == name] == [1]


def test_a_report_keeps_its_key_among_others() -> None:
    gc.enable()
    with LeakMonitorOf(sample_rate=1.0, max_overhead=1.0) as monitor:
        keys = []
        for number in range(6):
            request = WatchedRequest(monitor, "GET")
            request.route = f"/{number}"
            keys.append(request.watch() if number % 2 else "")
            request.finish()
        monitor.summary()
        found = [monitor.store.report(key) for key in keys if key]
        every = [report.key for report in monitor.store.reports()]
    assert [report and report.route for report in found] == ["/1", "/3", "/5"]
    assert len(set(every)) == len(every) == 6


def test_a_monitor_that_is_closed_shows_nothing() -> None:
    monitor = LeakMonitor(sample_rate=1.0)
    monitor.close()
    request = WatchedRequest(monitor, "GET")
    assert request.watch() == ""
    request.finish()


class LeakMonitorOf:
    """A monitor that is closed at the end."""

    def __init__(self, **options: object) -> None:
        self.monitor = LeakMonitor(**options)  # type: ignore[arg-type]

    def __enter__(self) -> LeakMonitor:
        return self.monitor

    def __exit__(self, *_: object) -> None:
        self.monitor.close()
