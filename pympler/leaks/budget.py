"""The overhead budget: how much CPU time the monitor may take for itself, and what walks cost."""

from __future__ import annotations

import random
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pympler.sizing.compiled import extension
from pympler.util.memory_left import memory_left
from pympler.util.sizes import format_bytes

__all__ = ["Budget", "DutyCycle", "WalkCost", "lacks_memory"]

_SPAN_S = 600.0
_SLICE_S = 10.0
_START_CREDIT_S = 0.05
_WINDOWS_AHEAD_S = 5.0
_WALKS_AHEAD_S = 300.0
_WALKS_ON_CREDIT_S = 30.0
_SHARE_OF_WALKS = 0.75
_TRACES_AHEAD_S = 10.0
_SHARE_OF_TRACES = 0.25
_MARGIN = 1.5
# First estimates, replaced by what walks turn out to take.
_WALK_S = 0.05
_S_PER_BLOCK, _S_PER_BLOCK_IN_PYTHON = 0.15e-6, 0.5e-6
_BYTES_PER_BLOCK = 100  # 50 to 90 were measured


class Budget:
    """Own CPU time over wall time, averaged over ten minutes at most.

    What comes in goes to three accounts. Windows may spend what came in over the last five seconds
    and no more, so that a quiet night does not pay for a busy minute; what they leave is saved for
    heap walks, which take a hundred times as much at once. Traces have a share of their own while a
    line is looked for: one costs as much as ten windows or more, which must go on meanwhile, and a
    few are worth more than a walk. Each begins with a little on credit. If one has spent more than
    there was, it goes without until that has come in.

    Not thread-safe: the monitor calls it under its lock.

    Args:
        max_overhead: bound on the average, 0.0 to 1.0.
        clock: monotonic wall seconds.
    """

    def __init__(self, max_overhead: float, clock: Callable[[], float]) -> None:
        self._max_overhead = max_overhead
        self._clock = clock
        self._started_s = self._earned_s = clock()
        self._slices: deque[tuple[float, float]] = deque()
        self._spent_s = 0.0
        self._for_windows_s = min(_START_CREDIT_S, _WINDOWS_AHEAD_S * max_overhead)
        # Or a small application would wait half a minute for a walk of some hundredths of a second.
        self._for_walks_s = _WALKS_ON_CREDIT_S * max_overhead
        self._for_traces_s = _TRACES_AHEAD_S * max_overhead
        self._wanted_s = 0.0
        self._wants_traces = False

    def spend(self, cpu_s: float, *, walk: bool = False, trace: bool = False) -> None:
        """Account for CPU seconds of our own, of a heap walk, a trace or anything else."""
        now = self._clock()
        self._earn()
        self._spent_s += cpu_s
        if walk:
            self._for_walks_s -= cpu_s
        elif trace:
            self._for_traces_s -= cpu_s
        else:
            self._for_windows_s -= cpu_s
        # What is older than the average reaches back is forgotten, and so is its debt.
        least_s = -_SPAN_S * self._max_overhead
        self._for_windows_s = max(self._for_windows_s, least_s)
        self._for_walks_s = max(self._for_walks_s, least_s)
        self._for_traces_s = max(self._for_traces_s, least_s)
        if self._slices and now - self._slices[-1][0] < _SLICE_S:
            start, spent = self._slices[-1]
            self._slices[-1] = (start, spent + cpu_s)
        else:
            self._slices.append((now, cpu_s))
            self._forget(now)

    @property
    def overhead(self) -> float:
        """CPU time over wall time."""
        now = self._clock()
        self._forget(now)
        return self._spent_s / max(min(now - self._started_s, _SPAN_S), 1e-9)

    def allows_window(self) -> bool:
        """Whether a request may be watched.

        The first few windows of a process are on credit.
        """
        self._earn()
        return self._for_windows_s > 0.0

    def allows_walk(self, cost_s: float) -> bool:
        """Whether a heap walk of this estimated cost has been saved up.

        A process begins with what half a minute brings in.
        """
        self._earn()
        return self._for_walks_s >= cost_s

    def allows_trace(self) -> bool:
        """Whether a request may be traced for a line."""
        self._earn()
        return self._for_traces_s > 0.0

    def save_for_traces(self, wanted: bool) -> None:
        """Whether to keep a share of what comes in from now on for traces."""
        self._earn()
        self._wants_traces = wanted

    def save_for(self, cost_s: float) -> None:
        """Keep most of what comes in from now on for a heap walk; 0.0 if none is wanted.

        Under steady load windows take all that there is, and what they found would never be
        looked for. Nothing is kept for a walk that costs more than can be saved at all.
        """
        self._earn()
        self._wanted_s = cost_s if cost_s <= _WALKS_AHEAD_S * self._max_overhead else 0.0

    def _earn(self) -> None:
        now = self._clock()
        income_s = self._max_overhead * (now - self._earned_s)
        self._earned_s = now
        if self._wants_traces and self._for_traces_s < _TRACES_AHEAD_S * self._max_overhead:
            self._for_traces_s += _SHARE_OF_TRACES * income_s
            income_s -= _SHARE_OF_TRACES * income_s
        # Somewhat more than the estimate, which is one.
        is_saving = self._for_walks_s < _MARGIN * self._wanted_s
        kept_s = _SHARE_OF_WALKS * income_s if is_saving else 0.0
        self._for_windows_s += income_s - kept_s
        left_s = max(self._for_windows_s - _WINDOWS_AHEAD_S * self._max_overhead, 0.0)
        self._for_windows_s -= left_s
        most_s = _WALKS_AHEAD_S * self._max_overhead
        self._for_walks_s = min(self._for_walks_s + kept_s + left_s, most_s)

    def _forget(self, now: float) -> None:
        while self._slices and now - self._slices[0][0] > _SPAN_S:
            self._spent_s -= self._slices.popleft()[1]


class WalkCost:
    """What a walk over the heap costs, learned from the one before."""

    def __init__(self) -> None:
        self._s_per_block: float | None = None

    def estimate_s(self) -> float:
        """CPU seconds that one would take now, as far as is known."""
        blocks = sys.getallocatedblocks()
        if self._s_per_block is not None:
            return self._s_per_block * blocks
        is_compiled = extension() is not None
        return _WALK_S + (_S_PER_BLOCK if is_compiled else _S_PER_BLOCK_IN_PYTHON) * blocks

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Learn from the walk that is made within the block."""
        blocks, started_s = sys.getallocatedblocks(), time.thread_time()
        try:
            yield
        finally:
            self._s_per_block = max(time.thread_time() - started_s, 1e-4) / blocks


def lacks_memory() -> str:
    """Why the heap must not be walked now for want of memory, empty if it may be.

    Not with less than twice of what a walk takes for a moment: it would be what makes the kernel
    end a worker that is nearly at its limit.
    """
    wanted = _BYTES_PER_BLOCK * sys.getallocatedblocks()
    left = memory_left()
    if left is None or left >= 2 * wanted:
        return ""
    return (
        f"the heap is not walked: that takes about {format_bytes(wanted)} for a moment, and "
        f"{format_bytes(left)} of memory are left to this process"
    )


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
