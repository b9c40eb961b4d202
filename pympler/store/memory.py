"""The store in memory: what this process knows, and forgets with it."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from pympler.store import Job, Moment, Page, Query, StoreStatus
from pympler.util.forks import in_child

if TYPE_CHECKING:
    from pympler.leaks.report import LeakSummary, RequestReport

__all__ = ["MemoryStore", "matches", "sort_key"]

_MOST_MOMENTS = 720
_MOST_JOBS = 20

_stores: weakref.WeakSet[MemoryStore] = weakref.WeakSet()


class MemoryStore:
    """Keeps the last ``keep`` reports of this process and forgets them with it.

    A forked child begins with an empty one.

    Example:
        >>> MemoryStore(keep=2).reports()
        []
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._reset()
        _stores.add(self)

    def _reset(self) -> None:
        self._reports: deque[RequestReport] = deque(maxlen=self._keep)
        self._summaries: dict[str, LeakSummary] = {}
        self._moments: deque[Moment] = deque(maxlen=_MOST_MOMENTS)
        self._jobs: dict[str, Job] = {}

    def save(self, report: RequestReport) -> None:
        """Keep a report; the oldest gives way when there are too many."""
        self._reports.append(report)

    def save_summary(self, summary: LeakSummary) -> None:
        """Keep the summary of this worker in place of the one before."""
        self._summaries = {summary.worker: summary}

    def save_moment(self, moment: Moment) -> None:
        """Keep a reading."""
        self._moments.append(moment)

    def reports(self) -> list[RequestReport]:
        """The reports kept, oldest first."""
        return list(self._reports)

    def find(self, query: Query) -> Page:
        """The reports that a query asks for."""
        found = [report for report in self.reports() if matches(report, query)]
        found.sort(key=sort_key(query), reverse=True)
        end = query.offset + query.limit
        return Page(tuple(found[query.offset : end]), len(found))

    def report(self, key: str) -> RequestReport | None:
        """The report of this key, ``None`` if it is not kept."""
        return next((report for report in self.reports() if report.key == key), None)

    def summaries(self) -> list[LeakSummary]:
        """The last summary of this worker."""
        return list(self._summaries.values())

    def moments(self, since: float = 0.0, workers: Collection[str] | None = None) -> list[Moment]:
        """The readings of this worker, oldest first."""
        return [
            moment
            for moment in list(self._moments)
            if moment.at >= since and (workers is None or moment.worker in workers)
        ]

    def add_job(self, job: Job) -> None:
        """Ask this worker for something; the oldest job is forgotten when there are too many."""
        self._jobs[job.id] = job
        while len(self._jobs) > _MOST_JOBS:
            del self._jobs[next(iter(self._jobs))]

    def take_job(self, worker: str) -> Job | None:
        """The oldest waiting job of this worker, now running."""
        for job in list(self._jobs.values()):
            if job.state == "waiting" and job.worker == worker:
                self._jobs[job.id] = running = replace(job, state="running")
                return running
        return None

    def update_job(self, job: Job) -> None:
        """Write down how a job goes, or its result; one that was forgotten stays so."""
        if job.id in self._jobs:
            self._jobs[job.id] = job

    def job(self, id: str) -> Job | None:
        """A job by its id, ``None`` if it is not kept."""
        return self._jobs.get(id)

    def jobs(self, kind: str = "") -> list[Job]:
        """The jobs kept, newest first, without their results."""
        jobs = [replace(job, result=None) for job in list(self._jobs.values())]
        return [job for job in reversed(jobs) if kind in ("", job.kind)]

    def status(self) -> StoreStatus:
        """How the store is doing."""
        return StoreStatus("the memory of this process", shared=False, reports=len(self._reports))

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Nothing is ever pending."""
        return True

    def close(self) -> None:
        """There is nothing to let go of."""


def matches(report: RequestReport, query: Query) -> bool:
    """Whether a query asks for this report."""
    exactly = ("route", "method", "worker", "release", "host")
    return (
        all(getattr(query, name) in ("", getattr(report, name)) for name in exactly)
        and query.status in (None, report.status)
        and (query.status_class is None or (report.status or 0) // 100 == query.status_class)
        and report.started_at >= query.since
    )


def sort_key(query: Query) -> Callable[[RequestReport], float]:
    """What reports are sorted by, the most first."""
    keys: dict[str, Callable[[RequestReport], float]] = {
        "newest": lambda report: report.started_at,
        "bytes": lambda report: report.flat_bytes,
        "objects": lambda report: report.objects,
        "duration": lambda report: report.duration_s,
        "cost": lambda report: report.own_cost_s,
    }
    return keys[query.sort]


def _after_fork_in_child() -> None:
    for store in list(_stores):
        store._reset()


in_child(_after_fork_in_child)
