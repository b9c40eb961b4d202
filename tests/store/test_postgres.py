"""The PostgreSQL store, with a real server that is stopped, killed and started again."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pympler.errors import SettingsError, StoreError
from pympler.leaks import LeakMonitor, Settings
from pympler.leaks.report import ClassTotal, Suspect
from pympler.render.pages import Access, PageRequest, PageResponse, Pages
from pympler.store import Query, postgres_schema, rows
from pympler.store.open import open_store
from pympler.store.postgres import PostgresStore
from pympler.store.postgres_faults import explain
from pympler.wsgi import MemoryMiddleware
from tests.leaks.processes import run_alone
from tests.leaks.values import a_route
from tests.store.postgres_server import PostgresServer
from tests.store.stores import a_moment, said_by, worker_report
from tests.wsgi_server import environ_of, serve

pytestmark = pytest.mark.integration

DAY = 86400.0


@pytest.fixture
def store(postgres_url: str, tmp_path: Path) -> Iterator[PostgresStore]:
    with PostgresStore(postgres_url, spool=tmp_path) as opened:
        yield opened


@pytest.fixture
def running(postgres: PostgresServer) -> Iterator[PostgresServer]:
    """The server, which runs again afterwards whatever the test did to it."""
    yield postgres
    try:
        psycopg.connect(postgres.url()).close()
    except psycopg.OperationalError:
        postgres.start()


def now_report(number: int, pid: int = 1, **changes: Any) -> Any:
    return worker_report(pid, number, **{"started_at": time.time(), **changes})


def ids(store: PostgresStore) -> list[int]:
    return sorted(report.id for report in store.reports())


def run(url: str, *statements: str) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


def fault_of(url: str, folder: Path) -> str:
    """What the status says after a report could not be written; nothing of it is lost."""
    with PostgresStore(url, spool=folder) as store:
        store.save(now_report(1))
        assert not store.flush()
        status = store.status()
        assert status.dropped == 0
        assert "bytes of reports wait on the disk" in status.fault
        with pytest.raises(StoreError):
            store.find(Query())
        return status.fault


# The server comes and goes.


def test_a_server_that_is_away_loses_nothing(
    running: PostgresServer, store: PostgresStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.save(now_report(0))
    assert store.flush()
    running.stop()
    for number in range(1, 301):
        began = time.thread_time()
        store.save(now_report(number))
        assert time.thread_time() - began < 0.1
        if number % 100 == 0:
            assert not store.flush()

    assert "cannot be reached; is the server running?" in store.status().fault
    running.start()
    assert store.flush()

    assert ids(store) == list(range(301))
    assert store.status().fault == ""
    assert store.dropped == 0
    assert sum(row.reports for row in store.rollups()) == 301
    away = [line for line in warnings(caplog) if "cannot be reached" in line]
    assert len(away) <= 2  # the connection that breaks, and the one that is not made


def test_killed_while_workers_write(running: PostgresServer, store: PostgresStore) -> None:
    stop = threading.Event()
    saved: list[int] = []

    def work() -> None:
        while not stop.is_set():
            saved.append(len(saved))
            store.save(now_report(saved[-1]))
            if len(saved) % 20 == 0:
                store.flush()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        while len(saved) < 200:
            time.sleep(0.01)
        running.stop("immediate")
        number = len(saved)
        while len(saved) < number + 100:
            time.sleep(0.01)
    finally:
        stop.set()
        worker.join()
    running.start()
    assert store.flush()

    # Without fsync the server itself may lose what it has confirmed; here it does not.
    assert ids(store) == saved
    assert store.dropped == 0
    assert sum(row.reports for row in store.rollups()) == len(saved)


def test_a_connection_that_is_cut(store: PostgresStore, postgres_url: str) -> None:
    store.save(now_report(1))
    assert store.flush()
    assert ids(store) == [1]
    ours = "FROM pg_stat_activity WHERE application_name = 'pympler'"
    run(postgres_url, f"SELECT pg_terminate_backend(pid) {ours}")
    while run(postgres_url, f"SELECT pid {ours}"):
        time.sleep(0.01)
    store.save(now_report(2))
    store.flush()
    with pytest.raises(StoreError):
        store.reports()  # this one notices, the next has another connection

    assert store.flush()
    assert ids(store) == [1, 2]


def test_what_was_left_on_the_disk_is_written_by_the_next(
    running: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    running.stop()
    code = """
        import logging, sys
        from pathlib import Path
        from pympler.store.postgres import PostgresStore
        from tests.store.test_postgres import now_report
        logging.disable()
        store = PostgresStore(sys.argv[1], spool=Path(sys.argv[2]))
        for number in range(5):
            store.save(now_report(number))
    """
    run_alone(code, postgres_url, tmp_path)
    running.start()

    with PostgresStore(postgres_url, spool=tmp_path) as store:
        store.save(now_report(5))
        assert store.flush()
        assert ids(store) == list(range(6))


def test_a_report_that_comes_twice_counts_once(store: PostgresStore) -> None:
    report = now_report(1)
    for _ in range(3):
        store.save(report)
        store.flush()

    assert ids(store) == [1]
    assert [row.reports for row in store.rollups()] == [1]


def test_a_report_that_no_database_takes_stops_nobody(store: PostgresStore) -> None:
    for number in range(5):
        store.save(now_report(number, status=2**40 if number == 3 else 200))
    assert store.flush()

    assert ids(store) == [0, 1, 2, 4]
    assert store.dropped == 1
    assert sum(row.reports for row in store.rollups()) == 4


def test_what_looks_like_the_end_of_an_array(store: PostgresStore) -> None:
    odd = ['/"', "/\\", '/\\"', "/{a},{b}", "/NULL", "NULL", "/ ", "", "/'", "/\n", "/caf\u00e9"]
    for number, route in enumerate(odd):
        store.save(now_report(number, route=route))
    assert store.flush()

    assert sorted(report.route for report in store.reports()) == sorted(odd)
    assert sorted(row.route for row in store.rollups()) == sorted(odd)


# The schema.


def test_workers_that_start_at_once(postgres_url: str, tmp_path: Path) -> None:
    def work(pid: int) -> bool:
        with PostgresStore(postgres_url, spool=tmp_path / str(pid)) as store:
            for number in range(50):
                store.save(now_report(number, pid))
            store.save_summary(said_by(pid, taken_at=time.time()))
            return store.flush(30)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == [True] * 8

    with PostgresStore(postgres_url, spool=tmp_path) as store:
        assert len(store.reports()) == 400
        assert len(store.summaries()) == 8
        assert sum(row.reports for row in store.rollups()) == 400


def test_an_older_schema_is_brought_up_to_date(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PostgresStore(postgres_url, spool=tmp_path) as store:
        store.save(now_report(1))
        assert store.flush()
    later = ("ALTER TABLE pympler.report ADD COLUMN colour text NOT NULL DEFAULT 'red'",)
    monkeypatch.setattr(postgres_schema, "MIGRATIONS", (*postgres_schema.MIGRATIONS, later))

    with PostgresStore(postgres_url, spool=tmp_path) as store:
        assert ids(store) == [1]
    assert run(postgres_url, "SELECT colour FROM pympler.report") == [("red",)]
    assert run(postgres_url, "SELECT version FROM pympler.version") == [
        (len(postgres_schema.MIGRATIONS),)
    ]


def test_what_ended_workers_said_before_the_schema_changed_is_of_the_fleet(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(
        postgres_url,
        "CREATE SCHEMA pympler",
        "CREATE TABLE pympler.version (version integer NOT NULL)",
        "INSERT INTO pympler.version VALUES (1)",
        *postgres_schema.MIGRATIONS[0],
    )
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for pid, route in enumerate(("/cart", "/caf\0")):
            said = said_by(
                pid,
                routes=(a_route(route=route, suspects=(Suspect("shop.CACHE", "dict", 1.0, 9.0),)),),
                unattributed=(Suspect("shop.LOST", "list", 1.0, 9.0, "shop/cart.py:41"),),
                classes=(ClassTotal("shop.Cart", births=9, deaths=2, live_bytes=700),),
                notes=("gc is disabled",),
                overhead=0.02,
                taken_at=time.time(),
            )
            values = [said.worker, said.taken_at, rows.dump(said.to_dict())]
            connection.execute("INSERT INTO pympler.summary VALUES (%s, %s, %s)", values)

    with PostgresStore(postgres_url, spool=tmp_path) as store:
        assert len(store.summaries()) == 2
        (row,) = store.fleet_reader().fleet().routes  # the other one says it again, or has ended
        assert (row.route, row.verdict, row.requests) == ("/cart", "leak", 500)
        assert row.headline == "GET /cart/{id} leaks"
        reader = store.fleet_reader()
        heard = reader.heard()
        assert (heard.overhead, heard.notes, heard.unattributed) == (0.02, ("gc is disabled",), 1)
        cache, lost = sorted(reader.suspects(), key=lambda each: each.suspect.holder)
        assert (cache.route, cache.method, cache.suspect.holder) == ("/cart", "GET", "shop.CACHE")
        assert (lost.verdict, lost.suspect.stored_at) == ("leak", "shop/cart.py:41")
        (cart,) = reader.classes(0.0)
        assert (cart.name, cart.live, cart.live_bytes) == ("shop.Cart", 7, 700)


def test_a_newer_schema_is_refused(postgres_url: str, tmp_path: Path) -> None:
    with PostgresStore(postgres_url, spool=tmp_path) as store:
        store.save(now_report(1))
        assert store.flush()
    run(postgres_url, "UPDATE pympler.version SET version = 99")

    assert "was written by a newer version of pympler (schema 99" in fault_of(
        postgres_url, tmp_path
    )


def test_a_schema_of_something_else_stays_untouched(postgres_url: str, tmp_path: Path) -> None:
    run(
        postgres_url,
        "CREATE SCHEMA pympler",
        "CREATE TABLE pympler.report (mine text)",
        "CREATE TABLE public.report (mine text)",
    )

    assert "has a schema 'pympler' of something else" in fault_of(postgres_url, tmp_path)
    found = run(
        postgres_url, "SELECT count(*) FROM pg_class WHERE relname IN ('version', 'rollup')"
    )
    assert found == [(0,)]


def test_a_schema_that_is_dropped_while_running(store: PostgresStore, postgres_url: str) -> None:
    store.save(now_report(1))
    assert store.flush()
    run(postgres_url, "DROP SCHEMA pympler CASCADE")
    store.save(now_report(2))
    store.flush()

    assert store.flush()
    store.close()
    assert ids(store) == [2]


# Who may not.


def test_a_wrong_password(
    postgres: PostgresServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fault = fault_of(postgres.url(password="guessed"), tmp_path)

    assert f"postgresql://tests@127.0.0.1:{postgres.port}/postgres refuses this user or" in fault
    assert len(warnings(caplog)) == 1
    assert "guessed" not in fault + caplog.text


def test_a_database_that_is_not_there(postgres: PostgresServer, tmp_path: Path) -> None:
    assert "knows no such database or role" in fault_of(postgres.url("none"), tmp_path)


def test_a_role_without_rights(postgres: PostgresServer, postgres_url: str, tmp_path: Path) -> None:
    role = "guest" + postgres_url.rpartition("/")[2]
    run(postgres_url, f"CREATE ROLE {role} LOGIN PASSWORD 'guest'")
    url = postgres.url(postgres_url.rpartition("/")[2], role, "guest")

    assert "does not let this role do that; GRANT it CREATE on" in fault_of(url, tmp_path)


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "pympler.store.postgres")

    with pytest.raises(SettingsError, match=r"needs psycopg: pip install 'pympler\[postgres\]'"):
        LeakMonitor(Settings(store="postgresql://me:secret@db/shop"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql:shop", "two slashes are missing"),
        ("postgresql://db", "names no database"),
        ("postgresql://db:port/shop", "use 'postgresql://user:password@host:5432/database'"),
        ("postgresql://me:secret@db/shop?colour=red", "colour"),
    ],
)
def test_a_wrong_url(url: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as raised:
        open_store(url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (psycopg.errors.DiskFull("no space"), "has no disk left"),
        (psycopg.errors.ReadOnlySqlTransaction("read-only"), "it is a replica"),
        (psycopg.errors.LockNotAvailable("lock"), "is too slow or locked"),
        (psycopg.OperationalError("the database system is starting up"), "is starting up"),
        (psycopg.OperationalError("sorry, too many clients already"), "no connection left"),
        (psycopg.errors.SyntaxError("what?"), "cannot be used: what?"),
    ],
)
def test_what_is_said_of_a_fault(error: psycopg.Error, said: str) -> None:
    assert said in explain(error, "postgresql://db/shop")


# Time.


def test_days_that_are_too_old_go_and_their_sums_stay(postgres_url: str, tmp_path: Path) -> None:
    now = time.time()
    with PostgresStore(postgres_url, spool=tmp_path, max_age_s=7 * DAY) as store:
        for days in range(4):
            store.save(now_report(days, started_at=now - days * DAY))
            store.save_moment(a_moment(at=now - days * DAY, worker=f"web.{days}.1"))
        assert store.flush()
        store._clock = lambda: now + 5 * DAY
        store.trim()

        assert ids(store) == [0, 1, 2]
        assert len(store.moments()) == 3
        assert sum(row.reports for row in store.rollups()) == 4
    (tables,) = run(
        postgres_url,
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'pympler.report'::regclass",
    )
    assert tables == (3,)


def test_clocks_that_are_far_off(store: PostgresStore) -> None:
    for number, when in enumerate((0.0, -1e9, time.time() + 400 * DAY, 4e9)):
        store.save(now_report(number, started_at=when))
        assert store.flush()

    assert ids(store) == [0, 1, 2, 3]


# What visitors and readers of the pages notice.


def test_responses_are_as_before_whatever_the_server_does(
    running: PostgresServer, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    options: dict[str, Any] = {"sample_rate": 1.0, "max_overhead": 1.0, "store": postgres_url}
    app = MemoryMiddleware(answer, **options)

    def visit(number: int) -> None:
        for _ in range(number):
            served = serve(app, environ_of("/cart"))
            assert (served.starts, served.chunks) == ([("200 OK", ())], [b"cart"])
        app.monitor.summary()

    visit(20)
    assert app.monitor.store.flush(20)
    running.stop("immediate")
    visit(20)
    app.monitor.store.flush()
    for page in ("/", "/fleet", "/fleet/growth", "/requests"):
        response = look(app.monitor.store, page)
        assert response.status == 503
        assert b"cannot be reached; is the server running?" in response.body
        assert b"bytes of reports wait on the disk" in response.body
    running.start()
    visit(20)
    assert app.monitor.store.flush(20)
    assert look(app.monitor.store, "/fleet").status == 200
    assert b"The store has a fault" not in look(app.monitor.store, "/").body
    app.monitor.close()
    assert app.monitor.summary().requests == 60
    assert app.monitor.store.status().dropped == 0


def answer(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [])
    return [b"cart"]


def look(store: Any, path: str) -> PageResponse:
    request = PageRequest("GET", path, headers={"host": "localhost"}, peer="127.0.0.1")
    return Pages(lambda: store, Access(pages=True)).respond(request)


# Processes.

FORK = """
    import os, sys, warnings
    warnings.simplefilter("ignore", DeprecationWarning)  # the parent has threads
    from pathlib import Path
    from pympler.store.postgres import PostgresStore
    from tests.store.test_postgres import now_report, ids

    store = PostgresStore(sys.argv[1], spool=Path(sys.argv[2]))
    store.save(now_report(1))
    assert store.flush()
    store.save(now_report(2))
    if os.fork() == 0:
        store.save(now_report(3, 2))
        assert store.flush(20)
        sys.exit()
    assert os.wait()[1] == 0
    assert store.flush()
    print(ids(store))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_a_connection_of_its_own(postgres_url: str, tmp_path: Path) -> None:
    assert run_alone(FORK, postgres_url, tmp_path) == "[1, 2, 3]"


def test_a_monitor_and_the_command_line(
    postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from pympler.cli import main

    monitor = LeakMonitor(Settings(store=postgres_url, application="shop", release="1.3"))
    with monitor.request("job"):
        pass
    monitor.close()

    assert main(["report", "--store", postgres_url, "--release", "1.3"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("shop: ")
    assert "1.3 on " in out
    wrong = postgres_url.replace("open%20sesame", "guessed")
    assert main(["report", "--store", wrong, "--fail-on", "leak"]) == 2
    assert "refuses this user or password" in capsys.readouterr().err
