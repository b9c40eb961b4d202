"""The store in a PostgreSQL database, shared by many machines."""

from __future__ import annotations

import atexit
import hashlib
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from pympler.errors import StoreError
from pympler.leaks.report import RequestReport
from pympler.store import Job, Moment, Page, Query, StoreStatus, rows
from pympler.store.database import JOB_COLUMNS, DatabaseStore
from pympler.store.postgres_faults import explain
from pympler.store.postgres_schema import DAY_S, make_partitions, prepare, retire_partitions
from pympler.store.postgres_write import (
    insert_each,
    insert_moments,
    insert_reports,
    insert_summaries,
)
from pympler.store.spool import Spool
from pympler.util.forks import in_child
from pympler.util.storeurl import without_password

if TYPE_CHECKING:
    from pympler.store.postgres_fleet import PostgresReader

__all__ = ["PostgresStore"]

logger = logging.getLogger("pympler")

_AGE_S = 30 * 86400.0
_ROLLUPS_LIVE = 12  # times as long as reports
_TRIM_EVERY_S = 600.0
_MOMENT_EVERY_S = 60.0
_ASK_FOR_JOBS_EVERY_S = 2.0
_GATHER_S = 2.0  # a transaction costs the server as much as fifty reports in it
_CONNECT_S = 3
_STATEMENT_S = 20
# Without JIT: to compile a question takes longer than to answer it.
_OPTIONS = f"-c statement_timeout={_STATEMENT_S}s -c lock_timeout={_STATEMENT_S}s -c jit=off"
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_REPLAYED_AT_ONCE = 50  # batches, so that what is new does not wait behind hours
_MOST_JOBS = 1000
_FORGOTTEN_JOB_S = 900.0

_stores: weakref.WeakSet[PostgresStore] = weakref.WeakSet()
_inherited: list[Any] = []  # to close a connection of the parent would end it for the parent


class PostgresStore(DatabaseStore):
    """Keeps what the workers of many machines write, in the schema ``pympler`` of a database.

    Nothing connects before it is needed. While the server is away, reports wait in a bounded file
    and are written in order when it is back; :meth:`status` and one line of the log say so.

    Args:
        url: of the database, as libpq takes it: ``postgresql://user:password@host:5432/name``.
        spool: folder of the files in which reports wait.
        max_age_s: reports and moments of days that are older than this are removed.
        clock: seconds since the epoch.

    Raises:
        ValueError: if libpq does not understand the URL.
    """

    _schema = "pympler."
    _mark = "%s"

    def __init__(
        self,
        url: str,
        *,
        spool: Path,
        max_age_s: float = _AGE_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        try:
            psycopg.conninfo.conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            raise ValueError(str(error).strip()) from error
        self._url = url
        self.location = without_password(url)
        digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:12]
        self._max_age_s = max_age_s
        self._clock = clock
        self._spool = Spool(spool / digest)
        super().__init__(self._write, _GATHER_S)
        self._reset()
        _stores.add(self)

    def _reset(self) -> None:
        self._summaries = {}
        self._writing: psycopg.Connection[Any] | None = None
        self._reading: psycopg.Connection[Any] | None = None
        self._read_lock = threading.RLock()
        self._days: set[int] = set()
        self._fault = ""
        self._retry_s = self._pause_s = self._asked_s = self._trimmed_s = 0.0
        self._moments_s: dict[str, float] = {}

    # Written by requests and the background thread: never waits.

    def save_moment(self, moment: Moment) -> None:
        """Keep a reading of a worker, at most one a minute."""
        if moment.at - self._moments_s.get(moment.worker, 0.0) >= _MOMENT_EVERY_S:
            self._moments_s[moment.worker] = moment.at
            self._writer.put(moment)

    def _write(self, batch: list[Any], wait_s: float) -> None:
        """Write a batch, or let its reports wait on the disk; called by one thread at a time."""
        reports = [item for item in batch if type(item) is RequestReport]
        if not wait_s or time.monotonic() < self._retry_s:
            self._put_off(reports)
            return
        try:
            with self._faults():
                connection = self._writing = self._connected(self._writing)
                behind = self._replay(connection)
                self._insert(connection, [] if behind else reports, batch)
                self._trim_now_and_then(connection)
        except StoreError as error:
            self._went_wrong(str(error))
            self._put_off(reports)
            return
        if behind:
            self._put_off(reports)
            self._writer.put(None)  # to be called again at once
        self._went_well()

    def _put_off(self, reports: list[RequestReport]) -> None:
        trouble = self._spool.append(reports)
        if trouble and trouble not in self._fault:
            self._fault = f"{self._fault}, {trouble}"
            logger.warning("pympler drops reports: %s", self._fault)

    def _replay(self, connection: psycopg.Connection[Any]) -> bool:
        """Write what waits on the disk; whether something is left."""
        for number, lines in enumerate(self._spool.batches()):
            if number == _REPLAYED_AT_ONCE:
                return True
            self._insert(connection, [rows.report_from(line) for line in lines])
        return False

    def _insert(
        self,
        connection: psycopg.Connection[Any],
        reports: Iterable[RequestReport],
        batch: Sequence[Any] = (),
    ) -> None:
        """Write these reports, and what else is in a batch, in one transaction."""
        made = [rows.report_row(report) for report in reports]
        moments = [item for item in batch if type(item) is Moment]
        said = list(self._summaries.items())
        started = rows.REPORT_COLUMNS.index("started_at")
        when = [*(row[started] for row in made), *(moment.at for moment in moments)]
        self._see_to_partitions(connection, {self._day_of(moment) for moment in when})
        try:
            with connection.transaction():
                insert_reports(connection, made, self._day_of)
                insert_moments(connection, moments, self._day_of)
                insert_summaries(connection, said)
        except psycopg.DataError:  # of which it is not said; the others are not to suffer for it
            refused = insert_each(connection, made, self._day_of)
            self._spool.dropped += refused
            logger.warning("pympler drops %d reports that no database takes", refused)
            with suppress(psycopg.DataError):
                insert_summaries(connection, said)
        for name, summary in said:
            if self._summaries.get(name) is summary:
                del self._summaries[name]

    def _day_of(self, moment: float) -> int:
        """The day of a partition that is kept, also for a clock that is far off."""
        today = int(self._clock() // DAY_S)
        return min(max(int(moment // DAY_S), today - int(self._max_age_s // DAY_S)), today + 1)

    def _see_to_partitions(self, connection: psycopg.Connection[Any], days: set[int]) -> None:
        if not days <= self._days:
            make_partitions(connection, days - self._days)
            self._days |= days

    def _trim_now_and_then(self, connection: psycopg.Connection[Any]) -> None:
        if time.monotonic() - self._trimmed_s > _TRIM_EVERY_S or not self._trimmed_s:
            self._trimmed_s = time.monotonic()
            self._trim(connection)

    def trim(self) -> None:
        """Remove at once what is too old, which the writers do now and then."""
        with self._faults(), self._read_lock:
            self._trim(self._reader())

    def _trim(self, connection: psycopg.Connection[Any]) -> None:
        now = self._clock()
        oldest = now - self._max_age_s
        retire_partitions(connection, int(oldest // DAY_S))
        self._days = {day for day in self._days if day >= int(oldest // DAY_S)}
        run = connection.execute
        run("DELETE FROM pympler.rollup WHERE hour < %s", [now - _ROLLUPS_LIVE * self._max_age_s])
        run("DELETE FROM pympler.summary WHERE taken_at < %s", [oldest])
        run(
            "DELETE FROM pympler.job WHERE number <= (SELECT max(number) FROM pympler.job) - %s",
            [_MOST_JOBS],
        )
        run(
            "UPDATE pympler.job SET state = 'failed', message = 'the worker has ended' "
            "WHERE state IN ('waiting', 'running') AND created_at < %s",
            [now - _FORGOTTEN_JOB_S],
        )

    def _went_wrong(self, fault: str) -> None:
        # Begin anew: what is in the database may have changed, or be gone.
        if self._writing is not None:
            with suppress(psycopg.Error):
                self._writing.close()
            self._writing = None
        self._pause_s = min(max(self._pause_s * 2, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        self._retry_s = time.monotonic() + self._pause_s
        if fault != self._fault.partition(", and ")[0]:
            self._fault = fault
            logger.warning("pympler cannot write to its store, reports wait: %s", fault)

    def _went_well(self) -> None:
        self._pause_s = 0.0
        if self._fault:
            self._fault = ""
            logger.info("pympler writes to its store again")

    # Read by pages and commands, in any thread.

    def reports(self) -> list[RequestReport]:
        """The reports kept, oldest first."""
        sql = "SELECT data FROM pympler.report ORDER BY started_at, key"
        return self._all(rows.report_from, sql)

    def find(self, query: Query) -> Page:
        """The reports that a query asks for."""
        where, values = self._where(query)
        column = rows.SORTED_BY[query.sort]
        (total,) = self._all(int, f"SELECT count(*) FROM pympler.report {where}", values)
        found = self._all(
            rows.report_from,
            f"SELECT data FROM pympler.report {where} ORDER BY {column} DESC, key DESC "
            "LIMIT %s OFFSET %s",
            [*values, query.limit, query.offset],
        )
        return Page(tuple(found), total)

    def fleet_reader(self) -> PostgresReader:
        """Answers what pages ask of all workers."""
        from pympler.store.postgres_fleet import PostgresReader  # a worker by itself never asks

        return PostgresReader(self)

    # Jobs.

    def take_job(self, worker: str) -> Job | None:
        """The oldest waiting job of this worker, now running; the server is asked now and then."""
        now_s = time.monotonic()
        if now_s - self._asked_s < _ASK_FOR_JOBS_EVERY_S:
            return None
        if self._writer.fault or self._fault:  # the writer tells when the server is back
            return None
        self._asked_s = now_s
        sql = (
            "UPDATE pympler.job SET state = 'running' WHERE id = (SELECT id FROM pympler.job "
            "WHERE worker = %s AND state = 'waiting' ORDER BY number LIMIT 1 FOR UPDATE "
            f"SKIP LOCKED) RETURNING {JOB_COLUMNS}"
        )
        found = self._all(rows.job_from, sql, [worker])
        if found:
            self._asked_s = 0.0  # there may be another one
        return found[0] if found else None

    # How it is doing.

    @property
    def dropped(self) -> int:
        """Reports that this process could not keep, neither in the database nor on the disk."""
        return self._writer.dropped + self._spool.dropped

    def status(self) -> StoreStatus:
        """How the store is doing; never raises. The number of reports is the server's estimate."""
        fault, reports = self._fault or self._writer.fault, 0
        sql = (
            "SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint FROM pg_inherits i "
            "JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = to_regclass('pympler.report')"
        )
        try:
            if not fault:
                (reports,) = self._all(int, sql)
        except StoreError as error:
            fault = str(error)
        if self._spool.waiting_bytes:
            fault += f" ({self._spool.waiting_bytes:,} bytes of reports wait on the disk)"
        return StoreStatus(self.location, True, reports, self.dropped, fault.strip())

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Write in this thread what waits, here and on the disk; whether all of it was in time."""
        self._retry_s = 0.0
        if self._spool.waiting_bytes:
            self._writer.put(None)
        return self._writer.flush(timeout_s) and not self._spool.waiting_bytes

    def close(self) -> None:
        """Write what is pending and let go of connections and threads; may be called twice."""
        self._writer.close()
        with self._read_lock:
            for connection in (self._reading, self._writing):
                if connection is not None:
                    with suppress(psycopg.Error):
                        connection.close()
            self._reading = self._writing = None

    # Connections.

    def _run(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._faults(), self._read_lock:
            cursor = self._reader().execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def _change(self, sql: str, values: Sequence[Any]) -> None:
        self._run(sql, values)
        self._asked_s = 0.0

    def _reader(self) -> psycopg.Connection[Any]:
        self._reading = self._connected(self._reading)
        return self._reading

    def _connected(self, connection: psycopg.Connection[Any] | None) -> psycopg.Connection[Any]:
        """This connection if it is still good, or a new one."""
        if connection is not None:
            if not connection.closed and not connection.broken:
                return connection
            connection.close()
        connection = psycopg.connect(
            self._url,
            autocommit=True,
            connect_timeout=_CONNECT_S,
            application_name="pympler",
            options=_OPTIONS,
            prepare_threshold=None,  # poolers such as pgbouncer hand out other sessions
        )
        try:
            prepare(connection, self.location)
        except BaseException:
            connection.close()
            raise
        self._days = set()
        return connection

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            raise StoreError(explain(error, self.location)) from error


def _at_exit() -> None:
    for store in list(_stores):
        store.close()


def _after_fork_in_child() -> None:
    for store in list(_stores):
        _inherited.extend([store._writing, store._reading])
        store._spool.disown()
        store._reset()


atexit.register(_at_exit)
in_child(_after_fork_in_child)
