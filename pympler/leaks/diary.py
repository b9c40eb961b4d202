"""Diary: what a worker writes down of itself now and then, for those who look at all workers."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping

from pympler.leaks.guard import guard
from pympler.leaks.report import LeakSummary
from pympler.process import private_bytes, resident_bytes
from pympler.store import Moment, Store

__all__ = ["Diary"]

_EVERY_S = 5.0
_IDLE_EVERY_S = 60.0
_MOMENT_EVERY_S = 10.0  # reading private memory takes milliseconds


class Diary:
    """Keeps the summary and the memory of this worker in the store.

    Args:
        store: takes them.
        clock: seconds that never go back.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._written_s = self._moment_s = -_IDLE_EVERY_S

    def is_due(self, *, idle: bool) -> bool:
        """Whether something is to be written; less often when no requests come."""
        pause_s = _IDLE_EVERY_S if idle else _EVERY_S
        return self._clock() - self._written_s >= pause_s

    def write(
        self, summary: LeakSummary, lengths: Mapping[str, int], *, last: bool = False
    ) -> None:
        """Write down how it is now; the memory only now and then, and at the end."""
        self._written_s = self._clock()
        with guard("write down the summary of a worker"):
            self._store.save_summary(summary)
        if not last and self._written_s - self._moment_s < _MOMENT_EVERY_S:
            return
        self._moment_s = self._written_s
        with guard("write down the memory of a worker"):
            self._store.save_moment(
                Moment(
                    at=time.time(),
                    worker=summary.worker,
                    requests=summary.requests,
                    rss_bytes=resident_bytes(),
                    uss_bytes=private_bytes(),
                    blocks=sys.getallocatedblocks(),
                    lengths=dict(lengths),
                    tracked={row.name: (row.live, row.live_bytes) for row in summary.classes},
                )
            )
