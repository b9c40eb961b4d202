"""What the monitor says: frozen plain data, from here on nothing holds an object of the user's."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from pympler.leaks.plain import SCHEMA, Plain

__all__ = [
    "VERDICTS",
    "ClassTotal",
    "ClassUse",
    "Counters",
    "LeakSummary",
    "Place",
    "RequestReport",
    "RouteSummary",
    "Rows",
    "Suspect",
    "TypeCount",
    "TypeCounts",
    "worker_id",
    "worst",
]

VERDICTS = ("leak", "native", "cyclic-garbage", "allocator", "bounded", "clean")
"""Every verdict, the worst first. ``None`` stands for "not known yet"."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TypeCount:
    """Objects of one type: their number and the sum of their flat sizes."""

    type: str
    count: int
    flat_bytes: int


class TypeCounts(tuple[TypeCount, ...]):
    """Rows of a report; a type of its own, so that no window takes them for the application's."""

    __slots__ = ()


class Rows(tuple[T, ...]):
    """Other rows of a report, likewise."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Place:
    """How many instances are of one place: a line that makes them, or a route.

    Example:
        >>> Place("shop/cart.py:41 in add", 3).count
        3
    """

    place: str
    count: int


@dataclass(frozen=True, slots=True)
class ClassUse:
    """What one request did with the instances of a class in ``track_classes``.

    Attributes:
        name: dotted path, as in the setting.
        births: instances made by the request, also in tasks and threads that share its context;
            exact, however many requests were in flight.
        deaths: of them, how many were gone at the re-check.
        live: instances of the whole process that lived then, as far as their birth was seen.
        stayed_bytes: of those that stayed, with what their attributes hold directly; measured on
            20 of them at most.
        elsewhere: instances made meanwhile by what belongs to no request; threads that the
            request started are among it, and so are those of all requests in flight.
        sites: where those that stayed were made, most first.
    """

    name: str
    births: int
    deaths: int
    live: int
    stayed_bytes: int = 0
    elsewhere: int = 0
    sites: tuple[Place, ...] = ()

    @property
    def stayed(self) -> int:
        """Instances made by the request that outlived it."""
        return self.births - self.deaths


@dataclass(frozen=True, slots=True)
class ClassTotal:
    """What all requests, and what runs beside them, did with the instances of a class.

    Attributes:
        name: dotted path, as in the setting.
        births, deaths: instances made and gone since the class is tracked.
        live_bytes: of those that live, with what their attributes hold directly; measured on 20
            of them at most.
        routes: which routes made those that live, most first.
        sites: where those that live were made, most first.
    """

    name: str
    births: int
    deaths: int
    live_bytes: int = 0
    routes: tuple[Place, ...] = ()
    sites: tuple[Place, ...] = ()

    @property
    def live(self) -> int:
        """Instances that live now."""
        return self.births - self.deaths


@dataclass(frozen=True, slots=True)
class Suspect:
    """A container that keeps what a route leaves behind.

    Attributes:
        holder: path from a root, such as ``shop.cart._CACHE``.
        type: type of the holder, such as ``dict``.
        growth_per_request: entries added per request of the route.
        bytes_per_request: flat bytes left per request of the route.
        stored_at: ``file:line`` that adds to the holder, ``None`` while unknown.
        evidence: what the verdict rests on, in words.
        bound: most entries the holder may have or was seen to have, ``None`` if none was seen.
    """

    holder: str
    type: str
    growth_per_request: float
    bytes_per_request: float
    stored_at: str | None = None
    evidence: str = ""
    bound: int | None = None


@dataclass(frozen=True, slots=True)
class RequestReport(Plain):
    """What one watched request left behind.

    Attributes:
        id: identifies the report within its process.
        route: route template (never a raw path), or the label given to ``request()``.
        started_at: seconds since the epoch.
        attribution: ``"exact"`` if the survivors are of this request alone: no other was in
            flight, or its steps in the event loop were told apart; ``"shared"`` if they are of
            all in flight, ``"none"`` if there was no window; ``note`` then says why.
        in_flight: requests, this one included, that were in flight meanwhile.
        survivors: gc-tracked objects born in the window and alive at the re-check, by type,
            most bytes first.
        rechecked: ``"collected"`` if the survivors outlived a garbage collection after the
            request, or would have, ``"alive"`` if they were only seen alive (cyclic garbage looks
            the same).
        unfollowed: objects born in the window that could not be followed to the re-check.
        own_cost_s: CPU seconds that watching this request took.
        host, worker_started_at: with ``pid`` they identify the process, see :attr:`worker`.
        classes: what it did with the classes in ``track_classes``, those that it made instances
            of.
    """

    id: int
    application: str
    release: str
    pid: int
    route: str
    method: str
    status: int | None
    error: str | None
    started_at: float
    duration_s: float
    attribution: str
    in_flight: int
    survivors: tuple[TypeCount, ...]
    rechecked: str
    unfollowed: int
    own_cost_s: float
    note: str = ""
    host: str = ""
    worker_started_at: float = 0.0
    classes: tuple[ClassUse, ...] = ()
    schema: int = SCHEMA

    @property
    def worker(self) -> str:
        """The process that served the request, see :func:`worker_id`."""
        return worker_id(self.host, self.pid, self.worker_started_at)

    @property
    def key(self) -> str:
        """Identifies the report among those of all workers; fit for a URL."""
        return f"{self.worker}.{self.id}"

    @property
    def objects(self) -> int:
        """Number of objects left behind."""
        return sum(row.count for row in self.survivors)

    @property
    def flat_bytes(self) -> int:
        """Sum of the flat sizes of the objects left behind."""
        return sum(row.flat_bytes for row in self.survivors)


@dataclass(frozen=True, slots=True)
class RouteSummary(Plain):
    """The verdict on one route.

    Attributes:
        verdict: one of :data:`VERDICTS`, ``None`` while not known.
        headline: the verdict in one sentence, the same in every renderer.
        requests: requests of the route so far; windows: those that were watched and re-checked.
        bytes_per_request: flat bytes left per request.
        suspects: the most probable first.
    """

    route: str
    method: str
    verdict: str | None
    headline: str
    requests: int
    windows: int
    exact_windows: int
    objects_per_request: float
    bytes_per_request: float
    survivors: tuple[TypeCount, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    schema: int = SCHEMA


@dataclass(frozen=True, slots=True)
class Counters:
    """Readings of the process between two moments.

    Attributes:
        blocks_per_request: memory blocks of Python's allocator gained per request.
        rss_bytes: resident memory now, 0 where it cannot be read.
        rss_growth_bytes: its growth since the first reading.
        readings: number of readings that this rests on.
    """

    blocks_per_request: float = 0.0
    rss_bytes: int = 0
    rss_growth_bytes: int = 0
    readings: int = 0


@dataclass(frozen=True, slots=True)
class LeakSummary(Plain):
    """What the monitor knows of one process: a verdict for each route and what it rests on.

    Attributes:
        overhead: the monitor's own CPU time over wall time, averaged over ten minutes at most.
        unattributed: confirmed suspects that no single route could be blamed for, because their
            requests overlap and too few could be traced.
        notes: what limits the answer, such as a disabled garbage collector.
        started_at, taken_at: when the monitor started and when this was said, in seconds since
            the epoch.
        classes: totals of the classes in ``track_classes``.
        dropped: reports of this worker that its store could not keep.
    """

    application: str
    release: str
    pid: int
    started_at: float
    requests: int
    windows: int
    sample_rate: float
    max_overhead: float
    overhead: float
    verdict: str | None
    routes: tuple[RouteSummary, ...]
    unattributed: tuple[Suspect, ...] = ()
    counters: Counters = Counters()
    notes: tuple[str, ...] = ()
    host: str = ""
    taken_at: float = 0.0
    classes: tuple[ClassTotal, ...] = ()
    dropped: int = 0
    schema: int = SCHEMA

    @property
    def worker(self) -> str:
        """The process that this is about, see :func:`worker_id`."""
        return worker_id(self.host, self.pid, self.started_at)


@functools.lru_cache(maxsize=1024)  # asked for with each report
def worker_id(host: str, pid: int, started_at: float) -> str:
    """A name for one life of one process: pids are used again; fit for a URL.

    Example:
        >>> worker_id("web 1", 4711, 1764090000.25)
        'web-1.4711.1764090000250'
    """
    name = "".join(letter if letter.isalnum() else "-" for letter in host) or "localhost"
    return f"{name}.{pid}.{int(started_at * 1000)}"


def worst(verdicts: Iterable[str | None]) -> str | None:
    """The worst of some verdicts, ``None`` if none is known.

    Example:
        >>> worst(["clean", None, "leak"])
        'leak'
    """
    known = [verdict for verdict in verdicts if verdict is not None]
    return min(known, key=VERDICTS.index) if known else None
