"""What is kept of each tracked instance, and of each class once its instances are gone."""

from __future__ import annotations

import sys
import threading
import weakref
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import repeat
from math import frexp
from time import perf_counter
from typing import Any

from pympler.sizing.asized import Asized

__all__ = [
    "MOST_EVENTS",
    "STARTED_S",
    "Live",
    "Record",
    "Series",
    "Site",
    "Target",
    "clock",
]

STARTED_S = perf_counter()
MOST_EVENTS = 1024
_AT_ONCE = 2048  # so that no thread works for all others, and the history stays in bounds
_MOST_POINTS = 4096
_MOST_SIZES = 256
_MOST_SITES = 10_000

Site = tuple[tuple[str, int, str], ...]
"""Where an instance was made: file, line and function of each frame, the outermost first."""


def clock() -> float:
    """Seconds since the first import of this module."""
    return perf_counter() - STARTED_S


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """How instances of one type are followed.

    Attributes:
        series: where they are counted; events: its queue.
        died: what is called with the record of one that died.
        owner: the tracked class that decides, their own or the nearest above it; ``None`` for
            single objects.
        basic: bytes of the fixed part of an instance.
        level: how many levels of referents are sized one by one.
        keep: whether they are kept alive.
        trace: how many frames of their making are remembered, -1 for all.
        adopted: whether their constructor was not seen.
    """

    series: Series
    events: deque[float | Record]
    died: Callable[[Record], None]
    owner: type | None
    basic: int
    level: int = 0
    keep: bool = False
    trace: int = 0
    adopted: bool = False


class Record(weakref.ref[Any]):
    """One tracked instance: a weak reference with what is known of its object.

    Compared by identity, since a plain weak reference would ask the objects themselves.

    What is not known is not set, which takes no time in a constructor; :func:`getattr` with a
    default reads it.

    Attributes:
        id: of the object; birth: seconds; target: how it is followed.
        death: seconds, when it has died.
        site: where it was made, if that was asked for.
        sizes: times of snapshots and sizes, where the size was another than before.
        owner: whose it is, set by who was told of its birth.
    """

    __slots__ = ("birth", "death", "id", "owner", "site", "sizes", "target")

    id: int
    birth: float
    target: Target
    death: float
    site: Site
    sizes: list[tuple[float, Asized]]
    owner: object

    __eq__ = object.__eq__
    __ne__ = object.__ne__
    __hash__ = object.__hash__
    __repr__ = object.__repr__

    def note(self, time_s: float, size: Asized) -> None:
        """Add the size at a snapshot."""
        sizes = getattr(self, "sizes", None)
        if sizes is None:
            self.sizes = [(time_s, size)]
        elif not _same(sizes[-1][1], size):
            sizes.append((time_s, size))
            if len(sizes) > _MOST_SIZES:
                self._thin(sizes)

    def _thin(self, sizes: list[tuple[float, Asized]]) -> None:
        largest = max(sizes, key=lambda pair: pair[1].size)
        half = len(sizes) // 2
        self.sizes = [
            pair
            for place, pair in enumerate(sizes)
            if place >= half or place % 2 == 0 or pair is largest
        ]


def _same(one: Asized, other: Asized) -> bool:
    if one is other:
        return True
    plain = not one.refs and not other.refs
    return plain and one.size == other.size and one.flat == other.flat


Live = dict[int, Record]
"""The records of the instances that live, by the id of the instance."""


@dataclass(slots=True, eq=False)
class Series:
    """The instances that are counted under one name.

    Births and deaths are noted without a lock, by appending to a queue, because a death may come
    in the middle of anything. They are worked off a thousand at a time or when somebody asks.

    Attributes:
        births, deaths: how many there were, exact after :meth:`settle`.
        adopted_deaths: of the deaths, how many were of instances whose constructor was not seen.
        lived_s: sum of the seconds that those who died have lived; longest_s: the longest.
        lifetimes: how many lived less than each power of two of milliseconds, and not less than the
            power before.
        peak: the most that lived at a time.
        dead: the last to die, as many as are kept.
        sites: how many of the dead were made where.
    """

    name: str
    keep_dead: int
    births: int = 0
    deaths: int = 0
    adopted_deaths: int = 0
    lived_s: float = 0.0
    longest_s: float = 0.0
    lifetimes: dict[int, int] = field(default_factory=dict)
    peak: int = 0
    dead: deque[Record] = field(default_factory=deque)
    sites: dict[Site, int] = field(default_factory=dict)
    events: deque[float | Record] = field(default_factory=deque)
    _times: array[float] = field(default_factory=lambda: array("d"))
    _counts: array[int] = field(default_factory=lambda: array("q"))
    # Reentrant: a collection in the middle of the work may run a finalizer that asks.
    _lock: Any = field(default_factory=threading.RLock)
    _working: bool = False

    def __post_init__(self) -> None:
        self.dead = deque(maxlen=self.keep_dead)

    @property
    def live(self) -> int:
        """How many live, exact after :meth:`settle`."""
        return self.births - self.deaths

    def farewell(self, live: Live) -> Callable[[Record], None]:
        """What is called when an instance has died; forgets it in ``live``."""
        events, tidy = self.events, self.tidy

        def died(record: Record) -> None:
            record.death = perf_counter() - STARTED_S
            # A dead object's place may have been taken by another one already.
            if live.get(record.id) is record:
                del live[record.id]
            events.append(record)
            if len(events) > MOST_EVENTS:
                tidy()

        return died

    def tidy(self) -> None:
        """Work off what has happened, unless somebody else is at it; never waits."""
        if self._lock.acquire(blocking=False):
            try:
                self._work_off()
            finally:
                self._lock.release()

    def settle(self) -> Series:
        """Work off all that has happened until now."""
        with self._lock:
            while self._work_off():
                pass
        return self

    def history(self) -> list[tuple[float, int]]:
        """Times of births and deaths with the number alive after each; thinned when it is long."""
        with self._lock:
            self.settle()
            return list(zip(self._times, self._counts, strict=True))

    def own_bytes(self, live: int) -> int:
        """About what the records of this many live instances, and of the dead, take."""
        each = Record.__basicsize__ + 16 + sys.getsizeof(1.0) + sys.getsizeof(2**60)
        series = sum(map(sys.getsizeof, (self.events, self._times, self._counts, self.lifetimes)))
        return each * (live + len(self.dead)) + series + sys.getsizeof(self.sites)

    def _work_off(self) -> bool:
        """Work off some events; returns whether there may be more. Called under the lock."""
        if self._working:
            return False  # a finalizer that a collection runs in the middle of this
        self._working = True
        try:
            return self._work_off_some()
        finally:
            self._working = False

    def _work_off_some(self) -> bool:
        # Runs for each birth and death: local names and no calls that can be spared.
        events, times, counts = self.events, self._times, self._counts
        lifetimes, bury, powers = self.lifetimes, self.dead.append, frexp
        alive, peak = self.births - self.deaths, self.peak
        left = False
        try:
            for _ in repeat(None, _AT_ONCE):
                event = events.popleft()
                if type(event) is float:
                    self.births += 1
                    alive += 1
                    if alive > peak:
                        self.peak = peak = alive
                    times.append(event)
                else:
                    record: Any = event
                    self.deaths += 1
                    alive -= 1
                    lived = record.death - record.birth
                    self.lived_s += lived
                    if lived > self.longest_s:
                        self.longest_s = lived
                    power = powers(lived * 1000)[1]
                    if power in lifetimes:
                        lifetimes[power] += 1
                    else:
                        lifetimes[power] = 1
                    target = record.target
                    if target.adopted or target.trace:
                        self._note_origin(record)
                    bury(record)
                    times.append(record.death)
                counts.append(alive)
            left = True
        except IndexError:  # no more events
            pass
        while len(times) > _MOST_POINTS:
            self._times = times = _thinned(times)
            self._counts = counts = _thinned(counts)
        return left

    def _note_origin(self, record: Record) -> None:
        self.adopted_deaths += record.target.adopted
        site = getattr(record, "site", None)
        if site is not None:
            if site not in self.sites and len(self.sites) >= _MOST_SITES:
                site = ()
            self.sites[site] = self.sites.get(site, 0) + 1


def _thinned(points: array[Any]) -> array[Any]:
    """Every second point of the first half, and the second half as it is."""
    half = len(points) // 2
    return points[:half:2] + points[half:]
