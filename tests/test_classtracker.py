"""classtracker: which instances of chosen classes live, and how big they are."""

from __future__ import annotations

import contextlib
import copy
import gc
import pickle
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from pympler import classtracker
from pympler.asizeof import asizeof
from pympler.classtracker import ClassTracker


class Foo:
    def __init__(self, value: Any = "foo") -> None:
        self.value = value


class Bar(Foo):
    def __init__(self) -> None:
        super().__init__("bar")


class NoCall(Foo):
    def __init__(self) -> None:
        self.value = "the constructor above is not called"


@pytest.fixture
def tracker() -> Iterator[ClassTracker]:
    made = ClassTracker()
    before = {cls: cls.__dict__["__init__"] for cls in (Foo, Bar, NoCall)}
    yield made
    made.close()
    assert {cls: cls.__dict__["__init__"] for cls in before} == before


def row(tracker: ClassTracker, name: str, place: int = -1) -> dict[str, Any]:
    return tracker.snapshots[place].classes[name]


def test_single_objects(tracker: ClassTracker) -> None:
    foo, other = Foo(), Foo("another" * 100)
    tracker.track_object(foo)
    tracker.track_object(foo, name="again")
    tracker.track_object(other, name="other", resolution_level=1)
    assert list(tracker.index) == ["Foo", "other"]
    assert id(foo) in tracker.objects
    assert len(tracker.objects) == 2
    tracker.create_snapshot()
    assert tracker.objects[id(foo)].get_size_at_time(tracker.snapshots[-1].timestamp) == asizeof(
        foo
    )
    assert tracker.objects[id(other)].snapshots[-1][1].get("__dict__").size > 700
    with pytest.raises(TypeError, match="int objects take no weak references"):
        tracker.track_object(1)


def test_a_class_and_its_subclasses(tracker: ClassTracker) -> None:
    early = Foo()
    tracker.track_class(Foo, name="Foo")
    foo, bar = Foo(), Bar()
    assert [item.id for item in tracker.index["Foo"]] == [id(foo), id(bar)]
    tracker.track_class(Bar)
    second = Bar()
    name = f"{Bar.__module__}.Bar"
    assert [item.id for item in tracker.index[name]] == [id(second)]
    assert len(tracker.index["Foo"]) == 2
    tracker.detach_class(Foo)
    Foo()
    tracker.create_snapshot()
    assert row(tracker, "Foo")["active"] == 2
    with pytest.raises(KeyError):
        tracker.detach_class(Foo)
    assert early


def test_the_history_of_a_class(tracker: ClassTracker) -> None:
    tracker.track_class(Foo, name="Foo")
    first = Foo()
    second = Foo()
    third = Foo()
    del first
    del second
    fourth = Foo()
    del third
    del fourth
    assert [count for _, count in tracker.history["Foo"]] == [1, 2, 3, 2, 1, 2, 1, 0]
    times = [time_s for time_s, _ in tracker.history["Foo"]]
    assert times == sorted(times)


def test_snapshots_follow_sizes(tracker: ClassTracker) -> None:
    tracker.track_class(Foo, name="Foo")
    tracker.create_snapshot("nothing")
    foo = Foo("x" * 1000)
    tracker.create_snapshot("one")
    foo.value = "y" * 5000
    dying = Foo()
    tracker.create_snapshot("two")
    size_of_dying = asizeof(dying)
    del dying
    tracker.create_snapshot(42)
    sizes = [row(tracker, "Foo", place)["sum"] for place in range(4)]
    assert sizes[0] == 0
    assert sizes[3] == asizeof(foo)
    assert sizes[2] - sizes[3] == size_of_dying
    assert [row(tracker, "Foo", place)["active"] for place in range(4)] == [0, 1, 2, 1]
    kept, dead = tracker.index["Foo"]
    assert [time_s for time_s, _ in kept.snapshots[1:]] == [
        each.timestamp for each in tracker.snapshots[1:]
    ]
    assert kept.get_max_size() == sizes[3]
    assert dead.death is not None
    assert len(dead.snapshots) == 2
    assert dead.get_size_at_time(tracker.snapshots[3].timestamp) == 0
    assert dead.get_size_at_time(tracker.snapshots[2].timestamp) == sizes[2] - sizes[3]
    last = tracker.snapshots[3]
    assert (last.desc, last.asizeof_total) == ("42", 0)
    assert last.label == f"42 ({last.timestamp:.3f}s)"
    assert last.overhead > 0
    assert last.total == last.system_total.vsz > 0


def test_the_size_of_everything(tracker: ClassTracker) -> None:
    tracker.create_snapshot(compute_total=True)
    assert tracker.snapshots[0].asizeof_total > 1_000_000


def test_what_is_shared_counts_for_the_first(tracker: ClassTracker) -> None:
    tracker.track_class(Foo, name="Foo")
    payload = ["p" * 10_000]
    one, other = Foo(payload), Foo(payload)
    inner = Foo("inner")
    outer = Foo(inner)
    tracker.create_snapshot()
    first, second, third, fourth = (item.sizes[-1][1].size for item in tracker.index["Foo"])
    assert first > 10_000 > second
    assert first + second == asizeof(one, other)
    assert third + fourth == asizeof(outer)


def test_levels_of_detail_are_merged(tracker: ClassTracker) -> None:
    tracker.track_class(Foo, name="Foo", resolution_level=2)
    kept = [Foo("a" * 100), Foo("b" * 300)]
    tracker.create_snapshot()
    merged = row(tracker, "Foo")["merged"]
    assert merged.size == row(tracker, "Foo")["sum"] == sum(map(asizeof, kept))
    attributes = merged.get("__dict__")
    assert next(ref.name for ref in attributes.refs) == "[V] value"
    assert attributes.get("[V] value").size == sum(asizeof(each.value) for each in kept)
    tracker.track_change(kept[0], resolution_level=0)
    tracker.create_snapshot()
    assert tracker.index["Foo"][0].sizes[-1][1].refs == ()
    with pytest.raises(KeyError):
        tracker.track_change(Foo, 1)


def test_where_an_instance_was_made(tracker: ClassTracker) -> None:
    tracker.track_class(Foo, name="all", trace=True)
    tracker.track_class(Bar, name="two", trace=2)
    foo = Foo()
    bar = Bar()
    no_call = NoCall()
    trace = tracker.objects[id(foo)].trace
    assert trace is not None
    assert trace[-1][3] is not None
    assert trace[-1][3][0].strip() == "foo = Foo()"
    assert trace[-1][0] == __file__
    short = tracker.objects[id(bar)].trace
    assert short is not None
    assert len(short) == 2
    assert short[-1][3] is not None
    assert short[-1][3][0].strip() == "bar = Bar()"
    tracker.create_snapshot()
    assert tracker.objects[id(no_call)].trace is None


def test_the_constructors_of_subclasses_are_no_place(tracker: ClassTracker) -> None:
    tracker.track_class(Foo, name="Foo", trace=1)
    bar = Bar()

    class Tree(Foo):
        def __init__(self, depth: int) -> None:
            super().__init__()
            self.child = Tree(depth - 1) if depth else None

    tree = Tree(1)
    sites = [item.trace for item in tracker.index["Foo"]]
    lines = [trace[0][3][0].strip() for trace in sites if trace and trace[0][3]]
    assert sorted(lines) == [
        "bar = Bar()",
        "self.child = Tree(depth - 1) if depth else None",
        "tree = Tree(1)",
    ]
    assert bar
    assert tree


def test_instances_without_a_constructor_are_adopted(tracker: ClassTracker) -> None:
    early = Foo()
    tracker.track_class(Foo, name="Foo")
    seen = Foo()
    found = [Foo.__new__(Foo), copy.copy(seen), pickle.loads(pickle.dumps(seen)), NoCall()]
    tracker.create_snapshot()
    assert row(tracker, "Foo")["active"] == 5
    assert [item.adopted for item in tracker.index["Foo"]] == [False, True, True, True, True]
    del found
    gc.collect()
    tracker.create_snapshot()
    history = tracker.picture().classes["Foo"]
    assert (history.births, history.deaths, history.adopted) == (5, 4, 4)
    assert early


def test_instances_can_be_kept_alive(tracker: ClassTracker) -> None:
    tracker.track_class(Foo, name="Foo", keep=True)
    gone = weakref.ref(Foo())
    assert gone() is not None
    tracker.detach_all()
    assert gone() is None
    assert tracker.index == {}
    assert len(tracker.objects) == 0


def test_the_dead_are_kept_in_bounds() -> None:
    tracker = ClassTracker(keep_dead=10)
    with contextlib.closing(tracker):
        tracker.track_class(Foo, name="Foo", trace=1)
        for _ in range(5000):
            Foo()
        history = tracker.picture().classes["Foo"]
    assert (history.births, history.deaths, history.peak, history.live) == (5000, 5000, 1, 0)
    assert len(history.objects) == 10
    assert len(history.history) <= 4096
    assert sum(history.lifetimes.values()) == 5000
    assert list(history.sites.values()) == [5000]
    assert 0 < history.mean_s <= history.longest_s
    with pytest.raises(ValueError, match="keep_dead is -1"):
        ClassTracker(keep_dead=-1)


def test_clear_and_close(tracker: ClassTracker) -> None:
    tracker.track_class(Foo, name="Foo")
    foo = Foo()
    tracker.create_snapshot()
    tracker.close()
    assert len(tracker.snapshots) == 1
    assert id(foo) in tracker.objects
    tracker.clear()
    assert tracker.snapshots == []
    assert tracker.history == {}
    tracker.track_class(Foo, name="Foo")
    Foo()
    assert [count for _, count in tracker.history["Foo"]] == [1, 0]


def test_a_tracker_that_is_dropped_leaves_the_class_as_it_was() -> None:
    before = Foo.__dict__["__init__"]
    tracker = ClassTracker()
    tracker.track_class(Foo)
    assert Foo.__dict__["__init__"] is not before
    kept = Foo()
    del tracker
    gc.collect()
    assert Foo.__dict__["__init__"] is before
    assert weakref.getweakrefcount(kept) == 0


def test_two_trackers_on_one_class(tracker: ClassTracker) -> None:
    other = ClassTracker()
    tracker.track_class(Foo, name="Foo")
    other.track_class(Foo, name="Foo")
    foo = Foo()
    tracker.close()
    second = Foo()
    other.close()
    assert len(tracker.objects) == 1
    assert len(other.objects) == 2
    assert foo
    assert second


def test_periodic_snapshots(tracker: ClassTracker) -> None:
    tracker.start_periodic_snapshots(0.01)
    thread = tracker._thread
    tracker.start_periodic_snapshots(0.02)
    assert tracker._thread is thread
    assert thread is not None
    assert thread.name == "BackgroundMonitor"
    assert thread.daemon
    assert thread.interval == 0.02
    deadline = time.monotonic() + 30
    while len(tracker.snapshots) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    tracker.start_periodic_snapshots(3600)
    started = time.monotonic()
    tracker.stop_periodic_snapshots()
    assert time.monotonic() - started < 30
    assert not thread.is_alive()
    assert len(tracker.snapshots) >= 3
    tracker.stop_periodic_snapshots()
    with pytest.raises(ValueError, match="interval is 0"):
        tracker.start_periodic_snapshots(0)


def test_the_thread_ends_with_its_tracker() -> None:
    tracker = ClassTracker()
    tracker.start_periodic_snapshots(0.01)
    thread = tracker._thread
    assert thread is not None
    del tracker
    thread.join(30)
    assert not thread.is_alive()


def test_periodic_snapshots_are_thinned(
    tracker: ClassTracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classtracker, "_MOST_PERIODIC", 20)
    tracker.create_snapshot("mine")
    for _ in range(100):
        tracker._periodic_snapshot()
    assert len(tracker.snapshots) <= 21
    assert tracker.snapshots[0].desc == "mine"


def test_counts_from_many_threads(tracker: ClassTracker) -> None:
    tracker.track_class(Foo, name="Foo", trace=1)
    ready = threading.Barrier(8)

    def work() -> None:
        ready.wait()
        for _ in range(100):
            held = [Foo() for _ in range(20)]
            del held

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        tracker.create_snapshot()
    for thread in threads:
        thread.join()
    history = tracker.picture().classes["Foo"]
    assert (history.births, history.deaths, history.adopted) == (16_000, 16_000, 0)
    assert len(tracker.objects) == 0
    assert history.history[-1][1] == 0
    assert all(count >= 0 for _, count in history.history)


def test_no_code_of_the_application_is_run(tracker: ClassTracker) -> None:
    def forbidden(*_: object) -> Any:
        raise AssertionError("code of the application was run")

    class Touchy:
        __eq__ = __hash__ = __len__ = __repr__ = __bool__ = __getattr__ = forbidden

    tracker.track_class(Touchy, name="Touchy", resolution_level=1)
    kept = [Touchy(), Touchy.__new__(Touchy)]
    tracker.create_snapshot()
    assert row(tracker, "Touchy")["active"] == 2
    del kept
    gc.collect()
    assert tracker.history["Touchy"][-1][1] == 0


def test_classes_that_come_and_go(tracker: ClassTracker) -> None:
    tracker.track_class(Foo, name="Foo")
    for _ in range(200):
        type("Passing", (Foo,), {})()
    gc.collect()
    assert len(tracker._tracking._targets) == len(tracker._tracking._kinds) == 0
    assert len(tracker.index["Foo"]) == 200


@pytest.mark.parametrize(
    ("options", "text"), [({"resolution_level": -1}, "resolution_level is -1")]
)
def test_bad_options_are_refused(tracker: ClassTracker, options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        tracker.track_class(Foo, **options)
    with pytest.raises(TypeError, match=r"only classes can be tracked, not .*Foo objects"):
        tracker.track_class(Foo())  # type: ignore[arg-type]
