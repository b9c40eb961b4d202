"""The setting ``track_classes``: which request made which instances, where, and which stayed."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import importlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pympler.errors import SettingsError
from pympler.leaks import LeakMonitor, RequestReport, Settings
from pympler.leaks.classpaths import find_class
from pympler.leaks.report import ClassUse, LeakSummary
from pympler.render.text import TextRenderer
from tests.leaks.processes import run_alone

KEPT: list[Any] = []


class Order:
    def __init__(self, number: int = 0) -> None:
        self.number = number


class BigOrder(Order):
    pass


class Parcel:
    def __init__(self) -> None:
        self.text = "x" * 1000


class Slotted:
    __slots__ = ("number",)


ORDER = f"{__name__}.Order"
PARCEL = f"{__name__}.Parcel"


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    gc.collect()
    yield
    KEPT.clear()


@pytest.fixture
def monitor() -> Iterator[LeakMonitor]:
    made = watching(ORDER, PARCEL)
    yield made
    made.close()


def watching(*paths: str, **options: Any) -> LeakMonitor:
    values = {"sample_rate": 1.0, "max_overhead": 1.0, "deep": "never"}
    values |= {"store": "memory:", **options}
    return LeakMonitor(Settings.from_mapping({**values, "track_classes": paths}, environ={}))


def serve(monitor: LeakMonitor, work: Callable[[], object], route: str = "/orders") -> None:
    request = monitor.begin()
    work()
    request.finish(route, "GET", 200)


def reports(monitor: LeakMonitor) -> list[RequestReport]:
    monitor.summary()
    return sorted(monitor.store.reports(), key=lambda report: report.id)


def use_of(report: RequestReport, name: str = ORDER) -> ClassUse:
    return next(use for use in report.classes if use.name == name)


def keep_one_of_three() -> None:
    orders = [Order(number) for number in range(3)]
    KEPT.append(orders[1])


def test_a_request_tells_what_it_made_what_stayed_and_where_it_was_made(
    monitor: LeakMonitor,
) -> None:
    KEPT.append(Order())  # before, and of no request

    serve(monitor, keep_one_of_three)

    use = use_of(reports(monitor)[0])
    assert (use.births, use.deaths, use.stayed, use.live, use.elsewhere) == (3, 2, 1, 2, 0)
    assert use.stayed_bytes >= sys.getsizeof(KEPT[1])
    line = keep_one_of_three.__code__.co_firstlineno + 1
    assert [place.count for place in use.sites] == [1]
    assert use.sites[0].place.startswith(f"tests/leaks/test_chosen.py:{line} in ")


def test_a_class_that_a_request_did_not_touch_is_not_mentioned(monitor: LeakMonitor) -> None:
    serve(monitor, Parcel)
    serve(monitor, dict)

    first, second = reports(monitor)
    assert [use.name for use in first.classes] == [PARCEL]
    assert use_of(first, PARCEL).stayed == 0
    assert second.classes == ()


def test_bytes_are_those_of_the_instance_and_its_attributes(monitor: LeakMonitor) -> None:
    serve(monitor, lambda: KEPT.extend(Parcel() for _ in range(100)))

    # The text is shared by all of them, so it counts once among those that are measured.
    assert use_of(reports(monitor)[0], PARCEL).stayed_bytes >= 100 * sys.getsizeof(KEPT[0])


def test_an_instance_of_a_subclass_counts_for_the_nearest_tracked_class() -> None:
    big = f"{__name__}.BigOrder"
    monitor = watching(ORDER, big)
    serve(monitor, lambda: KEPT.extend([Order(), BigOrder(), BigOrder()]))

    (report,) = reports(monitor)
    monitor.close()
    assert {use.name: use.stayed for use in report.classes} == {ORDER: 1, big: 2}


def test_requests_that_overlap_know_their_own(monitor: LeakMonitor) -> None:
    async def handle(number: int) -> None:
        request = monitor.begin()
        for _ in range(number):
            await asyncio.sleep(0)
            KEPT.append(Order())
        await asyncio.get_running_loop().create_task(child())
        await asyncio.to_thread(lambda: KEPT.append(Order()))
        request.finish(f"/{number}", "GET", 200)

    async def child() -> None:
        KEPT.append(Order())

    async def all_of_them() -> None:
        await asyncio.gather(*[handle(number) for number in range(5)])

    asyncio.run(all_of_them())

    found = {report.route: use_of(report) for report in reports(monitor)}
    assert {route: use.births for route, use in found.items()} == {
        f"/{number}": number + 2 for number in range(5)
    }
    assert {use.elsewhere for use in found.values()} == {0}
    assert {report.attribution for report in monitor.store.reports()} == {"shared"}
    (total, _) = monitor.summary().classes
    assert {place.place: place.count for place in total.routes} == {
        f"GET /{number}": number + 2 for number in range(5)
    }


def test_threads_know_their_own_request(monitor: LeakMonitor) -> None:
    ready = threading.Barrier(4)

    def handle(number: int) -> None:
        request = monitor.begin()
        ready.wait()
        KEPT.extend(Order() for _ in range(number))
        ready.wait()
        request.finish(f"/{number}", "GET", 200)

    run_all([threading.Thread(target=handle, args=(number,)) for number in range(4)])

    found = {report.route: report.classes for report in reports(monitor)}
    assert {route: uses[0].stayed if uses else 0 for route, uses in found.items()} == {
        "/0": 0,
        "/1": 1,
        "/2": 2,
        "/3": 3,
    }


def run_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_thread_of_no_request_is_counted_apart(monitor: LeakMonitor) -> None:
    def work() -> None:
        # Since 3.14 a thread may have the context of the one that starts it.
        empty = contextvars.Context()
        run_all([threading.Thread(target=empty.run, args=(lambda: KEPT.append(Order()),))])

    serve(monitor, work)

    (report,) = reports(monitor)
    use = use_of(report)
    assert (use.births, use.elsewhere) == (0, 1)
    assert "1 instance made meanwhile by no request" in TextRenderer().render(report)
    assert monitor.summary().classes[0].routes[0].place == "outside of requests"


def test_what_a_task_makes_after_its_request_has_ended_is_not_of_the_request(
    monitor: LeakMonitor,
) -> None:
    go_on: asyncio.Event

    async def late() -> None:
        await go_on.wait()
        KEPT.append(Order())

    async def handle() -> asyncio.Task[None]:
        request = monitor.begin()
        task = asyncio.create_task(late())
        await asyncio.sleep(0)
        request.finish("/", "GET", 200)
        return task

    async def run() -> None:
        nonlocal go_on
        go_on = asyncio.Event()
        task = await handle()
        go_on.set()
        await task

    asyncio.run(run())

    assert reports(monitor)[0].classes == ()
    assert monitor.summary().classes[0].routes[0].place == "outside of requests"


def test_a_request_within_another_takes_its_own(monitor: LeakMonitor) -> None:
    with monitor.request("outer"):
        KEPT.append(Order())
        with monitor.request("inner"):
            KEPT.extend([Order(), Order()])
        KEPT.append(Order())
    KEPT.append(Order())

    found = {report.route: use_of(report).births for report in reports(monitor)}
    assert found == {"outer": 2, "inner": 2}
    assert monitor.summary().classes[0].births == 5


def test_the_log_line_tells_what_stayed(
    monitor: LeakMonitor, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="pympler"):
        serve(monitor, keep_one_of_three)
        serve(monitor, Order)
        monitor.summary()

    first, second = [record.getMessage() for record in caplog.records]
    assert f"; 1 of 3 {ORDER} stayed (" in first
    assert ", made at tests/leaks/test_chosen.py:" in first
    assert ORDER not in second


def test_totals_are_of_all_requests_also_those_without_a_window() -> None:
    monitor = watching(ORDER, sample_rate=0.0)
    for _ in range(5):
        serve(monitor, keep_one_of_three)

    summary = monitor.summary()
    monitor.close()
    assert summary.windows == 0
    (total,) = summary.classes
    assert (total.births, total.deaths, total.live) == (15, 10, 5)
    assert [(each.place, each.count) for each in total.routes] == [("GET /orders", 5)]
    text = TextRenderer().render(summary)
    assert f"{ORDER}: 15 made, 10 gone, 5 alive" in text
    assert "           5  of GET /orders" in text
    assert "5  made at tests/leaks/test_chosen.py:" in text
    assert LeakSummary.from_dict(summary.to_dict()) == summary


def test_a_report_is_read_back_as_it_was(monitor: LeakMonitor) -> None:
    serve(monitor, keep_one_of_three)

    (report,) = reports(monitor)
    assert report.classes
    assert RequestReport.from_dict(report.to_dict()) == report
    older = report.to_dict()
    del older["classes"]
    assert RequestReport.from_dict(older).classes == ()


def test_nothing_of_ours_is_listed(monitor: LeakMonitor) -> None:
    for _ in range(10):
        serve(monitor, keep_one_of_three)
        gc.collect()

    left = {row.type for report in reports(monitor)[3:] for row in report.survivors}
    assert left <= {ORDER, "dict"}


def test_the_class_is_as_it_was_after_close() -> None:
    before = [dict(vars(cls)) for cls in (Order, BigOrder, Parcel)]
    monitor = watching(ORDER, f"{__name__}.BigOrder", PARCEL)
    assert dict(vars(Order)) != before[0]

    monitor.close()
    monitor.close()

    after = [dict(vars(cls)) for cls in (Order, BigOrder, Parcel)]
    assert after == before
    assert [list(each) for each in after] == [list(each) for each in before]


def test_a_monitor_that_is_dropped_leaves_the_class_as_it_was() -> None:
    before = dict(vars(Order))
    monitor = watching(ORDER)
    serve(monitor, lambda: KEPT.append(Order()))
    del monitor
    gc.collect()

    assert dict(vars(Order)) == before


def test_a_disabled_monitor_touches_no_class() -> None:
    before = dict(vars(Order))
    monitor = watching(ORDER, "no.such.Class", enabled=False)

    assert dict(vars(Order)) == before
    monitor.close()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (f"{__name__}.Oder", "does not exist, did you mean 'Order'"),
        (f"{__name__}.Order.Line", "is no class with what follows in it"),
        (f"{__name__}.KEPT", "only classes can be tracked, not list objects"),
        (f"{__name__}.Slotted", 'add "__weakref__" to its __slots__'),
        ("collections.deque", "is built in and cannot be watched"),
        ("no_such_module.Order", "there is no module 'no_such_module'"),
        ("tests.leaks.no_such_module.Order", "there is no module 'tests.leaks.no_such_module'"),
    ],
)
def test_a_class_that_cannot_be_tracked_is_an_error_that_says_what_to_do(
    path: str, says: str
) -> None:
    before = dict(vars(Order))
    with pytest.raises(SettingsError) as raised:
        watching(ORDER, path)
    assert f"setting 'track_classes' names {path!r}" in str(raised.value)
    assert says in str(raised.value)
    assert dict(vars(Order)) == before


def test_two_names_of_one_class_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "SameOrder", Order)
    with pytest.raises(SettingsError, match="another of its paths"):
        watching(ORDER, f"{__name__}.SameOrder")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package ``later_shop`` that nothing has imported."""
    folder = tmp_path / "later_shop"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.startswith("later_shop")]:
        del sys.modules[name]


def test_a_class_is_waited_for_until_its_module_is_imported(shop: Path) -> None:
    (shop / "models.py").write_text("class Order:\n    pass\n")
    path = "later_shop.models.Order"
    monitor = watching(path)
    serve(monitor, dict)
    assert "later_shop" not in sys.modules
    assert monitor.summary().notes == (f"{path} is not tracked yet: nothing has imported it",)

    from later_shop.models import Order as Later  # type: ignore[import-not-found]

    serve(monitor, lambda: KEPT.append(Later()))
    summary = monitor.summary()
    monitor.close()

    assert summary.notes == ()
    assert summary.classes[0].live == 1
    assert "__init__" not in vars(Later)


def test_what_turns_out_wrong_later_is_logged_once_and_noted(
    shop: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (shop / "models.py").write_text("class Order:\n    pass\n")
    monitor = watching("later_shop.models.Oder")

    import later_shop.models  # type: ignore[import-not-found]  # noqa: F401

    with caplog.at_level(logging.ERROR, logger="pympler"):
        serve(monitor, dict)
        serve(monitor, dict)
    notes = monitor.summary().notes
    monitor.close()

    assert [record.getMessage() for record in caplog.records] == list(notes)
    assert "did you mean 'Order'?" in notes[0]


def test_a_module_that_is_being_imported_may_still_define_the_class(shop: Path) -> None:
    (shop / "app.py").write_text(
        "from pympler.leaks.classpaths import find_class\n"
        "early = find_class('later_shop.app.Order')\n"
        "class Order:\n    pass\n"
    )
    import later_shop.app  # type: ignore[import-not-found]

    assert later_shop.app.early is None
    assert find_class("later_shop.app.Order") is later_shop.app.Order


def test_a_path_within_a_class(shop: Path) -> None:
    (shop / "models.py").write_text("class Order:\n    class Line:\n        pass\n")
    import later_shop.models

    found = find_class("later_shop.models.Order.Line")
    assert found is later_shop.models.Order.Line


def test_a_path_to_a_module_that_nobody_has_imported_yet(shop: Path) -> None:
    (shop / "models.py").write_text("class Order:\n    pass\n")
    importlib.import_module("later_shop")

    assert find_class("later_shop.models.Order") is None
    with pytest.raises(SettingsError, match=r"no module 'later_shop\.modles'"):
        find_class("later_shop.modles.Order")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_begins_anew() -> None:
    assert run_alone(FORKED).splitlines() == ["child 1 0 1", "parent 2 0 2"]


FORKED = """
import os, sys
from pympler.leaks import LeakMonitor

class Order:
    pass

monitor = LeakMonitor(sample_rate=0.0, track_classes=["__main__.Order"])
def add(kept):
    with monitor.request("add"):
        kept.append(Order())
kept = []
add(kept)
pid = os.fork()
add(kept)
if pid:
    os.waitpid(pid, 0)
(total,) = monitor.summary().classes
print("parent" if pid else "child", total.births, total.deaths, total.live, flush=True)
monitor.close()
os._exit(0) if not pid else None
"""


def test_many_requests_leave_nothing_of_ours(monitor: LeakMonitor) -> None:
    def own() -> int:
        gc.collect()
        names = ("RequestBirths", "Origin", "Record", "Tally")
        return sum(type(item).__name__ in names for item in gc.get_objects())

    for _ in range(250):
        serve(monitor, Order)
    monitor.summary()
    before = own()
    for _ in range(250):
        serve(monitor, Order)
    monitor.summary()
    assert own() <= before
