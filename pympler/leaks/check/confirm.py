"""Confirmation: candidates are watched by their lengths for far longer than it took to find them.

Only that tells a leak from a cache that fills.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pympler.errors import ApplicationError
from pympler.leaks.check.candidates import Candidate
from pympler.process import resident_bytes

__all__ = ["Limits", "Watch", "confirm"]

_NO_MORE_THREADS = 200
_NO_MORE_BYTES = 512 << 20
_ENOUGH_TO_JUDGE = 250
_MOST_BLOCKS_MORE = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """How long candidates are watched.

    Attributes:
        least: requests that a leak must have been watched for.
        most: requests that they are watched for if that takes no longer than ``extra_s``, so that
            larger caches of fast applications show their bound too.
        block: requests after which a candidate must have grown by half of what was expected.
        longest_s: seconds after which it is judged by what has been seen.
    """

    least: int = 1250
    most: int = 5000
    extra_s: float = 3.0
    block: int = 250
    longest_s: float = 120.0


@dataclass(slots=True, eq=False)
class Watch:
    """One candidate while it is watched: its lengths, and what they say of it.

    Example:
        >>> watch = Watch(growth=1.0, first=10)
        >>> watch.read(11), watch.read(12), watch.bounded
        (None, None, '')
        >>> watch.read(0)
        >>> watch.bounded
        'was emptied at 12'
    """

    growth: float
    first: int
    most: int = 0
    last: int = 0
    block_start: int = 0
    bounded: str = ""
    slows_down: bool = False

    def __post_init__(self) -> None:
        self.most = self.last = self.block_start = self.first

    def read(self, length: int | None) -> None:
        """Take its length after one more request; a drop means that it is emptied at times."""
        if length is None:
            self.bounded = "is no longer where it was"
            return
        # What a few requests add may go again at once (callbacks, weak references).
        if length < self.most - max(2.0, 10 * self.growth):
            self.bounded = f"was emptied at {self.most}"
        self.most = max(self.most, length)
        self.last = length

    def end_block(self, requests: int) -> None:
        """Judge the growth since the last block of this many requests."""
        gained = self.last - self.block_start
        if gained < 0.5 * self.growth * requests:
            self.bounded = self.bounded or f"stopped growing at {self.most}"
        # It may have reached its bound within this block; the next one will tell.
        self.slows_down = gained < 0.9 * self.growth * requests
        self.block_start = self.last


def confirm(
    candidates: Sequence[Candidate],
    send: Callable[[int], None],
    progress: Callable[[int, int], None],
    limits: Limits = Limits(),
) -> int:
    """Watch candidates until each is bounded or has grown for long enough; sets their verdicts.

    Args:
        candidates: what grew in the rounds.
        send: sends a number of requests of the route.
        progress: called with the requests sent and the number to be sent.
        limits: how long to watch.

    Returns:
        The number of requests that were sent.

    Raises:
        ApplicationError: if the application fails before there is enough to judge by.
    """
    watches = {
        one: Watch(one.growth, length)
        for one in candidates
        if one.bound is None and (length := one.length()) is not None
    }
    for one in candidates:
        if one.bound is not None:
            one.verdict, one.evidence = "bounded", f"declares a bound of {one.bound}"
    sent, reason = 0, ""
    must_stop = _Stop(limits)
    if any(one.patient for one in watches):
        # What grows in turns fills in turns: its bound shows in the second block at the earliest.
        must_stop = _Stop(replace(limits, least=2 * limits.least))
    while watches and not reason:
        try:
            for _ in range(10):
                send(1)
                sent += 1
                for one, watch in watches.items():
                    watch.read(one.length())
        except ApplicationError as error:
            if sent < _ENOUGH_TO_JUDGE:
                raise
            reason = f", then the application failed: {error}"
        if sent % limits.block == 0:
            for one, watch in watches.items():
                if not one.patient:
                    watch.end_block(limits.block)
                elif sent % limits.least == 0:
                    watch.end_block(limits.least)
            slows_down = any(watch.slows_down for watch in watches.values())
            reason = reason or must_stop.enough(sent, slows_down=slows_down)
        reason = reason or must_stop.danger()
        _take_bounded(watches)
        progress(sent, max(limits.least, sent))
    for one, watch in watches.items():
        _conclude(one, watch, sent, reason.strip() and reason)
    return sent


class _Stop:
    """Tells when there has been enough watching."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._started_s = time.monotonic()
        self._rss_bytes = resident_bytes()
        self._threads = threading.active_count()
        self._blocks_more = 0

    def enough(self, sent: int, *, slows_down: bool) -> str:
        """A blank if so many requests are enough, empty if they are not."""
        limits = self._limits
        taken_s = time.monotonic() - self._started_s
        enough = sent >= limits.most or (sent >= limits.least and taken_s > limits.extra_s)
        if enough:
            self._blocks_more += 1
            if not slows_down or self._blocks_more > _MOST_BLOCKS_MORE:
                return " "
        return ""

    def danger(self) -> str:
        """Why to stop at once, empty if nothing speaks against going on."""
        if threading.active_count() - self._threads > _NO_MORE_THREADS:
            return ", stopped there because of the many threads"
        if resident_bytes() - self._rss_bytes > _NO_MORE_BYTES:
            return ", stopped there because of the memory it takes"
        if time.monotonic() - self._started_s > self._limits.longest_s:
            return ", stopped there because of the time it takes"
        return ""


def _take_bounded(watches: dict[Candidate, Watch]) -> None:
    for one, watch in list(watches.items()):
        if watch.bounded:
            one.verdict, one.evidence, one.seen_bound = "bounded", watch.bounded, watch.most
            del watches[one]


def _conclude(one: Candidate, watch: Watch, sent: int, reason: str) -> None:
    one.growth = (watch.last - watch.first) / max(sent, 1)
    if one.owner_bound is not None and one.owner_bound >= watch.last:
        one.verdict, one.bound = "bounded", one.owner_bound
        one.evidence = f"declares a bound of {one.owner_bound}"
    else:
        one.verdict, one.evidence = "leak", f"no bound seen in {sent} requests{reason}"
