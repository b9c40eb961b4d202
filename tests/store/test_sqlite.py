"""The SQLite store: private, shared, and whatever goes wrong with its file."""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pympler.errors import StoreError
from pympler.store import Query, sqlite_schema
from pympler.store.sqlite import SqliteStore
from tests.leaks.processes import run_alone
from tests.leaks.values import a_report
from tests.store.stores import a_job, a_moment, said_by, worker_report


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "shop.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(path) as opened:
        yield opened


def now_report(number: int = 1) -> Any:
    return worker_report(1, number, started_at=time.time())


@contextmanager
def raw(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


def test_nothing_is_made_before_it_is_needed(store: SqliteStore, path: Path) -> None:
    assert not path.parent.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_the_file_is_for_its_owner_alone(store: SqliteStore, path: Path) -> None:
    before = os.umask(0)
    try:
        store.save(now_report())
        store.flush()
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    made = list(path.parent.iterdir())
    assert path in made
    assert {stat.S_IMODE(file.stat().st_mode) for file in made} == {0o600}


def test_the_thread_writes_by_itself(store: SqliteStore) -> None:
    store.save(now_report())
    deadline = time.monotonic() + 20

    while not store.reports() and time.monotonic() < deadline:
        time.sleep(0.01)

    assert len(store.reports()) == 1


def test_two_processes_see_each_others(store: SqliteStore, path: Path) -> None:
    with SqliteStore(path) as other:
        store.save(worker_report(1, 1, started_at=time.time()))
        other.save(worker_report(2, 1, started_at=time.time()))
        store.save_summary(said_by(1, taken_at=time.time()))
        other.save_summary(said_by(2, taken_at=time.time() + 1))
        store.flush()
        other.flush()
        store.add_job(a_job(worker="web.2.1", created_at=time.time()))

        assert [report.pid for report in store.reports()] == [1, 2]
        assert [summary.pid for summary in other.summaries()] == [2, 1]
        taken = other.take_job("web.2.1")
        assert taken is not None
        assert other.take_job("web.2.1") is None
        assert store.take_job("web.2.1") is None


def test_what_is_old_is_removed(store: SqliteStore) -> None:
    now = time.time()
    for days in (40, 1):
        then = now - days * 86400
        store.save(worker_report(days, 1, started_at=then))
        store.save_summary(said_by(days, taken_at=then))
    for second in range(0, 120, 10):  # of the day before yesterday: one a minute is left
        store.save_moment(a_moment(at=(now - 2 * 86400) // 60 * 60 + second))
    store.add_job(a_job(created_at=now - 86400))
    store.flush()

    store.trim()

    assert [report.pid for report in store.reports()] == [1]
    assert [summary.pid for summary in store.summaries()] == [1]
    assert len(store.moments()) == 2
    job = store.job("1f")
    assert job is not None
    assert (job.state, job.message) == ("failed", "the worker has ended")


# Faults.


def test_a_locked_file(store: SqliteStore, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store.save(now_report(1))
    store.flush()
    with raw(path) as other:
        other.execute("BEGIN IMMEDIATE")
        store.save(now_report(2))
        assert not store.flush(0.05)
        assert not store.flush(0.05)

        assert f"{path} is locked by another program; end the one" in store.status().fault
        assert len(warnings(caplog)) == 1
        assert len(store.reports()) == 1
        other.execute("ROLLBACK")

    assert store.flush()
    assert store.status().fault == ""
    assert len(store.reports()) == 2


def test_a_full_disk(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Full(SqliteStore):
        def _connect(self) -> sqlite3.Connection:
            connection = super()._connect()
            connection.execute("PRAGMA max_page_count=20")
            return connection

    with Full(path) as store:
        for number in range(200):
            store.save(now_report(number))
        assert not store.flush(0.05)

        assert "cannot grow, the disk is full; free some of it, or" in store.status().fault
        assert len(warnings(caplog)) == 1
        assert store.status().reports == 0
    assert store.status().dropped == 200


def test_a_file_that_is_no_database(
    store: SqliteStore, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_bytes(b"these are my notes\n" * 100)
    store.save(now_report())

    assert not store.flush(0.05)

    assert f"{path} is no SQLite database; move it away" in store.status().fault
    assert len(warnings(caplog)) == 1
    with pytest.raises(StoreError, match="is no SQLite database"):
        store.find(Query())
    path.unlink()
    assert store.flush()
    assert store.status().fault == ""


def test_a_damaged_file(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with SqliteStore(path) as store:
        for number in range(300):
            store.save(now_report(number))
        store.flush()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xaa" * (len(content) - 4096)
    path.write_bytes(content)

    with SqliteStore(path) as store:
        store.save(now_report(1000))
        assert not store.flush(0.05)
        assert "is damaged; move it away together with its -wal" in store.status().fault
        assert len(warnings(caplog)) == 1


def test_a_newer_schema(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with SqliteStore(path) as store:
        store.save(now_report())
        store.flush()
    with raw(path) as connection:
        connection.execute("PRAGMA user_version=99")

    with SqliteStore(path) as store:
        store.save(now_report(2))
        assert not store.flush(0.05)
        assert "was written by a newer version of pympler (schema 99, this" in store.status().fault
        assert len(warnings(caplog)) == 1


def test_an_older_schema_is_brought_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = now_report()
    with SqliteStore(path) as store:
        store.save(report)
    later = ("ALTER TABLE report ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'",)
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", (*sqlite_schema.MIGRATIONS, later))

    with SqliteStore(path) as store:
        assert store.reports() == [report]
    with raw(path) as connection:
        assert connection.execute("SELECT colour FROM report").fetchall() == [("red",)]
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)


def test_a_step_that_fails_leaves_the_old_schema(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SqliteStore(path) as store:
        store.save(now_report())
    steps = ("ALTER TABLE report ADD COLUMN colour TEXT", "nonsense")
    with monkeypatch.context() as patched, SqliteStore(path) as store:
        patched.setattr(sqlite_schema, "MIGRATIONS", (*sqlite_schema.MIGRATIONS, steps))
        with pytest.raises(StoreError, match="syntax error"):
            store.reports()

    with SqliteStore(path) as store:
        assert len(store.reports()) == 1


def test_a_database_of_something_else(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    with raw(path) as connection:
        connection.execute("CREATE TABLE report (mine TEXT)")

    with SqliteStore(path) as store:
        store.save(now_report())
        assert not store.flush(0.05)
        assert "is a database of something else, which stays untouched" in store.status().fault
    assert len(warnings(caplog)) == 1
    with raw(path) as connection:
        (found,) = connection.execute("SELECT sql FROM sqlite_master").fetchall()
    assert found == ("CREATE TABLE report (mine TEXT)",)


def test_a_folder_that_cannot_be_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    with SqliteStore(tmp_path / "file" / "shop.db") as store:
        store.save(now_report())
        assert not store.flush(0.05)
        assert "cannot be made (" in store.status().fault
        assert len(warnings(caplog)) == 1


def test_deleted_while_running(
    store: SqliteStore, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.save(now_report(1))
    store.flush()
    for file in path.parent.iterdir():
        file.unlink()
    path.parent.rmdir()

    store.save(now_report(2))
    assert store.flush()

    assert [report.id for report in store.reports()] == [2]
    assert warnings(caplog) == [f"pympler's store {path} was deleted, a new one is begun"]
    assert store.status().fault == ""


READ_ONLY = """
    import os, sys, tempfile, time
    from pathlib import Path
    from pympler.store.sqlite import SqliteStore
    from pympler.store.open import open_store
    from tests.leaks.values import a_report

    folder = Path(tempfile.mkdtemp())
    path = folder / "pympler" / "shop.db"
    with SqliteStore(path) as store:
        store.save(a_report(started_at=time.time()))
    path.chmod(0o444)
    path.parent.chmod(0o555)
    folder.chmod(0o555)
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    import logging
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    store = SqliteStore(path)
    store.save(a_report(id=2))
    print(store.flush(0.05), "cannot be written; make the" in store.status().fault)
    os.environ["XDG_STATE_HOME"] = str(folder)
    print(type(open_store("", application="shop")).__name__)
    print(type(open_store("", application="shop")).__name__)
    logging.disable()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_a_file_that_may_only_be_read() -> None:
    lines = run_alone(READ_ONLY).splitlines()

    assert lines[0].startswith("pympler cannot write to its store: /")
    assert lines[1] == "False True"
    assert lines[2].startswith("pympler keeps its reports in memory, per process: /")
    assert lines[3:] == ["MemoryStore", "MemoryStore"]


# Processes.

FORK = """
    import os, sys, time, warnings
    warnings.simplefilter("ignore", DeprecationWarning)  # the parent has threads
    from pympler.store.sqlite import SqliteStore
    from tests.store.stores import worker_report

    store = SqliteStore(sys.argv[1])
    store.save(worker_report(1, 1, started_at=time.time()))
    store.flush()
    store.save(worker_report(1, 2, started_at=time.time()))
    if os.fork() == 0:
        assert store.status().dropped == 0
        store.save(worker_report(2, 1, started_at=time.time()))
        deadline = time.monotonic() + 20
        while len(store.reports()) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        sys.exit()
    assert os.wait()[1] == 0
    store.flush()
    print(sorted((report.pid, report.id) for report in store.reports()))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_writes_what_is_its_own(path: Path) -> None:
    assert run_alone(FORK, path) == "[(1, 1), (1, 2), (2, 1)]"


def test_what_waits_is_written_when_the_process_ends(path: Path) -> None:
    code = """
        import sys, time
        from pympler.store.sqlite import SqliteStore
        from tests.store.stores import worker_report
        store = SqliteStore(sys.argv[1])
        store.save(worker_report(1, 1, started_at=time.time()))
    """
    run_alone(code, path)

    with SqliteStore(path) as store:
        assert len(store.reports()) == 1


def test_a_store_that_is_dropped_leaves_nothing_open(path: Path) -> None:
    store = SqliteStore(path)
    store.save(a_report())
    store.flush()
    assert store.find(Query()).total == 1 or store.reports() == []

    del store  # the fixture around each test sees the thread, a warning the connections
