"""The store in a SQLite file, shared by all workers of a machine."""

from __future__ import annotations

import atexit
import logging
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from pympler.errors import StoreError
from pympler.leaks.report import RequestReport
from pympler.store import Job, Moment, Page, Query, StoreStatus, rows
from pympler.store.database import JOB_COLUMNS, ROLLUP_COLUMNS, SUMS, DatabaseStore
from pympler.store.sqlite_schema import prepare
from pympler.util.forks import in_child

__all__ = ["KEEP", "SqliteStore"]

logger = logging.getLogger("pympler")

KEEP = 5000
"""Reports that a file keeps unless ``keep`` says otherwise."""

_MOST_AGE_S = 30 * 86400.0
_ROLLUPS_LIVE = 3  # times as long as reports
_TRIM_EVERY_S = 30.0
_FINE_MOMENTS_S = 3600.0
_MOST_MOMENTS = 20_000
_MOST_SUMMARIES = 200
_MOST_JOBS = 50
_FORGOTTEN_JOB_S = 900.0
_READ_WAIT_S = 2.0

_INSERT_REPORT = (
    f"INSERT OR IGNORE INTO report ({', '.join(rows.REPORT_COLUMNS)}) "
    f"VALUES ({', '.join('?' * len(rows.REPORT_COLUMNS))})"
)
_ADD_ROLLUP = (
    f"INSERT INTO rollup ({ROLLUP_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (hour, route, method, release, host) DO UPDATE SET "
    + ", ".join(f"{name} = {name} + excluded.{name}" for name in SUMS)
)
_stores: weakref.WeakSet[SqliteStore] = weakref.WeakSet()
_inherited: list[Any] = []  # connections of the parent: SQLite forbids even closing them here


class SqliteStore(DatabaseStore):
    """Keeps what all workers of an application write, in one file.

    Nothing is opened before it is needed. What goes wrong later never raises where it is written:
    :meth:`status` says it, and one line of the log.

    Args:
        path: the file; it is made for its owner alone (0600), and so is its folder if missing.
        keep: number of reports kept, of all workers together; the oldest give way.
        max_age_s: whatever is older than this is removed.

    Attributes:
        path: the file.
        folder: where snapshots of the heap lie that jobs have saved.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, SqliteStore(f"{folder}/x.db") as store:
        ...     store.status().reports
        0
    """

    def __init__(
        self, path: str | os.PathLike[str], keep: int = KEEP, max_age_s: float = _MOST_AGE_S
    ) -> None:
        self.path = Path(os.path.abspath(path))
        self.folder = self.path.with_name(f"{self.path.stem}.snapshots")
        self._keep = keep
        self._max_age_s = max_age_s
        self.location = str(self.path)
        super().__init__(self._write)
        self._reset()
        _stores.add(self)

    def _reset(self) -> None:
        self._summaries = {}
        self._writing: sqlite3.Connection | None = None
        self._reading: sqlite3.Connection | None = None
        self._inodes = _Connections()
        weakref.finalize(self, _close, self._inodes, os.getpid()).atexit = False
        self._read_lock = threading.RLock()
        self._trimmed_s = 0.0
        self._data_version = -1

    # Written by requests and the background thread: never waits.

    def save_moment(self, moment: Moment) -> None:
        """Keep a reading of a worker."""
        self._writer.put(moment)

    def _write(self, batch: list[Any], wait_s: float) -> None:
        """Write a batch in one transaction; called by one thread at a time."""
        with self._faults():
            if self._writing is not None and not self.path.exists():
                logger.warning("pympler's store %s was deleted, a new one is begun", self.path)
            connection = self._writing = self._current(self._writing)
            connection.execute(f"PRAGMA busy_timeout={int(wait_s * 1000)}")
            summaries = list(self._summaries.items())
            with _transaction(connection):
                # Generators: what is made here is not alive when the next row is made.
                reports = (rows.report_row(item) for item in batch if type(item) is RequestReport)
                connection.executemany(_INSERT_REPORT, reports)
                connection.executemany(_ADD_ROLLUP, rows.add_up(batch))
                connection.executemany(
                    "INSERT INTO moment (at, worker, data) VALUES (?, ?, ?)",
                    (rows.moment_row(item) for item in batch if type(item) is Moment),
                )
                connection.executemany(
                    "INSERT OR REPLACE INTO summary VALUES (?, ?, ?)",
                    ((name, said.taken_at, rows.dump_summary(said)) for name, said in summaries),
                )
                if time.monotonic() - self._trimmed_s > _TRIM_EVERY_S or not self._trimmed_s:
                    self._trim(connection, time.time())
                    self._trimmed_s = time.monotonic()
            for name, said in summaries:
                if self._summaries.get(name) is said:
                    del self._summaries[name]

    def trim(self) -> None:
        """Remove at once what is too much or too old, which the writer does now and then."""
        with self._faults(), self._read_lock, _transaction(self._reader()) as connection:
            self._trim(connection, time.time())

    def _trim(self, connection: sqlite3.Connection, now: float) -> None:
        run = connection.execute
        # Ids rise by one with each report: no counting is needed.
        run("DELETE FROM report WHERE id <= (SELECT max(id) FROM report) - ?", (self._keep,))
        oldest = now - self._max_age_s
        run("DELETE FROM report WHERE started_at < ?", (oldest,))
        run("DELETE FROM rollup WHERE hour < ?", (now - _ROLLUPS_LIVE * self._max_age_s,))
        run("DELETE FROM moment WHERE at < ?", (oldest,))
        run(
            "DELETE FROM moment WHERE at < ? AND id NOT IN (SELECT min(id) FROM moment "
            "GROUP BY worker, CAST(at / 60 AS INTEGER))",
            (now - _FINE_MOMENTS_S,),
        )
        run("DELETE FROM moment WHERE id <= (SELECT max(id) FROM moment) - ?", (_MOST_MOMENTS,))
        run("DELETE FROM summary WHERE taken_at < ?", (oldest,))
        run(
            "DELETE FROM summary WHERE worker NOT IN "
            "(SELECT worker FROM summary ORDER BY taken_at DESC LIMIT ?)",
            (_MOST_SUMMARIES,),
        )
        run("DELETE FROM job WHERE number <= (SELECT max(number) FROM job) - ?", (_MOST_JOBS,))
        run(
            "UPDATE job SET state='failed', message='the worker has ended' "
            "WHERE state IN ('waiting', 'running') AND created_at < ?",
            (now - _FORGOTTEN_JOB_S,),
        )

    # Read by pages and commands, in any thread.

    def reports(self) -> list[RequestReport]:
        """The reports kept, oldest first."""
        sql = "SELECT data FROM report ORDER BY started_at, id"
        return self._all(rows.report_from, sql)

    def find(self, query: Query) -> Page:
        """The reports that a query asks for."""
        where, values = self._where(query)
        column = rows.SORTED_BY[query.sort]
        with self._read_lock:
            (total,) = self._all(int, f"SELECT count(*) FROM report {where}", values)
            limit, offset, way = min(query.limit, total - query.offset), query.offset, "DESC"
            if limit <= 0:
                return Page((), total)
            if offset > total / 2:  # what lies towards the end is found sooner from there
                offset, way = total - offset - limit, "ASC"
            # The narrow index sorts; the wide rows are fetched for the part asked for alone.
            reports = self._all(
                rows.report_from,
                f"SELECT data FROM report JOIN (SELECT id AS chosen, {column} AS rank FROM report "
                f"{where} ORDER BY {column} {way}, id {way} LIMIT ? OFFSET ?) ON id = chosen "
                "ORDER BY rank DESC, id DESC",
                [*values, limit, offset],
            )
        return Page(tuple(reports), total)

    # Jobs.

    def take_job(self, worker: str) -> Job | None:
        """The oldest waiting job of this worker, now running; next to free if nothing changed."""
        with self._faults(), self._read_lock:
            connection = self._reader()
            (version,) = connection.execute("PRAGMA data_version").fetchone()
            if version == self._data_version:
                return None
            self._data_version = version
            waiting = "worker = ? AND state = 'waiting' ORDER BY number LIMIT 1"
            sql = f"SELECT {JOB_COLUMNS} FROM job WHERE {waiting}"
            row = connection.execute(sql, [worker]).fetchone()
            if row is None:
                return None
            self._data_version = -1  # there may be another one
            sql = "UPDATE job SET state='running' WHERE id = ? AND state = 'waiting'"
            if not connection.execute(sql, [row[0]]).rowcount:
                return None
            return replace(rows.job_from(*row), state="running")

    # How it is doing.

    def probe(self) -> None:
        """See whether the file can be written, and let go of it again.

        Raises:
            StoreError: if it cannot; one that is merely locked can.
        """
        with self._faults(), self._read_lock:
            try:
                self._reader()
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
            if not os.access(self.path, os.W_OK) or not os.access(self.path.parent, os.W_OK):
                raise StoreError(f"{self.path} {_FAULTS['readonly']}")
            self._let_go()

    def status(self) -> StoreStatus:
        """How the store is doing; never raises."""
        fault, reports = self._writer.fault, 0
        try:
            # Each of the two is found at once; asked for together they make it read all rows.
            sql = "SELECT (SELECT max(id) FROM report) - (SELECT min(id) FROM report) + 1"
            sql = f"SELECT coalesce(({sql}), 0)"
            (reports,) = self._all(int, sql)
        except StoreError as error:
            fault = fault or str(error)
        return StoreStatus(str(self.path), True, reports, self._writer.dropped, fault)

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Write in this thread what waits to be written; whether all of it was in time."""
        return self._writer.flush(timeout_s)

    def close(self) -> None:
        """Write what is pending and let go of files and threads; may be called twice."""
        self._writer.close()
        with self._read_lock:
            self._let_go()

    def _let_go(self) -> None:
        for connection in self._inodes:
            connection.close()
        self._inodes.clear()
        self._reading = self._writing = None

    # Connections.

    def _run(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._faults(), self._read_lock:
            return self._reader().execute(sql, values).fetchall()

    def _change(self, sql: str, values: Sequence[Any]) -> None:
        with self._faults(), self._read_lock, _transaction(self._reader()) as connection:
            connection.execute(sql, values)
            self._data_version = -1  # which does not tell of what this connection writes

    def _reader(self) -> sqlite3.Connection:
        self._reading = self._current(self._reading)
        return self._reading

    def _current(self, connection: sqlite3.Connection | None) -> sqlite3.Connection:
        """This connection, or a new one if there is none or its file was deleted meanwhile."""
        if connection is not None:
            if _inode(self.path) == self._inodes[connection]:
                return connection
            del self._inodes[connection]
            connection.close()
        _make_private(self.path)
        connection = self._connect()
        try:
            prepare(connection, str(self.path))
        except BaseException:
            connection.close()
            raise
        self._inodes[connection] = _inode(self.path)
        return connection

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self.path, timeout=_READ_WAIT_S, isolation_level=None, check_same_thread=False
        )

    @contextmanager
    def _faults(self) -> Iterator[None]:
        """Says in words what SQLite and the system say in theirs."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(_explain(error, self.path)) from error
        except OSError as error:
            raise StoreError(
                f"{self.path} cannot be made ({error.strerror}); make its folder writable for "
                "this user, or give 'store' another place"
            ) from error


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return -1


def _make_private(path: Path) -> None:
    """Make the file before SQLite would, which lets the umask decide who may read it."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _explain(error: sqlite3.Error, path: Path) -> str:
    said = str(error)
    for words, explanation in _FAULTS.items():
        if words in said:
            return f"{path} {explanation} ({said})"
    return f"{path} cannot be used: {said}"


_FAULTS = {
    "locked": "is locked by another program; end the one that holds it, such as a shell of "
    "sqlite3 or a copy in progress",
    "readonly": "cannot be written; make the file and its folder writable for this user, or give "
    "'store' another place",
    "full": "cannot grow, the disk is full; free some of it, or lower 'keep'",
    "not a database": "is no SQLite database; move it away, and a new one is begun",
    "malformed": "is damaged; move it away together with its -wal and -shm, and a new one is begun",
    "unable to open": "cannot be opened; make the file and its folder readable and writable for "
    "this user, or give 'store' another place",
    "disk I/O error": "cannot be read or written; look at the disk, or give 'store' another place",
}


class _Connections(dict[sqlite3.Connection, int]):
    """Open connections, with the inodes of their files.

    A class of our own: what lies behind it is seen to be no holder of the application's, although
    the registry of finalizers leads to it.
    """


def _close(connections: _Connections, pid: int) -> None:
    if pid == os.getpid():
        for connection in connections:
            connection.close()


def _at_exit() -> None:
    for store in list(_stores):
        store.close()


def _after_fork_in_child() -> None:
    for store in list(_stores):
        _inherited.extend(store._inodes)
        store._reset()


atexit.register(_at_exit)
in_child(_after_fork_in_child)
