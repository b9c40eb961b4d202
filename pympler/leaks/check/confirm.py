"""Confirmation: candidates are watched by their lengths for far longer than it took to find them.

Only that tells a leak from a cache that fills.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from pympler.errors import ApplicationError
from pympler.leaks.check.candidates import Candidate
from pympler.process import resident_bytes

__all__ = ["Limits", "Watch", "confirm", "lifetime_s"]

_NO_MORE_THREADS = 200
_NO_MORE_BYTES = 512 << 20
_ENOUGH_TO_JUDGE = 250
_LONGEST_LIFETIME_S = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """How long candidates are watched.

    Attributes:
        most: requests that they are watched for, a leak in any case.
        total: requests of a route in all; what is found late is watched for what is left of it.
        least_s: seconds that watching takes at least; what is missing is waited for before the
            last block, so that a cache that is emptied by the clock shows it.
        block: requests after which a candidate must have grown by half of what was expected.
        longest_s: seconds after which a route is judged by what has been seen.
    """

    most: int = 1500
    total: int = 2000
    least_s: float = 5.0
    block: int = 250
    longest_s: float = 300.0

    def pause_s(self, lifetime_s: float, elapsed_s: float, left_s: float) -> float:
        """How long to wait before the last requests for what is emptied by the clock.

        Args:
            lifetime_s: how long entries live, as far as that is declared.
            elapsed_s: for how long it has been watched.
            left_s: time that there still is, of which half may be waited.
        """
        missing_s = max(self.least_s, lifetime_s) - elapsed_s
        return max(min(missing_s, left_s / 2), 0.0)

    def scaled(self, total: int) -> Limits:
        """The same for another number of requests in all."""
        return replace(self, total=total, most=max(total - 500, 2 * self.block))


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
    wait: Callable[[float], None],
    progress: Callable[[int, int], None],
    limits: Limits = Limits(),
    left: int | None = None,
) -> int:
    """Watch candidates until each is bounded or has grown for long enough; sets their verdicts.

    Args:
        candidates: what grew in the rounds.
        send: sends a number of requests of the route.
        wait: lets a number of seconds pass.
        progress: called with the requests sent and the number to be sent.
        limits: how long to watch.
        left: requests that may be sent at the most; by default those that the limits name.

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
    plan = _Plan(limits, limits.total if left is None else left, watches)
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
        for one, watch in watches.items():
            if sent % plan.block(one) == 0:
                watch.end_block(plan.block(one))
        _take_bounded(watches)
        slows_down = any(watch.slows_down for watch in watches.values())
        reason = reason or plan.end(sent, slows_down=slows_down) or plan.danger()
        if reason and watches and plan.is_late() and sent < _ENOUGH_TO_JUDGE:
            raise ApplicationError(
                f"is too slow to be judged: {sent} requests were watched in the time that there "
                f"is, {_ENOUGH_TO_JUDGE} are needed; give it more with --max-seconds"
            )
        if watches and not reason and sent == plan.goal - limits.block:
            longest_s = max(map(lifetime_s, watches))
            wait(limits.pause_s(longest_s, plan.elapsed_s(), plan.left_s()))
        progress(sent, plan.goal)
    for one, watch in watches.items():
        _conclude(one, watch, sent, reason.strip() and reason)
    return sent


def lifetime_s(one: Candidate) -> float:
    """The seconds after which what was added first must be gone, as far as that is waited for."""
    wanted_s = one.declared.gone_after_s
    return wanted_s if wanted_s <= _LONGEST_LIFETIME_S else 0.0


class _Plan:
    """Tells when there has been enough watching."""

    def __init__(self, limits: Limits, left: int, watched: Iterable[Candidate]) -> None:
        self._limits = limits
        left -= left % 10
        # What grows in turns fills in turns: its bound shows late, so all that is left is used.
        is_patient = any(one.patient for one in watched)
        self.goal = max(left if is_patient else min(limits.most, left), 2 * limits.block)
        self._latest = max(left, self.goal)
        self._patient_block = self.goal // 20 * 10
        self._started_s = time.monotonic()
        self._rss_bytes = resident_bytes()
        self._threads = threading.active_count()

    def block(self, one: Candidate) -> int:
        """After how many requests to judge whether it stops."""
        return self._patient_block if one.patient else self._limits.block

    def elapsed_s(self) -> float:
        """Seconds since watching began."""
        return time.monotonic() - self._started_s

    def end(self, sent: int, *, slows_down: bool) -> str:
        """A blank if so many requests are enough, empty if they are not.

        What grew less in the last block may have come to its bound in it: that asks for one more.
        """
        if sent < self.goal:
            return ""
        if slows_down and sent + self._limits.block <= self._latest:
            self.goal += self._limits.block
            return ""
        return " "

    def left_s(self) -> float:
        """Seconds that there still are."""
        return max(self._limits.longest_s - self.elapsed_s(), 0.0)

    def is_late(self) -> bool:
        """Whether all the time that there is has passed."""
        return self.elapsed_s() > self._limits.longest_s

    def danger(self) -> str:
        """Why to stop at once, empty if nothing speaks against going on."""
        if threading.active_count() - self._threads > _NO_MORE_THREADS:
            return ", stopped there because of the many threads"
        if resident_bytes() - self._rss_bytes > _NO_MORE_BYTES:
            return ", stopped there because of the memory it takes"
        if self.is_late():
            return ", stopped there because of the time it takes"
        return ""


def _take_bounded(watches: dict[Candidate, Watch]) -> None:
    for one, watch in list(watches.items()):
        if watch.bounded:
            one.verdict, one.evidence, one.seen_bound = "bounded", watch.bounded, watch.most
            one.was_emptied = watch.bounded.startswith("was emptied")
            del watches[one]


def _conclude(one: Candidate, watch: Watch, sent: int, reason: str) -> None:
    one.growth = (watch.last - watch.first) / max(sent, 1)
    declared = one.declared.bound(watch.last)
    if declared is not None:
        one.verdict, (one.bound, one.evidence) = "bounded", declared
    else:
        one.verdict, one.evidence = "leak", f"no bound seen in {sent:,} requests{reason}"
