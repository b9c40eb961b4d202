"""Background: what takes too long for a request, or needs the heap to stand still.

Counters are read in it, and the heap is walked: for the holders of what requests leave behind, or
for what grows although no window shows it.
"""

from __future__ import annotations

import sys
import time

from pympler.leaks.budget import lacks_memory
from pympler.leaks.counters import read_counters
from pympler.leaks.guard import guard
from pympler.leaks.holders import Holder, HolderSearch
from pympler.leaks.investigation import Investigation, Search
from pympler.leaks.tracing import tracing_held_off
from pympler.leaks.turns import Turns
from pympler.leaks.windows import Windows

__all__ = ["Background"]

_COUNTERS_EVERY_S = 10.0


class Background:
    """Reads counters and walks the heap; called by the background thread, while no window opens.

    Args:
        turns: taken for a moment where the state of the monitor is changed.
        windows: are told of each walk; their budget has to have saved it up.
        investigation: knows what to look for, and draws the conclusions.
    """

    def __init__(self, turns: Turns, windows: Windows, investigation: Investigation) -> None:
        self._turns = turns
        self._windows = windows
        self._budget = windows.budget
        self._investigation = investigation
        self._counted_s = 0.0

    def read_counters(self, requests: int) -> None:
        """Read the counters of the process: the allocator's each time, the others now and then.

        Args:
            requests: how many have begun so far.
        """
        now_s = time.monotonic()
        if now_s - self._counted_s >= _COUNTERS_EVERY_S:
            self._counted_s = now_s
            self._investigation.counters.add(read_counters(requests))
        cpu_s = time.thread_time()
        self._investigation.scan.note(requests, sys.getallocatedblocks())
        self._windows.owed_s += time.thread_time() - cpu_s

    def walk_heap(self, requests: int) -> bool:
        """Walk the heap for holders or for what grows, if the cost has been saved up.

        Args:
            requests: how many have begun so far.

        Returns:
            Whether it was walked: there may be more to look for.
        """
        investigation = self._investigation
        scan = investigation.scan
        with self._turns:
            searches = investigation.next_searches()
            cost_s = 0.0
            if searches:
                cost_s = investigation.walk_cost.estimate_s()
            elif scan.is_due(requests):
                cost_s = scan.walk_cost.estimate_s()
            allowed = self._budget.allows_walk(cost_s)
            self._budget.save_for(0.0 if allowed else cost_s)
            self._budget.save_for_traces(bool(investigation.seeking))
            if not cost_s or not allowed:
                return False
            investigation.lacking = lacks_memory()
            if investigation.lacking:
                return False
            self._windows.walks += 1
        with tracing_held_off() as may_walk:
            if not may_walk:
                return False
            if searches:
                self._search(searches)
            else:
                self._scan(requests)
        return True

    def _search(self, searches: list[Search]) -> None:
        cpu_s = time.thread_time()
        outcomes: list[HolderSearch | None] = [None] * len(searches)
        with guard("search for a holder"):
            outcomes = [*self._investigation.search(searches)]
        with self._turns:
            self._budget.spend(time.thread_time() - cpu_s, walk=True)
            for search, outcome in zip(searches, outcomes, strict=True):
                self._investigation.take_outcome(search, outcome)

    def _scan(self, requests: int) -> None:
        cpu_s = time.thread_time()
        holders: list[Holder] = []
        suspected_after = 0
        with guard("scan for what grows"):
            known = {suspect.holder.path for suspect in self._investigation.suspects}
            holders, suspected_after = self._investigation.scan.walk(requests, known)
        with self._turns:
            self._budget.spend(time.thread_time() - cpu_s, walk=True)
            self._investigation.take_found(holders, suspected_after)
