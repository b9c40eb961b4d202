"""Where reports are kept: a small protocol and its implementations.

A worker (one process of the application) writes what it knows; whoever looks at it, a page, the
command line, another worker, reads what all workers have written. Nothing here holds an object of
the application: from the report on everything is plain data.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # pympler.leaks imports the stores, so that whoever comes first would not finish
    from pympler.leaks.report import LeakSummary, RequestReport

__all__ = ["JOB_STATES", "Job", "Moment", "Page", "Query", "Store", "StoreStatus"]

JOB_STATES = ("waiting", "running", "done", "failed")


@dataclass(frozen=True, slots=True)
class Query:
    """Which request reports to read, newest first unless sorted otherwise.

    Attributes:
        route, method, worker, release, host: exactly these, empty for any.
        status: one status, ``None`` for any; ``status_class`` 5 for 500 to 599.
        since: started at or after this moment, in seconds since the epoch.
        sort: ``"newest"``, ``"bytes"``, ``"objects"``, ``"duration"`` or ``"cost"``, the most
            first.
        offset, limit: which part of the result; ``limit`` from 1 to 500.
    """

    route: str = ""
    method: str = ""
    worker: str = ""
    release: str = ""
    host: str = ""
    status: int | None = None
    status_class: int | None = None
    since: float = 0.0
    sort: str = "newest"
    offset: int = 0
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the reports that a query found, and how many it found in all."""

    reports: tuple[RequestReport, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading of one worker, for curves over time.

    Attributes:
        at: seconds since the epoch.
        worker: see :func:`pympler.leaks.report.worker_id`.
        requests: requests that the worker had served by then.
        rss_bytes, uss_bytes: resident and private memory, 0 where the system does not tell.
        blocks: memory blocks that Python had allocated.
        lengths: length of each suspect under watch, by its holder path.
        tracked: live instances and their bytes of each tracked class, by its name.
    """

    at: float
    worker: str
    requests: int = 0
    rss_bytes: int = 0
    uss_bytes: int = 0
    blocks: int = 0
    lengths: Mapping[str, int] = field(default_factory=dict)
    tracked: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """Work that one worker is asked to do, and what came of it.

    Attributes:
        id: fit for a URL.
        kind: ``"heap"``, ``"garbage"``, ``"process"``, or ``"snapshot"`` (of the next request of
            a route).
        worker: the worker that is to do it, and no other.
        arguments: plain data, such as the route of a ``"snapshot"``.
        state: one of :data:`JOB_STATES`.
        progress: 0.0 to 1.0; ``message`` says in words what is done, or why it failed.
        pause_s: how long the worker stood still for it, once it is done.
        result: plain JSON-ready data, ``None`` until it is done.
    """

    id: str
    kind: str
    worker: str
    created_at: float
    arguments: Mapping[str, Any] = field(default_factory=dict)
    state: str = "waiting"
    progress: float = 0.0
    message: str = ""
    pause_s: float = 0.0
    finished_at: float | None = None
    result: Any = None


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """How a store is doing.

    Attributes:
        location: where it is, in words, without a password: ``"memory of this process"``.
        shared: whether it holds what all workers write, or only this one's.
        reports: request reports kept.
        dropped: reports that this process could not keep, since it started.
        fault: what is wrong and how to mend it, empty if nothing is.
    """

    location: str
    shared: bool
    reports: int = 0
    dropped: int = 0
    fault: str = ""


class Store(Protocol):
    """Keeps request reports, summaries of workers, moments and jobs; a bounded number of each.

    Safe to call from any thread. ``save``, ``save_summary`` and ``save_moment`` never wait: they
    are called after a request has ended or from the background thread. Reading raises
    :class:`~pympler.errors.StoreError`, which says what is wrong and how to mend it.
    """

    def save(self, report: RequestReport) -> None:
        """Keep a report; called after its request has ended, in any thread."""

    def save_summary(self, summary: LeakSummary) -> None:
        """Keep the summary of a worker in place of the one before; called every few seconds."""

    def save_moment(self, moment: Moment) -> None:
        """Keep a reading of a worker; called every few seconds."""

    def reports(self) -> list[RequestReport]:
        """The reports kept, oldest first."""

    def find(self, query: Query) -> Page:
        """The reports that a query asks for."""

    def report(self, key: str) -> RequestReport | None:
        """The report of this key (:attr:`RequestReport.key`), ``None`` if it is not kept."""

    def summaries(self) -> list[LeakSummary]:
        """The last summary of each worker, the latest first."""

    def moments(self, since: float = 0.0, workers: Collection[str] | None = None) -> list[Moment]:
        """The readings of these workers, of all of them by default, oldest first."""

    def add_job(self, job: Job) -> None:
        """Ask a worker for something."""

    def take_job(self, worker: str) -> Job | None:
        """The oldest waiting job of this worker, now running; called by the worker itself."""

    def update_job(self, job: Job) -> None:
        """Write down how a job goes, or its result."""

    def job(self, id: str) -> Job | None:
        """A job by its id, ``None`` if it is not kept."""

    def jobs(self, kind: str = "") -> list[Job]:
        """The jobs kept, newest first, without their results."""

    def status(self) -> StoreStatus:
        """How the store is doing; never raises."""

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until what was saved is written; whether it was in time."""

    def close(self) -> None:
        """Write what is pending and let go of files and threads; may be called twice."""
