"""Background: what a monitor does outside of the requests, and how it adds up what is known.

A base of :class:`~pympler.leaks.monitor.LeakMonitor`, which owns the flow of a request and makes
the state that both work on.
"""

from __future__ import annotations

import sys
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from pympler.leaks.active import ActiveRequest
from pympler.leaks.births import Births
from pympler.leaks.budget import Budget, lacks_memory
from pympler.leaks.counters import CounterReadings, read_counters
from pympler.leaks.diary import Diary
from pympler.leaks.ended import Ended, Process
from pympler.leaks.guard import guard
from pympler.leaks.holders import Holder, HolderSearch
from pympler.leaks.investigation import Investigation, Search
from pympler.leaks.jobs import Jobs
from pympler.leaks.publisher import Publisher
from pympler.leaks.report import LeakSummary, RequestReport, worst
from pympler.leaks.settings import Settings
from pympler.leaks.survivors import Settled
from pympler.leaks.suspects import LiveSuspect
from pympler.leaks.tracing import tracing_held_off
from pympler.leaks.turns import Turns
from pympler.leaks.worker import Worker
from pympler.store import Store

if TYPE_CHECKING:
    from pympler.leaks.chosen import ChosenClasses

__all__ = ["Background"]

_COUNTERS_EVERY_S = 10.0
_IDLE_S = 2.0
_MOST_PUT_OFF = 2
_TRACE_S = 0.01  # what traced requests need at a time
_PLAIN_REQUEST_S = 2e-6  # what a request without a window takes, benchmarks/cost.py


class Background:
    """The state of a monitor, and the work on it that no request has to wait for."""

    settings: Settings
    store: Store
    _turns: Turns
    _process: Process
    _started: int
    _windows: int
    _budget: Budget
    _births: Births
    _publisher: Publisher
    _hook_cost_s: float
    _owed_s: float
    _investigation: Investigation
    _chosen: ChosenClasses | None
    _late: deque[ActiveRequest]
    _confirmed: list[LiveSuspect]
    _counters: CounterReadings
    _counted_s: float
    _last_window_s: float
    _walks: int
    _accounted: int
    _busy: bool
    _refused: bool
    _put_off: int
    _lacking: str
    _closed: bool
    _jobs: Jobs
    _diary: Diary
    _worker: Worker

    def _end_late(self) -> None:
        raise NotImplementedError

    def _record(self, settled: Settled[Ended]) -> RequestReport:
        raise NotImplementedError

    def _tick(self) -> bool:
        """Do what must not happen within a request; returns whether more is to be expected.

        Windows that are open are waited for, and none is opened meanwhile: it would list what this
        thread makes.
        """
        self._put_off += 1
        if self._births.watch.is_open and self._put_off <= _MOST_PUT_OFF:
            return True
        with self._turns:
            self._put_off = 0
            self._busy = True
        try:
            return self._work()
        finally:
            self._busy = False
            self._announce()

    def _work(self) -> bool:
        now_s = time.monotonic()
        if now_s - self._counted_s >= _COUNTERS_EVERY_S:
            self._counted_s = now_s
            self._counters.add(read_counters(self._started))
        cpu_s = time.thread_time()
        self._investigation.scan.note(self._started, sys.getallocatedblocks())
        self._owed_s += time.thread_time() - cpu_s
        idle = now_s - self._last_window_s > _IDLE_S
        if idle and self._budget.allows_window():  # or there was no window for want of budget
            self._settle_all()
        while self._walk_heap():
            pass
        if self._jobs.look():
            self._walks += 1
            self._jobs.work()
        if self._diary.is_due(idle=idle):
            self._write_diary()
        with self._turns:
            return not idle or self._births.pending

    def _look(self) -> bool:
        """Whether there is something to do although no requests come."""
        return self._jobs.look() or self._diary.is_due(idle=True)

    def _write_diary(self, *, last: bool = False) -> None:
        cpu_s = time.thread_time()
        summary = replace(self._summarise(), dropped=self.store.status().dropped)
        with self._turns:
            lengths = self._investigation.lengths()
        by_name = {each.holder.path: size for each, size in lengths.items() if size is not None}
        self._diary.write(summary, by_name, last=last)
        self._publisher.tell(summary)
        with self._turns:
            self._spend(time.thread_time() - cpu_s)

    def _settle_all(self) -> None:
        with self._turns:
            cpu_s = time.thread_time()
            self._end_late()
            self._births.settle_all()
            self._spend(time.thread_time() - cpu_s)
        self._report(len(self._births.ready))

    def _walk_heap(self) -> bool:
        """Walk the heap for holders or for what grows, if the cost has been saved up."""
        investigation = self._investigation
        scan, requests = investigation.scan, self._started
        with self._turns:
            searches = investigation.next_searches()
            cost_s = 0.0
            if searches:
                cost_s = investigation.walk_cost.estimate_s()
            elif scan.is_due(requests):
                cost_s = scan.walk_cost.estimate_s()
            allowed = self._budget.allows_walk(cost_s)
            wanted_s = 0.0 if allowed else cost_s
            self._budget.save_for(wanted_s or (_TRACE_S if investigation.seeking else 0.0))
            if not cost_s or self._closed or not allowed:
                return False
            self._lacking = lacks_memory()
            if self._lacking:
                return False
            self._walks += 1
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
                changed = self._investigation.take_outcome(search, outcome)
                self._confirmed += [suspect for suspect in changed if suspect.verdict == "leak"]

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

    def _report(self, most: int) -> None:
        """Turn settled windows into reports, a few at a time, outside of any window."""
        cpu_s = time.thread_time()
        turns = self._turns
        if not turns.enter():
            return
        try:
            ready = self._births.ready
            reports = [self._record(ready.popleft()) for _ in range(min(most, len(ready)))]
        finally:
            turns.leave()
        self._publisher.publish(reports)
        self._owed_s += time.thread_time() - cpu_s

    def _announce(self, *, everything: bool = False) -> None:
        """Say once that a suspect is confirmed, when its line is known or will not be."""
        if not self._confirmed:
            return
        with self._turns:
            deep = self.settings.deep
            due = [each for each in self._confirmed if everything or each.is_complete(deep)]
            self._confirmed = [suspect for suspect in self._confirmed if suspect not in due]
            growing = [suspect for suspect in due if suspect.verdict == "leak"]
            accusations = [self._investigation.accusation(suspect) for suspect in growing]
        self._publisher.announce(accusations)

    def _spend(self, cpu_s: float) -> None:
        hook_cost_s = self._births.watch.hook_cost_s
        # What a person asked for is not on the budget.
        cpu_s -= self._births.proof_cost_s
        self._births.proof_cost_s = 0.0
        plain_s = (self._started - self._accounted) * _PLAIN_REQUEST_S
        owed_s, self._owed_s = self._owed_s, 0.0
        self._budget.spend(max(cpu_s, 0.0) + owed_s + hook_cost_s - self._hook_cost_s + plain_s)
        self._hook_cost_s, self._accounted = hook_cost_s, self._started

    def _summarise(self) -> LeakSummary:
        chosen = self._chosen
        with self._turns:
            routes = self._investigation.summaries()
            unattributed = self._investigation.unattributed()
            found = [route.verdict for route in routes] + ["leak"] * bool(unattributed)
            reason = self._births.refusal() if self._windows == 0 or self._refused else ""
            return LeakSummary(
                application=self.settings.application,
                release=self.settings.release,
                pid=self._process.pid,
                started_at=self._process.started_at,
                requests=self._started,
                windows=self._windows,
                sample_rate=self.settings.sample_rate,
                max_overhead=self.settings.max_overhead,
                overhead=self._budget.overhead,
                verdict=worst(found),
                routes=routes,
                unattributed=unattributed,
                counters=self._counters.counters(),
                notes=(
                    *(note for note in (reason, self._lacking) if note),
                    *(chosen.notes() if chosen else ()),
                ),
                host=self._process.host,
                taken_at=time.time(),
                classes=chosen.totals() if chosen else (),
            )

    def _write_last(self) -> None:
        if self._started:
            with guard("write down the last of a worker"):
                self._write_diary(last=True)
