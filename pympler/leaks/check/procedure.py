"""The procedure: from requests to a verdict on one route.

Warm up, measure a few rounds, name what grew in all of them, watch that for much longer, and only
then accuse. Growth without a container is looked at again in larger windows.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from pympler.errors import ApplicationError
from pympler.leaks.check.allowance import MOST_TRACED, ROUND, Allowance
from pympler.leaks.check.candidates import Candidate, container_candidates, rank
from pympler.leaks.check.chains import find_chain
from pympler.leaks.check.confirm import Limits
from pympler.leaks.check.cycles import Garbage, collect_garbage, own_garbage
from pympler.leaks.check.findings import Findings, Watched, is_unexplained, native_bytes
from pympler.leaks.check.meter import Meter, Window, least, middle, total
from pympler.leaks.check.persist import Lifetimes, lasts, look_longer, persists
from pympler.leaks.check.places import filled, read_places
from pympler.leaks.check.registers import register_candidates
from pympler.leaks.check.sender import Sender
from pympler.leaks.check.slots import Slots, growing_slots, read_slots, slot_candidates
from pympler.leaks.check.trees import find_tree
from pympler.leaks.check.watching import Progress, Watching, not_ours, old_ids, share
from pympler.leaks.containers import read_lengths
from pympler.leaks.growth import advance, growing, start_tracks

__all__ = ["WARM_UP", "examine"]

WARM_UP = 30
_SETTLING_REQUESTS, _LEAST_SETTLING = 400, 100
_LONG_LOOK_REQUESTS = 600  # that a long look and what may follow it take
_LEAST_CHAINED = 0.1
_LEAST_FILLED = 0.1
_LEAST_BLOCKS_WATCHED = 3
_LEAST_CYCLIC = 20.0
_LEAST_OWN_CYCLIC = 10.0  # an error page leaves some that other pages do not
_LEAST_RSS_BYTES = 64 * 1024.0


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
    """The steps of the procedure."""

    def __init__(self, visitor: Sender, progress: Progress, limits: Limits) -> None:
        self._visitor = visitor
        self._progress = progress
        self._limits = limits
        self._meter = Meter(visitor.send, visitor.settle)
        self._measured_from = visitor.requests
        self._allowance = Allowance(visitor, limits)
        self._watching = Watching(visitor, progress, limits, self._allowance)

    def run(self, warm_up: int, rounds: int) -> Findings:
        """The verdict."""
        self._allowance.extra = max(warm_up - WARM_UP, 0) + (rounds - 3) * ROUND
        self._progress("warming up")
        for _ in range(warm_up):
            self._visitor.send(1)
            self._allowance.check_time()
        windows, candidates = self._rounds(rounds)
        window = least(*windows)
        watched = self._watching.confirm(candidates)
        if watched.leaks:
            return watched.findings("leak", native_bytes(window))
        filling = watched.filling()
        if len(filling.bounded) < len(watched.bounded):  # what is full by now explains no more
            windows = tuple(self._meter.window(ROUND) for _ in range(3))
        if is_unexplained(middle(*windows), filling):
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
            self._allowance.check_time()
        growth = growing(tracks, ROUND)
        candidates = container_candidates(growth)
        candidates += slot_candidates(growing_slots(*scans), ROUND * rounds)
        candidates += register_candidates(least(*windows))
        return windows, candidates

    def _look_longer(self, watched: Watched) -> Findings | None:
        """The verdict on growth that nothing explains so far, ``None`` if it ends."""
        self._progress("looking longer at growth without a container")
        left = self._allowance.requests() - _LONG_LOOK_REQUESTS
        self._visitor.send(max(min(left, _SETTLING_REQUESTS), _LEAST_SETTLING))
        persisting = look_longer(self._meter)
        if persisting is None or watched.explains(persisting.window):
            return None
        window = persisting.window
        if persisting.candidates:
            watched = self._watching.confirm(
                persisting.candidates, reserved=_LEAST_BLOCKS_WATCHED * 100
            )
            if watched.leaks:
                return watched.findings("leak", native_bytes(window))
            if watched.explains(window):
                return None
        return self._without_container(window)

    def _without_container(self, window: Window) -> Findings | None:
        """The verdict on growth that no container explains, ``None`` if it ends after all."""
        self._progress("watching growth without a container")
        whole = self._meter.whole()  # before we keep something ourselves
        old, places = old_ids(self._visitor), read_places()
        lifetimes, begun_s = Lifetimes(), time.monotonic()
        measured: list[tuple[Window, int]] = []
        sent = 0
        size = max(
            min(self._limits.block, self._allowance.requests() // _LEAST_BLOCKS_WATCHED), 100
        )
        for left in reversed(range(max(self._allowance.requests() // size, _LEAST_BLOCKS_WATCHED))):
            # What the clock empties shows it at the end.
            wait = None if left else self._pause(lifetimes.longest_s(sent), begun_s)
            measured.append((self._meter.window(size, wait=wait), size))
            window = least(window, measured[-1][0])
            sent += size
            if not persists(window):
                return None
            if self._allowance.seconds() < 0:
                break
        # What is emptied between windows, or in one that nobody looked at, grows in all the others.
        requests = self._visitor.requests - self._measured_from
        if not lasts(window, total(whole, measured, requests)):
            return None
        chain = find_chain(old, sent, window.objects) if window.objects >= _LEAST_CHAINED else None
        full = filled(places, sent, _LEAST_FILLED) if chain is None else {}
        watched = Watched([], rank(list(full), full, old))
        for one in watched.bounded:
            share(one, one.length() or 0, sent)
        if watched.explains(window):
            return watched.findings("bounded")
        if chain is None and window.objects >= _LEAST_CHAINED:
            chain = find_tree(old, sent)
        del old, full
        if chain is None:
            return Findings("native", native_bytes(window), round(window.objects, 3))
        tracer = chain.tracer()
        needed = math.ceil(3 / min(window.objects, 1.0))
        with contextlib.suppress(ApplicationError), self._visitor.traced(tracer):
            self._visitor.send(needed)
            for _ in range(MOST_TRACED - needed):
                if any(tracer.lines().values()):
                    break
                self._visitor.send(1)
        line = next((line for line in map(not_ours, tracer.lines().values()) if line), None)
        suspect = replace(chain.suspect, stored_at=line)
        return Findings("leak", suspect.bytes_per_request, chain.objects_per_request, (suspect,))

    def _pause(self, lifetime_s: float, begun_s: float) -> Callable[[], None]:
        """A wait until entries that live as long as that, and a few seconds, have gone."""
        elapsed_s, left_s = time.monotonic() - begun_s, self._allowance.seconds()
        pause_s = self._limits.pause_s(lifetime_s, elapsed_s, left_s)
        return lambda: self._visitor.wait(pause_s)


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
