"""The procedure: from requests to a verdict on one route.

Warm up, measure a few rounds, name what grew in all of them, watch that for much longer, and only
then accuse. Growth without a container is looked at again in larger windows.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pympler.errors import ApplicationError
from pympler.leaks.check.candidates import Candidate, container_candidates, rank
from pympler.leaks.check.chains import find_chain
from pympler.leaks.check.confirm import Limits, confirm
from pympler.leaks.check.cycles import Garbage, collect_garbage, own_garbage
from pympler.leaks.check.meter import Meter, Window, least, middle, settle_process
from pympler.leaks.check.persist import Persisting, look_longer, persists
from pympler.leaks.check.visitor import Visitor
from pympler.leaks.growth import (
    advance,
    growing,
    read_lengths,
    start_tracks,
    tracked_ids,
)
from pympler.leaks.report import Suspect
from pympler.leaks.tracing import StoreTracer

__all__ = ["Findings", "examine"]

WARM_UP = 30
ROUND = 20
_SETTLING_REQUESTS = 400
_LEAST_OBJECTS = 0.4
_LEAST_BLOCKS = 0.5
_LEAST_MALLOC_BYTES = 300.0
_LOOK_LONGER_MALLOC_BYTES = 200.0
_LEAST_CYCLIC = 20.0
_LEAST_OWN_CYCLIC = 10.0  # an error page leaves some that other pages do not
_LEAST_RSS_BYTES = 64 * 1024.0
_MOST_TRACED = 60

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Findings:
    """What the requests of one route showed.

    Attributes:
        verdict: one of :data:`pympler.leaks.report.VERDICTS`; suspects: the most probable first.
    """

    verdict: str
    bytes_per_request: float = 0.0
    objects_per_request: float = 0.0
    suspects: tuple[Suspect, ...] = ()


def examine(visitor: Visitor, rounds: int, progress: Progress, limits: Limits) -> Findings:
    """Judge one route by sending it requests.

    Args:
        visitor: sends the requests.
        rounds: rounds of 20 requests, 3 at least.
        progress: called with a few words on what is done now.
        limits: how long suspects are watched.

    Raises:
        ApplicationError: if the application fails.
    """
    progress("warming up")
    visitor.send(WARM_UP)
    meter = Meter(visitor.send, visitor.settle)
    # The first scan and the first window hold allocations of our own.
    read_lengths()
    meter.window(ROUND)
    tracks = start_tracks(read_lengths())
    windows: tuple[Window, ...] = ()
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}")
        windows = (*windows, meter.window(ROUND))
        tracks = advance(tracks, read_lengths())
    window = least(*windows)
    candidates = container_candidates(growing(tracks, ROUND))
    tracks.clear()
    watched = _watch(visitor, candidates, progress, limits)
    if watched.leaks:
        return watched.findings("leak")
    if _is_unexplained(middle(*windows), watched):
        progress("looking longer at growth without a container")
        visitor.send(_SETTLING_REQUESTS)
        persisting = look_longer(meter)
        if persisting is not None and not watched.explains(persisting.window):
            found = _judge_persisting(visitor, meter, persisting, progress, limits)
            if found is not None:
                return found
    if window.cyclic >= _LEAST_CYCLIC:
        cyclic = _cyclic_garbage(visitor)
        if cyclic is not None:
            return cyclic
    if window.rss_bytes >= _LEAST_RSS_BYTES:
        return Findings("allocator", round(window.rss_bytes, 1))
    return watched.findings("bounded") if watched.bounded else Findings("clean")


@dataclass(frozen=True, slots=True, eq=False)
class _Watched:
    """Candidates after they were watched."""

    leaks: list[Candidate]
    bounded: list[Candidate]

    def findings(self, verdict: str) -> Findings:
        candidates = self.leaks if verdict == "leak" else self.bounded
        return Findings(
            verdict,
            round(sum(one.bytes_per_request for one in candidates), 1),
            round(sum(one.objects_per_request for one in candidates), 3),
            tuple(one.as_suspect() for one in candidates),
        )

    def explains(self, window: Window) -> bool:
        """Whether caches that still fill take in what a window added."""
        if not self.bounded:
            return False
        objects = sum(one.objects_per_request for one in self.bounded)
        size = sum(one.bytes_per_request for one in self.bounded)
        return (
            window.objects <= objects + _LEAST_OBJECTS
            # An object takes one block, or two with a table of its own.
            and window.blocks <= 2.5 * objects + _LEAST_BLOCKS
            and window.malloc_bytes <= 2.5 * size + _LEAST_MALLOC_BYTES
        )


def _watch(
    visitor: Visitor, candidates: list[Candidate], progress: Progress, limits: Limits
) -> _Watched:
    """Confirm candidates, weigh them and trace the lines that store."""
    if not candidates:
        return _Watched([], [])
    old = _old_ids(visitor)
    known = {one: frozenset(map(id, one.entries())) for one in candidates}
    begun = {one: one.length() or 0 for one in candidates}
    sent = confirm(
        candidates,
        visitor.send,
        lambda done, of: progress(f"watching what grows, {done} of {of} requests"),
        limits,
    )
    if not sent:  # all of them declare a bound; see what an entry weighs
        sent = ROUND
        visitor.send(sent)
    visitor.settle()
    settle_process()
    leaks = rank([one for one in candidates if one.verdict == "leak"], known, old)
    bounded = rank([one for one in candidates if one.verdict == "bounded"], known, old)
    for one in (*leaks, *bounded):
        length = one.length() or 0
        added = max(length - begun[one], 0)
        if one.verdict == "bounded":
            # What is in it now came with this many requests.
            requests = max(min(sent, length / one.growth if one.growth else sent), 1)
        else:
            requests = sent
        table_bytes = one.table_bytes() * added / max(length, 1)
        one.bytes_per_request = (one.bytes_per_request + table_bytes) / requests
        one.objects_per_request /= requests
    _trace(visitor, leaks, progress)
    return _Watched(leaks, bounded)


def _old_ids(visitor: Visitor) -> frozenset[int]:
    # What is garbage now must be gone first, because new objects would take over its ids.
    visitor.settle()
    settle_process()
    return tracked_ids()


def _trace(visitor: Visitor, leaks: Sequence[Candidate], progress: Progress) -> None:
    """Find the lines that store, in a few traced requests."""
    if not leaks:
        return
    progress("looking for the line that stores")
    needed = math.ceil(min(max(5, 3 / max(leaks[0].growth, 0.01)), _MOST_TRACED))
    tracer = StoreTracer({one: one.length for one in leaks[:5]})
    # A leak that is confirmed stays one if the application fails now.
    with contextlib.suppress(ApplicationError), visitor.traced(tracer):
        for _ in range(needed):
            visitor.send(1)
            lines = tracer.lines()
            if all(line is not None for line in lines.values()):
                break
    for one, line in tracer.lines().items():
        one.stored_at = _not_ours(line)  # type: ignore[attr-defined]


def _not_ours(line: str | None) -> str | None:
    # The driver, where no Python code of the application was running.
    return None if line is None or line.startswith("pympler/") else line


def _cyclic_garbage(visitor: Visitor) -> Findings | None:
    """The finding that a route leaves cyclic garbage of its own.

    Frameworks leave some of any request (Django under ASGI: about 50 objects).
    """
    garbage = collect_garbage(visitor.send, ROUND)
    try:
        elsewhere = collect_garbage(visitor.send_elsewhere, ROUND)
    except LookupError:
        elsewhere = Garbage(Counter(), 0)
    if own_garbage(garbage, elsewhere) < _LEAST_OWN_CYCLIC * ROUND:
        return None
    return Findings(
        "cyclic-garbage",
        round(garbage.flat_bytes / ROUND, 1),
        round(garbage.types.total() / ROUND, 1),
    )


def _is_unexplained(window: Window, watched: _Watched) -> bool:
    # Accuses nobody yet, and so asks for less than what would: a text that grows by 300 bytes must
    # not pass for noise.
    grows = (
        window.objects >= _LEAST_OBJECTS
        or window.blocks >= _LEAST_BLOCKS
        or window.malloc_bytes >= _LOOK_LONGER_MALLOC_BYTES
    )
    return grows and not watched.explains(window)


def _judge_persisting(
    visitor: Visitor, meter: Meter, persisting: Persisting, progress: Progress, limits: Limits
) -> Findings | None:
    """The verdict on growth that persists, ``None`` if it ends after all."""
    window = persisting.window
    if persisting.candidates:
        watched = _watch(visitor, persisting.candidates, progress, limits)
        if watched.leaks:
            return watched.findings("leak")
        if watched.explains(window):
            return None
    progress("watching growth without a container")
    old = _old_ids(visitor)
    sent = 0
    for _ in range(max(limits.least // limits.block, 1)):
        now = meter.window(limits.block)
        sent += limits.block
        window = least(window, now)
        if not persists(window):
            return None
    chain = None
    if window.objects >= _LEAST_OBJECTS:
        chain = find_chain(old, sent, window.objects)
    del old
    if chain is not None:
        tracer = chain.tracer()
        with contextlib.suppress(ApplicationError), visitor.traced(tracer):
            visitor.send(3)
        line = next((line for line in map(_not_ours, tracer.lines().values()) if line), None)
        suspect = replace(chain.suspect, stored_at=line)
        return Findings("leak", suspect.bytes_per_request, chain.objects_per_request, (suspect,))
    if window.atexit >= 0.5:
        suspect = Suspect("atexit", "registered functions", round(window.atexit, 3), 0.0)
        return Findings("leak", _native_bytes(window), window.objects, (suspect,))
    return Findings("native", _native_bytes(window), round(window.objects, 3))


def _native_bytes(window: Window) -> float:
    # A block of Python's allocator is 64 bytes on average; what is larger comes from malloc.
    return round(max(window.malloc_bytes, 0.0) + 64 * max(window.blocks, 0.0), 1)
