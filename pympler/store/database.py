"""What stores in a database have in common: what they keep, what is asked of it, and the jobs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pympler.errors import StoreError
from pympler.leaks.report import LeakSummary, RequestReport
from pympler.store import Job, Moment, Query, rows
from pympler.store.fleet import Rollup
from pympler.store.writer import GATHER_S, Writer

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["JOB_COLUMNS", "ROLLUP_COLUMNS", "SUMS", "DatabaseStore"]

T = TypeVar("T")

JOB_COLUMNS = (
    "id, kind, worker, created_at, arguments, state, progress, message, pause_s, finished_at"
)
ROLLUP_COLUMNS = "hour, route, method, release, host, reports, errors, bytes, objects, duration"
SUMS = ("reports", "errors", "bytes", "objects", "duration")
"""The columns of a roll-up that are added to when another batch comes."""

_EXACTLY = ("route", "method", "worker", "release", "host")


class DatabaseStore:
    """The base of the stores in SQLite and in PostgreSQL, whose tables are called alike.

    Attributes:
        location: where it is, in words, without a password.
    """

    location: str
    _schema = ""  # what stands before the name of a table
    _mark = "?"  # what stands for a value

    def __init__(
        self, write: Callable[[list[Any], float], object], gather_s: float = GATHER_S
    ) -> None:
        self._summaries: dict[str, LeakSummary] = {}
        self._writer = Writer(write, gather_s=gather_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Write what is pending and let go; may be called twice."""
        raise NotImplementedError

    # Written by requests and the background thread: never waits.

    def save(self, report: RequestReport) -> None:
        """Keep a report; the writer comes for it."""
        self._writer.put(report)

    def save_summary(self, summary: LeakSummary) -> None:
        """Keep the summary of a worker in place of the one before."""
        self._summaries[summary.worker] = summary
        self._writer.put(None)

    # What each database does in its way.

    def _run(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows that a question finds."""
        raise NotImplementedError

    def _change(self, sql: str, values: Sequence[Any]) -> None:
        """Change a job, after which workers look for theirs."""
        raise NotImplementedError

    # Read by pages and commands, in any thread.

    def _all(self, make: Callable[..., T], sql: str, values: Sequence[Any] = ()) -> list[T]:
        """What ``make`` makes of the columns of each row."""
        found = self._run(sql, values)
        try:
            return [make(*row) for row in found]
        except (ValueError, TypeError, KeyError) as error:
            raise StoreError(f"{self.location} holds something unreadable: {error}") from error

    def report(self, key: str) -> RequestReport | None:
        """The report of this key, ``None`` if it is not kept."""
        sql = f"SELECT data FROM {self._schema}report WHERE key = {self._mark} LIMIT 1"
        return next(iter(self._all(rows.report_from, sql, [rows.text_of(key)])), None)

    def summaries(self) -> list[LeakSummary]:
        """The last summary of each worker, the latest first."""
        sql = f"SELECT data FROM {self._schema}summary ORDER BY taken_at DESC"
        return self._all(rows.summary_from, sql)

    def workers(self) -> list[tuple[str, float]]:
        """Each worker and when it was heard of last, the latest first."""
        sql = f"SELECT worker, taken_at FROM {self._schema}summary ORDER BY taken_at DESC"
        return self._all(lambda worker, taken_at: (str(worker), float(taken_at)), sql)

    def summary(self, worker: str) -> LeakSummary | None:
        """The last summary of this worker, ``None`` if it is not kept."""
        sql = f"SELECT data FROM {self._schema}summary WHERE worker = {self._mark}"
        return next(iter(self._all(rows.summary_from, sql, [rows.text_of(worker)])), None)

    def moments(self, since: float = 0.0, workers: Collection[str] | None = None) -> list[Moment]:
        """The readings of these workers, of all of them by default, oldest first."""
        where, values = f"at >= {self._mark}", [since, *map(rows.text_of, workers or ())]
        if workers is not None:
            where += f" AND worker IN ({', '.join([self._mark] * len(workers)) or 'NULL'})"
        sql = f"SELECT at, worker, data FROM {self._schema}moment WHERE {where} ORDER BY at, worker"
        return self._all(rows.moment_from, sql, values)

    def rollups(self, since: float = 0.0) -> list[Rollup]:
        """Reports added up by hour, route, release and host, oldest first; they outlive them."""
        sql = (
            f"SELECT {ROLLUP_COLUMNS} FROM {self._schema}rollup WHERE hour >= {self._mark} "
            "ORDER BY hour, route, method, release, host"
        )
        return self._all(Rollup, sql, [since // 3600 * 3600])

    def _where(self, query: Query) -> tuple[str, list[Any]]:
        """The condition of a query and its values."""
        mark = self._mark
        clauses = [f"{name} = {mark}" for name in _EXACTLY if getattr(query, name)]
        values: list[Any] = [rows.text_of(getattr(query, n)) for n in _EXACTLY if getattr(query, n)]
        if query.status is not None:
            clauses.append(f"status = {mark}")
            values.append(query.status)
        if query.status_class is not None:
            clauses.append(f"coalesce(status, 0) / 100 = {mark}")
            values.append(query.status_class)
        if query.since:
            clauses.append(f"started_at >= {mark}")
            values.append(query.since)
        return (f"WHERE {' AND '.join(clauses)}" if clauses else ""), values

    # Jobs.

    def add_job(self, job: Job) -> None:
        """Ask a worker for something."""
        values = [job.id, job.kind, job.worker, job.created_at, rows.dump(dict(job.arguments))]
        values += [job.state, job.progress, job.message, job.pause_s, job.finished_at]
        marks = ", ".join([self._mark] * len(values))
        self._change(f"INSERT INTO {self._schema}job ({JOB_COLUMNS}) VALUES ({marks})", values)

    def update_job(self, job: Job) -> None:
        """Write down how a job goes, or its result; one that was forgotten stays so."""
        result = None if job.result is None else rows.dump(job.result)
        changed = ("state", "progress", "message", "pause_s", "finished_at", "result")
        marks = ", ".join(f"{name} = {self._mark}" for name in changed)
        values = [job.state, job.progress, job.message, job.pause_s, job.finished_at, result]
        sql = f"UPDATE {self._schema}job SET {marks} WHERE id = {self._mark}"
        self._change(sql, [*values, job.id])

    def job(self, id: str) -> Job | None:
        """A job by its id, ``None`` if it is not kept."""
        sql = f"SELECT {JOB_COLUMNS}, result FROM {self._schema}job WHERE id = {self._mark}"
        return next(iter(self._all(rows.job_from, sql, [rows.text_of(id)])), None)

    def jobs(self, kind: str = "") -> list[Job]:
        """The jobs kept, newest first, without their results."""
        sql = (
            f"SELECT {JOB_COLUMNS} FROM {self._schema}job WHERE {self._mark} IN ('', kind) "
            "ORDER BY number DESC"
        )
        return self._all(rows.job_from, sql, [kind])
