"""The procedure: from requests to a verdict on one route.

Warm up, measure a few rounds, name what grew in all of them, watch that for much longer, and only
then accuse. Growth without a container is looked at again in larger windows.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass, replace

from pympler.errors import ApplicationError
from pympler.leaks.check.candidates import Candidate, Key, container_candidates, rank
from pympler.leaks.check.chains import find_chain
from pympler.leaks.check.confirm import Limits, confirm
from pympler.leaks.check.cycles import Garbage, collect_garbage, own_garbage
from pympler.leaks.check.meter import Meter, Window, least, middle, settle_process, total
from pympler.leaks.check.persist import lasts, look_longer, persists
from pympler.leaks.check.places import filled, read_places
from pympler.leaks.check.registers import register_candidates
from pympler.leaks.check.sender import Sender
from pympler.leaks.check.slots import Slots, growing_slots, read_slots, slot_candidates
from pympler.leaks.check.trees import find_tree
from pympler.leaks.containers import read_lengths, tracked_ids
from pympler.leaks.growth import advance, growing, start_tracks
from pympler.leaks.report import Suspect
from pympler.leaks.tracing import StoreTracer

__all__ = ["WARM_UP", "Findings", "examine"]

WARM_UP = 30
ROUND = 20
_SETTLING_REQUESTS, _LEAST_SETTLING = 400, 100
_LONG_LOOK_REQUESTS = 600  # that a long look and what may follow it take
_LEAST_OBJECTS = 0.4
_LEAST_CHAINED = 0.1
_LEAST_FILLED = 0.1
_LEAST_BLOCKS = 0.5
_LEAST_BLOCKS_WATCHED = 3
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
        grown: what leaks, as it can be found again as long as it lives, and by how much a request
            makes it longer.
    """

    verdict: str
    bytes_per_request: float = 0.0
    objects_per_request: float = 0.0
    suspects: tuple[Suspect, ...] = ()
    grown: tuple[tuple[Key, float], ...] = ()


def examine(
    visitor: Sender,
    rounds: int,
    progress: Progress,
    limits: Limits,
    *,
    warm_up: int = WARM_UP,
) -> Findings:
    """Judge one thing that can be done again and again.

    Args:
        visitor: does it.
        rounds: rounds of 20 requests, 3 at least.
        progress: called with a few words on what is done now.
        limits: how long suspects are watched.
        warm_up: requests before the first round.

    Raises:
        ApplicationError: if the application fails.
    """
    return _Examination(visitor, progress, limits).run(warm_up, rounds)


class _Examination:
    """The steps of the procedure, and how many requests they have left."""

    def __init__(self, visitor: Sender, progress: Progress, limits: Limits) -> None:
        self._visitor = visitor
        self._progress = progress
        self._limits = limits
        self._meter = Meter(visitor.send, visitor.settle)
        self._begun = self._measured_from = visitor.requests
        self._extra = 0  # asked for by the user, on top of the total
        self._deadline_s = time.monotonic() + limits.longest_s

    def run(self, warm_up: int, rounds: int) -> Findings:
        """The verdict."""
        self._extra = max(warm_up - WARM_UP, 0) + (rounds - 3) * ROUND
        self._progress("warming up")
        for _ in range(warm_up):
            self._visitor.send(1)
            self._check_time()
        windows, candidates = self._rounds(rounds)
        window = least(*windows)
        watched = self._watch(candidates)
        if watched.leaks:
            return watched.findings("leak", _native_bytes(window))
        filling = watched.filling()
        if len(filling.bounded) < len(watched.bounded):  # what is full by now explains no more
            windows = tuple(self._meter.window(ROUND) for _ in range(3))
        if _is_unexplained(middle(*windows), filling):
            found = self._look_longer(filling)
            if found is not None:
                return found
        if window.cyclic >= _LEAST_CYCLIC:
            cyclic = _cyclic_garbage(self._visitor)
            if cyclic is not None:
                return cyclic
        if window.rss_bytes >= _LEAST_RSS_BYTES:
            return Findings("allocator", round(window.rss_bytes, 1))
        return watched.findings("bounded") if watched.bounded else Findings("clean")

    def _left(self) -> int:
        """Requests that may still be sent, without those that are traced at the end."""
        sent = self._visitor.requests - self._begun
        return self._limits.total + self._extra - sent - _MOST_TRACED

    def _check_time(self) -> None:
        if time.monotonic() > self._deadline_s:
            sent = self._visitor.requests - self._begun
            raise ApplicationError(
                f"took more than {self._limits.longest_s:g} s for {sent} requests, too few to "
                "judge by; give it more time with --max-seconds"
            )

    def _rounds(self, rounds: int) -> tuple[tuple[Window, ...], list[Candidate]]:
        """What each round added, and what grew in all of them."""
        # The first scans and the first window hold allocations of our own.
        read_lengths()
        read_slots()
        self._measured_from = self._visitor.requests
        self._meter.window(ROUND)
        tracks = start_tracks(read_lengths())
        scans: tuple[Slots, ...] = (read_slots(),)
        windows: tuple[Window, ...] = ()
        for number in range(rounds):
            self._progress(f"round {number + 1} of {rounds}")
            windows = (*windows, self._meter.window(ROUND))
            tracks = advance(tracks, read_lengths())
            scans = (*scans, read_slots())
            self._check_time()
        growth = growing(tracks, ROUND)
        candidates = container_candidates(growth)
        candidates += slot_candidates(growing_slots(*scans), ROUND * rounds)
        candidates += register_candidates(least(*windows))
        return windows, candidates

    def _watch(self, candidates: list[Candidate], reserved: int = 0) -> _Watched:
        """Confirm candidates, weigh them and trace the lines that store.

        Args:
            candidates: what may leak.
            reserved: requests that must be left afterwards.
        """
        if not candidates:
            return _Watched([], [])
        visitor = self._visitor
        old = _old_ids(visitor)
        known = {one: frozenset(map(id, one.entries())) for one in candidates}
        begun = {one: one.length() or 0 for one in candidates}
        sent = confirm(
            candidates,
            visitor.send,
            visitor.wait,
            lambda done, of: self._progress(f"watching what grows, {done:,} of {of:,} requests"),
            replace(self._limits, longest_s=self._deadline_s - time.monotonic()),
            self._left() - reserved,
        )
        if not sent:  # all of them declare a bound; see what an entry weighs
            sent = ROUND
            visitor.send(ROUND)
        visitor.settle()
        settle_process()
        candidates = _one_of_each(candidates)
        leaks = rank([one for one in candidates if one.verdict == "leak"], known, old)
        kept = [one for one in candidates if one.verdict == "bounded" and not one.was_emptied]
        bounded = rank(kept, known, old)
        for one in (*leaks, *bounded):
            _share(one, begun[one], sent)
        bounded += self._weigh_emptied([one for one in candidates if one.was_emptied])
        self._trace(leaks)
        return _Watched(leaks, bounded)

    def _weigh_emptied(self, candidates: list[Candidate]) -> list[Candidate]:
        """Weigh what was emptied by what a few more requests put into it.

        What is in it since then may lie where objects lay that were known, and pass for them.
        """
        if not candidates:
            return []
        old = _old_ids(self._visitor)
        known = {one: frozenset(map(id, one.entries())) for one in candidates}
        begun = {one: one.length() or 0 for one in candidates}
        self._visitor.send(ROUND)
        self._visitor.settle()
        settle_process()
        found = rank(candidates, known, old)
        for one in found:
            _share(one, begun[one], ROUND)
        return found

    def _trace(self, leaks: list[Candidate]) -> None:
        """Find the lines that store, in a few traced requests."""
        if not leaks:
            return
        self._progress("looking for the line that stores")
        needed = math.ceil(min(max(5, 3 / max(leaks[0].growth, 0.01)), _MOST_TRACED))
        tracer = StoreTracer({one: one.length for one in leaks[:5]})
        # A leak that is confirmed stays one if the application fails now.
        with contextlib.suppress(ApplicationError), self._visitor.traced(tracer):
            for number in range(_MOST_TRACED):
                self._visitor.send(1)
                lines = tracer.lines()
                if all(lines.values()) or (number + 1 >= needed and lines[leaks[0]]):
                    break
        for one, line in tracer.lines().items():
            one.stored_at = _not_ours(line)  # type: ignore[attr-defined]
        _put_known_line_first(leaks, tracer.of_application)

    def _look_longer(self, watched: _Watched) -> Findings | None:
        """The verdict on growth that nothing explains so far, ``None`` if it ends."""
        self._progress("looking longer at growth without a container")
        left = self._left() - _LONG_LOOK_REQUESTS
        self._visitor.send(max(min(left, _SETTLING_REQUESTS), _LEAST_SETTLING))
        persisting = look_longer(self._meter)
        if persisting is None or watched.explains(persisting.window):
            return None
        window = persisting.window
        if persisting.candidates:
            watched = self._watch(persisting.candidates, reserved=_LEAST_BLOCKS_WATCHED * 100)
            if watched.leaks:
                return watched.findings("leak", _native_bytes(window))
            if watched.explains(window):
                return None
        return self._without_container(window)

    def _without_container(self, window: Window) -> Findings | None:
        """The verdict on growth that no container explains, ``None`` if it ends after all."""
        self._progress("watching growth without a container")
        whole = self._meter.whole()  # before we keep something ourselves
        old, places = _old_ids(self._visitor), read_places()
        measured: list[tuple[Window, int]] = []
        sent = 0
        size = max(min(self._limits.block, self._left() // _LEAST_BLOCKS_WATCHED), 100)
        for _ in range(max(self._left() // size, _LEAST_BLOCKS_WATCHED)):
            measured.append((self._meter.window(size), size))
            window = least(window, measured[-1][0])
            sent += size
            if not persists(window):
                return None
            if time.monotonic() > self._deadline_s:
                break
        # What is emptied between windows, or in one that nobody looked at, grows in all the others.
        requests = self._visitor.requests - self._measured_from
        if not lasts(window, total(whole, measured, requests)):
            return None
        chain = find_chain(old, sent, window.objects) if window.objects >= _LEAST_CHAINED else None
        full = filled(places, sent, _LEAST_FILLED) if chain is None else {}
        watched = _Watched([], rank(list(full), full, old))
        for one in watched.bounded:
            _share(one, one.length() or 0, sent)
        if watched.explains(window):
            return watched.findings("bounded")
        if chain is None and window.objects >= _LEAST_CHAINED:
            chain = find_tree(old, sent)
        del old, full
        if chain is None:
            return Findings("native", _native_bytes(window), round(window.objects, 3))
        tracer = chain.tracer()
        needed = math.ceil(3 / min(window.objects, 1.0))
        with contextlib.suppress(ApplicationError), self._visitor.traced(tracer):
            self._visitor.send(needed)
            for _ in range(_MOST_TRACED - needed):
                if any(tracer.lines().values()):
                    break
                self._visitor.send(1)
        line = next((line for line in map(_not_ours, tracer.lines().values()) if line), None)
        suspect = replace(chain.suspect, stored_at=line)
        return Findings("leak", suspect.bytes_per_request, chain.objects_per_request, (suspect,))


@dataclass(frozen=True, slots=True, eq=False)
class _Watched:
    """Candidates after they were watched."""

    leaks: list[Candidate]
    bounded: list[Candidate]

    def findings(self, verdict: str, counted_bytes: float = 0.0) -> Findings:
        """What was found; what no object weighs is what the counters say."""
        candidates = self.leaks if verdict == "leak" else self.bounded
        weighed = sum(one.bytes_per_request for one in candidates)
        return Findings(
            verdict,
            round(weighed or counted_bytes, 1),
            round(sum(one.objects_per_request for one in candidates), 3),
            tuple(one.as_suspect() for one in candidates),
            tuple((one.key, one.growth) for one in self.leaks if one.key is not None),
        )

    def filling(self) -> _Watched:
        """The same without the caches that are full."""
        return _Watched(self.leaks, [one for one in self.bounded if not one.is_full()])

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


def _one_of_each(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Of a container and the slot that it stands in only what tells more.

    That is the slot if the container was replaced by longer copies of itself.
    """
    chosen: dict[str, Candidate] = {}
    for one in sorted(candidates, key=lambda one: (one.verdict != "leak", one.is_slot)):
        chosen.setdefault(one.path, one)
    return [one for one in candidates if chosen[one.path] is one]


def _put_known_line_first(leaks: list[Candidate], named: Collection[Hashable]) -> None:
    """Of two that keep the same, name the one that a line of the application adds to."""
    first = leaks[0]
    if first in named:
        return
    for one in leaks[1:]:
        alike = one.application == first.application and 2 * one.reached_bytes > first.reached_bytes
        if one in named and alike:
            leaks.remove(one)
            leaks.insert(0, one)
            one.bytes_per_request, first.bytes_per_request = (
                max(one.bytes_per_request, first.bytes_per_request),
                min(one.bytes_per_request, first.bytes_per_request),
            )
            return


def _share(one: Candidate, begun: int, sent: int) -> None:
    """Turn what a candidate keeps into figures per request."""
    length = one.length() or 0
    added = max(length - begun, 0)
    requests: float = sent
    if one.verdict == "bounded" and not one.was_emptied:
        # What is in it now came with this many requests.
        requests = max(min(sent, length / one.growth if one.growth else sent), 1)
    table_bytes = one.table_bytes() * added / max(length, 1)
    one.bytes_per_request = (one.bytes_per_request + table_bytes) / requests
    one.objects_per_request /= requests


def _old_ids(visitor: Sender) -> frozenset[int]:
    # What is garbage now must be gone first, because new objects would take over its ids.
    visitor.settle()
    settle_process()
    return tracked_ids()


def _not_ours(line: str | None) -> str | None:
    # The driver, where no Python code of the application was running.
    return None if line is None or line.startswith(("pympler/", "pympler_pytest/")) else line


def _cyclic_garbage(visitor: Sender) -> Findings | None:
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


def _native_bytes(window: Window) -> float:
    # A block of Python's allocator is 64 bytes on average; what is larger comes from malloc.
    return round(max(window.malloc_bytes, 0.0) + 64 * max(window.blocks, 0.0), 1)
