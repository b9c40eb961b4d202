"""The overhead budget: how much CPU time the monitor may take for itself."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

__all__ = ["Budget", "DutyCycle"]

_SPAN_S = 600.0
_SLICE_S = 10.0
_START_CREDIT_S = 0.05
_SHARE_OF_WALKS = 0.5
_MARGIN = 1.5


class Budget:
    """Own CPU time over wall time, averaged over ten minutes at most.

    Not thread-safe: the monitor calls it under its lock.

    Args:
        max_overhead: bound on the average, 0.0 to 1.0.
        clock: monotonic wall seconds.
    """

    def __init__(self, max_overhead: float, clock: Callable[[], float]) -> None:
        self._max_overhead = max_overhead
        self._clock = clock
        self._started_s = clock()
        self._slices: deque[tuple[float, float]] = deque()
        self._spent_s = 0.0
        self._walk_s = 0.0
        self._saving_since_s = 0.0

    def spend(self, cpu_s: float) -> None:
        """Account for CPU seconds of our own."""
        now = self._clock()
        self._spent_s += cpu_s
        if self._slices and now - self._slices[-1][0] < _SLICE_S:
            start, spent = self._slices[-1]
            self._slices[-1] = (start, spent + cpu_s)
        else:
            self._slices.append((now, cpu_s))
            self._forget(now)

    @property
    def overhead(self) -> float:
        """CPU time over wall time."""
        elapsed_s = self._elapsed_s()
        return self._spent_s / max(elapsed_s, 1e-9)

    def saved_s(self) -> float:
        """CPU seconds that may be spent now without exceeding the average."""
        elapsed_s = self._elapsed_s()
        return self._max_overhead * elapsed_s - self._spent_s

    def allows_window(self) -> bool:
        """Whether a request may be watched.

        The first few windows of a process are on credit.
        """
        credit_s = _START_CREDIT_S if self._max_overhead else 0.0
        return self.saved_s() + credit_s > self._reserved_s(credit_s)

    def allows_walk(self, cost_s: float) -> bool:
        """Whether a heap walk of this estimated cost has been saved up."""
        return self.saved_s() >= cost_s

    def save_for(self, cost_s: float) -> None:
        """Keep half of what comes in from now on for a heap walk; 0.0 if none is wanted.

        Under steady load windows take all that there is, and what they found would never be
        looked for. Nothing is kept for a walk that costs more than can be saved at all.
        """
        if cost_s > _SHARE_OF_WALKS * self._max_overhead * _SPAN_S:
            cost_s = 0.0
        if cost_s and not self._walk_s:
            self._saving_since_s = self._clock()
        self._walk_s = cost_s

    def _reserved_s(self, credit_s: float) -> float:
        if not self._walk_s:
            return 0.0
        waited_s = self._clock() - self._saving_since_s
        # Somewhat more than the cost, or windows would take the last of it again and again.
        enough_s = credit_s + _MARGIN * self._walk_s
        return min(_SHARE_OF_WALKS * self._max_overhead * waited_s, enough_s)

    def _elapsed_s(self) -> float:
        # Reading forgets as well: once nothing may be spent, nothing is spent that would.
        now = self._clock()
        self._forget(now)
        return min(now - self._started_s, _SPAN_S)

    def _forget(self, now: float) -> None:
        while self._slices and now - self._slices[0][0] > _SPAN_S:
            self._spent_s -= self._slices.popleft()[1]


class DutyCycle:
    """Chooses a share of the requests, spread at random so that no periodic traffic hides.

    Args:
        share: 0.0 (none) to 1.0 (all).
        seed: for tests; by default the operating system's randomness, never the global
            generator of the application.
    """

    def __init__(self, share: float, seed: int | None = None) -> None:
        self._share = share
        self._random = random.Random(seed)
        self._left = self._gap()

    def next(self) -> bool:
        """Whether this request is chosen."""
        self._left -= 1.0
        if self._left > 0.0:
            return False
        self._left += self._gap()
        return True

    def _gap(self) -> float:
        if self._share >= 1.0:
            return 1.0
        if self._share <= 0.0:
            return float("inf")
        # Uniform from 1, with the mean that the share asks for.
        return 1 + self._random.random() * 2 * (1 / self._share - 1)
