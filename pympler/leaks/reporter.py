"""Reporter: what a monitor tells of a request that has ended, of a leak, and of all it knows."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from pympler.leaks.diary import Diary
from pympler.leaks.ended import Ended, Process, report_of, result_of
from pympler.leaks.guard import guard
from pympler.leaks.investigation import Investigation
from pympler.leaks.publisher import Publisher
from pympler.leaks.report import LeakSummary, RequestReport, worst
from pympler.leaks.settings import Settings
from pympler.leaks.survivors import Settled
from pympler.leaks.turns import Turns
from pympler.leaks.windows import Windows
from pympler.store import Store

if TYPE_CHECKING:
    from pympler.leaks.chosen import ChosenClasses

__all__ = ["Reporter"]


class Reporter:
    """Makes reports of settled windows, accusations of confirmed suspects, and summaries.

    Takes the turn by itself while it makes them; what it made is handed on outside of it.

    Args:
        settings: of the monitor.
        store: keeps what the worker writes down of itself.
        process: the worker.
        publisher: takes reports and accusations.
        turns: who may change the state of the monitor.
        windows: those that are settled become reports.
        investigation: learns from them.
        chosen: the classes in ``track_classes``.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        process: Process,
        publisher: Publisher,
        turns: Turns,
        windows: Windows,
        investigation: Investigation,
        chosen: ChosenClasses | None,
    ) -> None:
        self._settings = settings
        self._store = store
        self._process = process
        self._publisher = publisher
        self._turns = turns
        self._windows = windows
        self._investigation = investigation
        self._chosen = chosen
        self._diary = Diary(store)
        self._numbers = 0

    def next_number(self) -> int:
        """A number for a report."""
        self._numbers += 1
        return self._numbers

    def report(self, most: int | None = None) -> None:
        """Turn settled windows into reports, outside of any window.

        Args:
            most: so many at once; by default all.
        """
        cpu_s = time.thread_time()
        turns = self._turns
        if not turns.enter():
            return
        try:
            ready = self._windows.births.ready
            few = len(ready) if most is None else min(most, len(ready))
            reports = [self._record(ready.popleft()) for _ in range(few)]
        finally:
            turns.leave()
        self._publisher.publish(reports)
        self._windows.owed_s += time.thread_time() - cpu_s

    def _record(self, settled: Settled[Ended]) -> RequestReport:
        number = settled.key.id or self.next_number()
        report = report_of(settled, self._settings, number, self._process)
        result = result_of(report, settled)
        if result is not None:
            self._investigation.record((report.method, report.route), result, report.survivors)
        return report

    def announce(self, *, everything: bool = False) -> None:
        """Say once that a suspect is confirmed, when its line is known or will not be.

        Args:
            everything: whether not to wait for that.
        """
        if self._investigation.confirmed:
            with self._turns:
                accusations = self._investigation.take_accusations(everything=everything)
            self._publisher.announce(accusations)

    def summarise(self, requests: int) -> LeakSummary:
        """What is known, in one value, after so many requests."""
        settings, process, chosen = self._settings, self._process, self._chosen
        investigation, windows = self._investigation, self._windows
        with self._turns:
            routes = investigation.summaries()
            unattributed = investigation.unattributed()
            found = [route.verdict for route in routes] + ["leak"] * bool(unattributed)
            limits = [note for note in (windows.refusal, investigation.lacking) if note]
            return LeakSummary(
                application=settings.application,
                release=settings.release,
                pid=process.pid,
                started_at=process.started_at,
                requests=requests,
                windows=windows.count,
                sample_rate=settings.sample_rate,
                max_overhead=settings.max_overhead,
                overhead=windows.budget.overhead,
                verdict=worst(found),
                routes=routes,
                unattributed=unattributed,
                counters=investigation.counters.counters(),
                notes=(*limits, *(chosen.notes() if chosen else ())),
                host=process.host,
                taken_at=time.time(),
                classes=chosen.totals() if chosen else (),
            )

    def is_due(self, *, idle: bool) -> bool:
        """Whether the worker is to write down how it is; less often when no requests come."""
        return self._diary.is_due(idle=idle)

    def write_down(self, requests: int, *, last: bool = False) -> None:
        """Write down how the worker is after so many requests, and tell the observers."""
        cpu_s = time.thread_time()
        summary = replace(self.summarise(requests), dropped=self._store.status().dropped)
        with self._turns:
            lengths = self._investigation.lengths()
        by_name = {each.holder.path: size for each, size in lengths.items() if size is not None}
        self._diary.write(summary, by_name, last=last)
        self._publisher.tell(summary)
        with self._turns:
            self._windows.spend(time.thread_time() - cpu_s, requests)

    def write_last(self, requests: int) -> None:
        """Write down how the worker is at its end, if it has served any requests."""
        if requests:
            with guard("write down the last of a worker"):
                self.write_down(requests, last=True)
