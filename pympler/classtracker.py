"""The lifetimes of the instances of chosen classes: how many live, how big, and where made.

>>> from pympler.classtracker import ClassTracker
>>> class Document:
...     def __init__(self, title):
...         self.title = title
>>> tracker = ClassTracker()
>>> tracker.track_class(Document, name="Document")
>>> kept = [Document("first"), Document("second")]
>>> tracker.create_snapshot("two documents")
>>> tracker.snapshots[-1].classes["Document"]["active"]
2
>>> tracker.close()
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any

from pympler.graph.heap import live_objects
from pympler.lifetimes.picture import Picture, picture_of
from pympler.lifetimes.records import clock
from pympler.lifetimes.snapshots import Memory, Snapshot, summed
from pympler.lifetimes.stats import ConsoleStats
from pympler.lifetimes.tracked import TrackedObject
from pympler.lifetimes.tracking import Options, Tracking
from pympler.sizing.kinds import Rules
from pympler.sizing.walk import walk
from pympler.util.names import type_name

__all__ = ["ClassTracker", "PeriodicThread", "Snapshot", "TrackedObject"]

_MOST_PERIODIC = 2000


class ClassTracker:
    """Follows the instances of chosen classes from birth to death.

    Safe to use from many threads. When it is dropped, the classes are as they were.

    Args:
        stream: where the reports of :attr:`stats` go; standard output if ``None``.
        keep_dead: for each name, how many of the dead are remembered one by one. All of them are
            counted, with their lifetimes and where they were made.

    Attributes:
        snapshots: those made so far, in order of time. Of periodic ones every second of the older
            half is dropped when there are more than 2,000.
    """

    def __init__(self, stream: IO[str] | None = None, *, keep_dead: int = 1000) -> None:
        if keep_dead < 0:
            raise ValueError(f"keep_dead is {keep_dead}: use 0 or more")
        self.stream = stream
        self.snapshots: list[Snapshot] = []
        self.snapshot_lock = threading.RLock()
        self._tracking = Tracking(keep_dead)
        self._thread: PeriodicThread | None = None
        weakref.finalize(self, self._tracking.unwatch_all).atexit = False

    # What is tracked.

    def track_object(
        self,
        instance: Any,
        name: str | None = None,
        resolution_level: int = 0,
        keep: bool = False,
        trace: bool | int = False,
    ) -> None:
        """Track a single object; does nothing if it is tracked already.

        Args:
            instance: any object that takes weak references.
            name: what it is counted under; the name of its class if ``None``.
            resolution_level: how many levels of its referents a snapshot sizes one by one.
            keep: whether it is kept alive.
            trace: remember where this was called: all frames, or as many as the number says.

        Raises:
            TypeError: if it takes no weak references.
        """
        kind = type(instance)
        label = name if name is not None else type_name(kind).rpartition(".")[2]
        self._tracking.add(instance, _options(label, resolution_level, keep, trace))

    def track_class(
        self,
        cls: type,
        name: str | None = None,
        resolution_level: int = 0,
        keep: bool = False,
        trace: bool | int = False,
    ) -> None:
        """Track the instances of a class, and of its subclasses, from now on.

        Only its ``__init__`` is replaced. An instance of a subclass is tracked as the nearest
        tracked class above it says. A second call for the same class changes its options for
        instances that are made later. Instances whose constructor is not called, because they are
        copied or unpickled, are found by the next snapshot and count as adopted.

        Args:
            cls: a class whose instances take weak references.
            name: what they are counted under; module and name of the class if ``None``.
            resolution_level: how many levels of their referents a snapshot sizes one by one.
            keep: whether they are kept alive.
            trace: remember where they are made: all frames, or as many innermost ones as the
                number says.

        Raises:
            TypeError: if it is no class, is built in, or has instances without weak references.
        """
        label = name if name is not None else _class_name(cls)
        self._tracking.watch(cls, _options(label, resolution_level, keep, trace))

    def track_change(self, instance: Any, resolution_level: int = 0) -> None:
        """Change how many levels of referents are sized one by one, for one tracked object.

        Raises:
            KeyError: if it is not tracked.
        """
        self._tracking.change(instance, resolution_level)

    def detach_class(self, cls: type) -> None:
        """Track no more new instances of a class, and leave it as it was found.

        Raises:
            KeyError: if it is not tracked.
        """
        self._tracking.unwatch(cls)

    def detach_all_classes(self) -> None:
        """Track no more new instances of any class."""
        self._tracking.unwatch_all()

    def detach_all(self) -> None:
        """Detach all classes and forget all objects."""
        self.detach_all_classes()
        self._tracking.forget()

    def clear(self) -> None:
        """Detach all classes and forget all objects and snapshots."""
        self.detach_all()
        with self.snapshot_lock:
            self.snapshots.clear()

    def close(self) -> None:
        """End periodic snapshots and detach all classes; what was gathered is kept."""
        self.stop_periodic_snapshots()
        self.detach_all_classes()

    # What is known.

    @property
    def index(self) -> dict[str, list[TrackedObject]]:
        """For each name the instances in order of birth: all that live, and the last that died."""
        return {name: found.objects for name, found in self.picture().classes.items()}

    @property
    def objects(self) -> Mapping[int, TrackedObject]:
        """The instances that live, by id."""
        return _Living(self)

    @property
    def history(self) -> dict[str, list[tuple[float, int]]]:
        """For each name, times of births and deaths with the number alive after each."""
        return {series.name: series.history() for series in self._tracking.settle()}

    @property
    def stats(self) -> ConsoleStats:
        """Statistics of what is known, to be printed."""
        return ConsoleStats(tracker=self, stream=self.stream)

    def picture(self) -> Picture:
        """All that is known now, as plain data."""
        with self.snapshot_lock:
            return picture_of(self._tracking, self.snapshots)

    # Snapshots.

    def create_snapshot(self, description: Any = "", compute_total: bool = False) -> None:
        """Size all tracked instances that live now.

        Args:
            description: what the snapshot is called.
            compute_total: whether all objects of the program are sized as well, which takes long.
        """
        self._snapshot(str(description), compute_total=compute_total)

    def _snapshot(self, description: str, *, compute_total: bool = False) -> None:
        tracking = self._tracking
        with self.snapshot_lock:
            tracking.adopt()
            snapshot = Snapshot(clock(), description)
            sizes = tracking.measure()
            for record, size in sizes:
                record.note(snapshot.timestamp, size)
            snapshot.tracked_total = sum(size.size for _, size in sizes)
            snapshot.overhead = tracking.own_bytes()
            if compute_total:
                snapshot.asizeof_total = walk([live_objects()], Rules()).sizes[0]
            snapshot.system_total = Memory.now()
            names = [series.name for series in tracking.settle()]
            snapshot.classes = summed(names, sizes, snapshot.total)
            self.snapshots.append(snapshot)

    def _periodic_snapshot(self) -> None:
        self._snapshot("")
        with self.snapshot_lock:
            if len(self.snapshots) > _MOST_PERIODIC:
                half = len(self.snapshots) // 2
                self.snapshots[:half] = [
                    snapshot
                    for place, snapshot in enumerate(self.snapshots[:half])
                    if place % 2 == 0 or snapshot.desc
                ]

    def start_periodic_snapshots(self, interval: float = 1.0) -> None:
        """Make a snapshot now and then in a background thread; again, to change the interval.

        Args:
            interval: seconds between two snapshots.

        Raises:
            ValueError: if the interval is not above 0.
        """
        if not interval > 0:
            raise ValueError(f"interval is {interval!r}: use a number of seconds above 0")
        if self._thread is not None and self._thread.is_alive():
            self._thread.interval = interval
            return
        self._thread = PeriodicThread(weakref.WeakMethod(self._periodic_snapshot), interval)
        self._thread.start()

    def stop_periodic_snapshots(self) -> None:
        """End the background thread, at once but for a snapshot that is being made."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.stop()


class PeriodicThread(threading.Thread):
    """A daemon thread that calls a method now and then, and ends with the owner of the method.

    Args:
        task: gives the method, ``None`` when its owner is gone.
        interval: seconds between two calls; may be changed at any time.
    """

    def __init__(self, task: Callable[[], Callable[[], None] | None], interval: float) -> None:
        super().__init__(name="BackgroundMonitor", daemon=True)
        self._task = task
        self._interval = interval
        self._changed = threading.Event()
        self._stopped = False

    @property
    def interval(self) -> float:
        """Seconds between two calls."""
        return self._interval

    @interval.setter
    def interval(self, interval: float) -> None:
        self._interval = interval
        self._changed.set()

    def run(self) -> None:
        """Call the method until told to stop."""
        while not self._stopped:
            if self._changed.wait(self._interval):
                self._changed.clear()
            elif not self._call():
                return

    def _call(self) -> bool:
        task = self._task()
        if task is None:
            return False
        task()
        return True

    def stop(self) -> None:
        """End the thread and wait for it; may be called from the thread itself."""
        self._stopped = True
        self._changed.set()
        if self is not threading.current_thread() and self.is_alive():
            self.join()


class _Living(Mapping[int, TrackedObject]):
    """The instances that live, looked up when they are asked for."""

    def __init__(self, tracker: ClassTracker) -> None:
        self._tracker = tracker

    def __getitem__(self, key: int) -> TrackedObject:
        record = self._tracker._tracking.live[key]
        return TrackedObject.of(record, [each.timestamp for each in self._tracker.snapshots])

    def __contains__(self, key: object) -> bool:
        return key in self._tracker._tracking.live

    def __iter__(self) -> Iterator[int]:
        return iter(list(self._tracker._tracking.live))

    def __len__(self) -> int:
        return len(self._tracker._tracking.live)


def _options(name: str, level: int, keep: bool, trace: bool | int) -> Options:
    if not isinstance(level, int) or level < 0:
        raise ValueError(f"resolution_level is {level!r}: use 0 or more")
    frames = -1 if trace is True else int(trace)
    return Options(str(name), level, bool(keep), frames)


def _class_name(cls: Any) -> str:
    if not issubclass(type(cls), type):
        raise TypeError(f"only classes can be tracked, not {type_name(type(cls))} objects")
    module = type.__dict__["__module__"].__get__(cls)
    return f"{module}.{type.__dict__['__qualname__'].__get__(cls)}"
