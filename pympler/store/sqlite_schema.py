"""The schema of the SQLite store: opened, begun or brought up to date, or refused."""

from __future__ import annotations

import sqlite3
import time

from pympler.errors import StoreError

__all__ = ["APPLICATION_ID", "MIGRATIONS", "prepare"]

APPLICATION_ID = 0x50796D70
"""Tells a store of ours from any other database: ``Pymp`` in ASCII."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE report (
            id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, started_at REAL NOT NULL,
            route TEXT NOT NULL, method TEXT NOT NULL, status INTEGER, worker TEXT NOT NULL,
            release TEXT NOT NULL, host TEXT NOT NULL, bytes INTEGER NOT NULL,
            objects INTEGER NOT NULL, duration REAL NOT NULL, cost REAL NOT NULL,
            data TEXT NOT NULL)""",
        # Filters, counts and orders are answered from this one alone, a tenth of the table.
        """CREATE INDEX report_narrow ON report (started_at, route, method, status, worker,
            release, host, bytes, objects, duration, cost)""",
        """CREATE TABLE rollup (
            hour REAL NOT NULL, route TEXT NOT NULL, method TEXT NOT NULL, release TEXT NOT NULL,
            host TEXT NOT NULL, reports INTEGER NOT NULL, errors INTEGER NOT NULL,
            bytes INTEGER NOT NULL, objects INTEGER NOT NULL, duration REAL NOT NULL,
            PRIMARY KEY (hour, route, method, release, host)) WITHOUT ROWID""",
        """CREATE TABLE summary (
            worker TEXT PRIMARY KEY, taken_at REAL NOT NULL, data TEXT NOT NULL)""",
        """CREATE TABLE moment (
            id INTEGER PRIMARY KEY, at REAL NOT NULL, worker TEXT NOT NULL,
            data TEXT NOT NULL)""",
        "CREATE INDEX moment_at ON moment (at)",
        """CREATE TABLE job (
            number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
            worker TEXT NOT NULL, created_at REAL NOT NULL, arguments TEXT NOT NULL,
            state TEXT NOT NULL, progress REAL NOT NULL, message TEXT NOT NULL,
            pause_s REAL NOT NULL, finished_at REAL, result TEXT)""",
        "CREATE INDEX job_of ON job (worker, state)",
    ),
)
"""The statements that lead from each version of the schema to the next."""

_LONGEST_S = 1.0
_PAUSE_S = 0.02


def prepare(connection: sqlite3.Connection, location: str) -> None:
    """Bring a database that was just opened to the schema of this version.

    Raises:
        StoreError: if it belongs to something else or was written by a newer version.
        sqlite3.Error: whatever else is wrong with it.
    """
    _use_wal(connection)
    connection.execute("PRAGMA cache_size=-1024")  # a worker does not need the usual 2 MB
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA journal_size_limit=4194304")
    if _version(connection, location) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read anew: another worker may have been first.
        for steps in MIGRATIONS[_version(connection, location) :]:
            for statement in steps:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection, location: str) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application != APPLICATION_ID:
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables or version:
            raise StoreError(
                f"{location} is a database of something else, which stays untouched; give "
                "'store' the name of a file of its own"
            )
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{location} was written by a newer version of pympler (schema {version}, this one "
            f"knows up to {len(MIGRATIONS)}); upgrade pympler, or give 'store' another file"
        )
    return int(version)


def _use_wal(connection: sqlite3.Connection) -> None:
    """Readers and the writer do not wait for each other; where it is not to be had, they do."""
    deadline_s = time.monotonic() + _LONGEST_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            # Changing the mode may not heed the timeout: workers that start at once meet here.
            # Where it does, somebody has locked the whole file, and a page must not wait for long.
            if "locked" not in str(error) or time.monotonic() > deadline_s:
                raise
            time.sleep(_PAUSE_S)
        else:
            return
