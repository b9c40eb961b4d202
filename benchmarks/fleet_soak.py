"""The long run of a fleet, by hand: a day of a thousand workers into one PostgreSQL server.

A few processes write what a thousand simulated workers on fifty hosts say in 24 hours, as fast as
the server takes it: reports, a reading of memory a minute, and the summary of each worker every
five seconds of real time. Then everything is counted, each page of the fleet is timed, and the
clock moves on until retention has dropped it all.

``--quick`` is a short run, to try it; ``--max-seconds`` bounds the writing of the long one, and
copies made in the server fill it up to its five million reports.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

from fleet_values import DAY_S, EVERY_S, RELEASES, WORKERS, Span, route_name, summary, told_by
from results import environment, in_child, run_child, table, verdict, write_section

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pympler.leaks.report import RequestReport
from pympler.render.pages import Access, PageRequest, Pages
from pympler.store.postgres import PostgresStore
from tests.store.postgres_server import PostgresServer

SCRIPT = "fleet_soak.py"
PER_S, PAGE_MS = 5_000, 200.0
SAYS_EVERY_S = 5.0
CONFIGURATION = """
fsync = on
shared_buffers = 512MB
max_wal_size = 4GB
"""
_UNITS = ("ms", "CPU ms")
Figures = dict[str, Any]
Times = tuple[float, float]


def measure(
    url: str,
    spool: str,
    workers: tuple[int, int],
    batch: int,
    span: tuple[float, float],
    most_s: float,
    says: bool = True,
) -> Figures:
    """Write what some workers say; one call is one process with one connection."""
    mine, simulated = range(*workers), Span(*span)
    with PostgresStore(url, spool=Path(spool)) as store:
        store.status()  # connects
        started, cpu_s = time.perf_counter(), time.process_time()
        saved = moments = said = waiting = 0
        at = simulated.began
        for at, item in told_by(mine, simulated):
            if isinstance(item, RequestReport):
                store.save(item)
                saved += 1
            else:
                store.save_moment(item)
                moments += 1
            waiting += 1
            if waiting < batch:
                continue
            waiting = 0
            passed_s = time.perf_counter() - started
            while says and said < passed_s / SAYS_EVERY_S * len(mine):
                store.save_summary(summary(mine[said % len(mine)], at, simulated))
                said += 1
            while not store.flush(60):
                time.sleep(0.1)
            if passed_s > most_s:
                break
        for worker in mine if says else ():  # the last that each of them says
            store.save_summary(summary(worker, at, simulated))
        assert store.flush(60)
        return {
            "saved": saved,
            "moments": moments,
            "summaries": said + len(mine),
            "simulated_s": at - simulated.began,
            "dropped": store.dropped,
            "seconds": time.perf_counter() - started,
            "cpu_s": time.process_time() - cpu_s,
        }


def write(server: PostgresServer, database: str, writers: int, **how: Any) -> Figures:
    """The same by several processes at once, each with a share of the workers."""
    share = WORKERS // writers
    with tempfile.TemporaryDirectory() as spool, ThreadPoolExecutor(writers) as pool:
        before_s = server_cpu_s(server)
        started = time.perf_counter()
        parts = pool.map(
            lambda number: run_child(
                SCRIPT,
                timeout_s=how["most_s"] + 300,
                url=server.url(database),
                spool=spool,
                workers=(number * share, (number + 1) * share),
                **how,
            ),
            range(writers),
        )
        found: Figures = {"parts": list(parts)}
        found["wall_s"] = time.perf_counter() - started
    for name in ("saved", "moments", "summaries", "dropped", "cpu_s"):
        found[name] = sum(part[name] for part in found["parts"])
    found["seconds"] = max(part["seconds"] for part in found["parts"])
    found["simulated_s"] = min(part["simulated_s"] for part in found["parts"])
    found["per_s"] = found["saved"] / found["seconds"]
    found["server_s"] = server_cpu_s(server) - before_s
    return found


def server_cpu_s(server: PostgresServer) -> float:
    """CPU seconds of the server's processes so far, those that have ended included."""
    ticks = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parent, own = int(fields[1]), sum(map(int, fields[11:13]))
            if int(folder.name) == server.pid:
                ticks += own + sum(map(int, fields[13:15]))
            elif parent == server.pid:
                ticks += own
        except OSError:
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


def slopes(server: PostgresServer, seconds: float) -> list[list[object]]:
    """What a report costs by the number of writers, and by how many come in a transaction."""
    found = []
    for writers, batch in ((1, 200), (2, 200), (4, 200), (4, 25), (4, 5)):
        database = server.create(f"slope{writers}_{batch}")
        how = {"batch": batch, "span": until_now(DAY_S), "most_s": seconds, "says": False}
        got = write(server, database, writers, **how)
        per_report = [1e6 * got[name] / got["saved"] for name in ("cpu_s", "server_s")]
        found.append([f"{writers} at once, {batch} in a transaction", got["per_s"], *per_report])
        server.drop(database)
    return found


def until_now(seconds: float) -> tuple[float, float]:
    """The time that is simulated."""
    now = time.time()
    return now - seconds, now


def fill(store: PostgresStore, wanted: int) -> int:
    """Copy what was written until there are so many reports; those are of no worker that wrote."""
    ((there,),) = store._run("SELECT count(*) FROM pympler.report")
    missing = max(wanted - there, 0)
    connection = store._reader()
    connection.execute("SET statement_timeout = 0")
    for number in range(-(-missing // there) if there else 0):
        connection.execute(
            "INSERT INTO pympler.report SELECT day, 'copy' || %s || '.' || key, started_at, route, "
            "method, status, worker, release, host, bytes, objects, duration, cost, data "
            "FROM pympler.report WHERE key NOT LIKE 'copy%%' LIMIT %s",
            [number, min(missing, there)],
        )
        missing -= min(missing, there)
    return max(wanted - there, 0)


def older_rollups(store: PostgresStore, days: int) -> None:
    """The roll-ups of the weeks before, of which the reports have long gone."""
    store._run(
        "INSERT INTO pympler.rollup SELECT hour - d * 86400, route, method, release, host, "
        "reports, errors, bytes, objects, duration FROM pympler.rollup, generate_series(2, %s) d "
        "WHERE hour >= %s ON CONFLICT DO NOTHING",
        [days, time.time() - DAY_S],
    )


def page_times(server: PostgresServer, store: PostgresStore, times: int) -> dict[str, Times]:
    """Milliseconds until each page is there, by the clock and of CPU time."""
    worker = store.fleet_reader().fleet().workers[0].worker
    query = {"route": route_name(1), "method": "GET"}
    asked: dict[str, tuple[str, dict[str, str]]] = {
        "overview, 24 hours": ("/fleet", {}),
        "overview, 30 days": ("/fleet", {"period": "30d"}),
        "overview of a release": ("/fleet", {"release": RELEASES[-1]}),
        "growth of a route, 30 days": ("/fleet/growth", query),
        "growth of a route, a year": ("/fleet/growth", {**query, "days": "365"}),
        "new since a release": ("/fleet/new", {"release": RELEASES[-1]}),
        "worst workers": ("/fleet/workers", {"period": "30d"}),
        "life of a worker": (f"/fleet/workers/{worker}", {}),
    }
    pages = Pages(lambda: store, Access(pages=True))

    def show(path: str, fields: dict[str, str]) -> float:
        request = PageRequest(
            "GET", path, fields, {}, {"host": "localhost"}, prefix="", peer="127.0.0.1"
        )
        at = time.perf_counter()
        response = pages.respond(request)
        assert response.status == 200, response.body[:500]
        return (time.perf_counter() - at) * 1e3

    found = {}
    for name, what in asked.items():
        show(*what)
        before_s = server_cpu_s(server) + time.process_time()
        clock = median(show(*what) for _ in range(times))
        cpu_s = server_cpu_s(server) + time.process_time() - before_s
        found[name] = (clock, cpu_s / times * 1e3)
    return found


def size(store: PostgresStore, like: str = "%") -> int:
    """Bytes on disk of our tables with their indexes."""
    ((found,),) = store._run(
        "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'pympler' AND c.relkind = 'r' AND c.relname LIKE %s",
        [like],
    )
    return int(found)


def retention(store: PostgresStore) -> list[list[object]]:
    """The disk as days pass and writers tidy up."""
    now, found = store._clock(), [["today", size(store) / 2**20, 0.0]]
    for days in (29, 30, 31):
        store._clock = lambda days=days: now + days * DAY_S
        at = time.perf_counter()
        store.trim()
        took_s = time.perf_counter() - at
        found.append([f"{days} days later", size(store) / 2**20, took_s * 1e3])
    store._clock = lambda: now
    return found


def run(args: argparse.Namespace) -> None:
    wanted = 50_000 if args.quick else args.reports
    server = PostgresServer(CONFIGURATION)
    try:
        by_writers = slopes(server, 1.0 if args.quick else args.slope_seconds)
        database = server.create("fleet")
        span = until_now(wanted / WORKERS * EVERY_S)
        day = write(server, database, args.writers, batch=200, span=span, most_s=args.max_seconds)
        with tempfile.TemporaryDirectory() as spool:
            store = PostgresStore(server.url(database), spool=Path(spool))
            counts = {
                name: store._run(f"SELECT {what} FROM pympler.{name}")[0][0]
                for name, what in (
                    ("report", "count(*)"),
                    ("rollup", "sum(reports)::bigint"),
                    ("moment", "count(*)"),
                    ("summary", "count(*)"),
                )
            }
            at_first = page_times(server, store, 9)
            copied = fill(store, wanted)
            older_rollups(store, 30)
            ((rollups,),) = store._run("SELECT count(*) FROM pympler.rollup")
            at_last = page_times(server, store, 9)
            disk = {name: size(store, f"{name}%") for name in ("report", "moment", "rollup")}
            kept = retention(store)
            store.close()
    finally:
        server.remove()
    body = _section(args, day, counts, copied, rollups, (at_first, at_last), by_writers, disk, kept)
    print(body)
    if not args.quick:
        write_section("Fleet", body)


def _section(
    args: argparse.Namespace,
    day: Figures,
    counts: Figures,
    copied: int,
    rollups: int,
    pages: tuple[dict[str, Times], dict[str, Times]],
    by_writers: list[list[object]],
    disk: dict[str, int],
    kept: list[list[object]],
) -> str:
    reports = day["saved"] + copied
    lost = day["saved"] - counts["report"]
    slowest = max(clock for clock, _ in pages[1].values())
    per_report, per_moment = disk["report"] / reports, disk["moment"] / max(counts["moment"], 1)
    left = kept[-1][1]
    assert isinstance(left, float)
    targets: list[tuple[str, str, bool]] = [
        (f"at least {PER_S:,} reports per second", f"{day['per_s']:,.0f}", day["per_s"] >= PER_S),
        (
            "nothing lost: saved, kept and added up in roll-ups",
            f"{day['saved']:,}, {counts['report']:,}, {counts['rollup']:,}",
            lost == 0 and counts["rollup"] == day["saved"] and day["dropped"] == 0,
        ),
        (f"each page of the fleet under {PAGE_MS:.0f} ms", f"{slowest:.0f}", slowest < PAGE_MS),
        ("the disk is bounded: MB left of a day", f"{left:,.0f} of {kept[0][1]:,.0f}", left < 100),
    ]
    numbers = (day["saved"], reports)
    rows = [[name, *pages[0][name], *pages[1][name]] for name in pages[1]]
    return "\n\n".join(
        [
            environment((), args.date, SCRIPT),
            f"{WORKERS:,} simulated workers on 50 hosts, recycled three times, write "
            f"{day['simulated_s'] / 3600:.1f} hours compressed into {day['seconds']:.0f} s "
            f"through {args.writers} processes: {day['saved']:,} reports, "
            f"{day['moments']:,} readings of memory and {day['summaries']:,} summaries of 20 "
            f"routes each. The server is on the same machine of {os.cpu_count()} cores, with "
            "fsync; the machine was shared with other work meanwhile, so that CPU time tells more "
            "than the clock. CPU time of all that a report brought with it: "
            f"{1e6 * day['cpu_s'] / day['saved']:.0f} us in the writers, "
            f"{1e6 * day['server_s'] / day['saved']:.0f} us in the server.",
            f"Slopes, {args.slope_seconds:.0f} s each:",
            table(["writers", "reports/s", "us in the writer", "us in the server"], by_writers),
            f"Pages, median of nine by the clock and mean CPU time (of the page and of the "
            f"server), after the run ({day['saved']:,} reports) and with {reports:,} reports "
            f"({copied:,} of them copied in the server) and {rollups:,} roll-ups of 30 days:",
            table(["page", *(f"{n:,}, {unit}" for n in numbers for unit in _UNITS)], rows),
            f"Disk: {per_report:,.0f} bytes for a report with its indexes, {per_moment:,.0f} for a "
            f"reading, {disk['rollup'] / max(rollups, 1):,.0f} for a roll-up. As days pass:",
            table(["", "MB", "ms to tidy up"], kept),
            "\n".join(f"- {what}: {got}, {verdict(held)}" for what, got, held in targets),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="date to write")
    parser.add_argument("--quick", action="store_true", help="a short run; writes no results")
    parser.add_argument("--reports", type=int, default=5_000_000)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--max-seconds", type=float, default=900.0, dest="max_seconds")
    parser.add_argument("--slope-seconds", type=float, default=15.0, dest="slope_seconds")
    run(parser.parse_args())


if __name__ == "__main__" and not in_child(measure):
    main()
