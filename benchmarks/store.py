"""What the store costs a request, and how long a page waits for what it asks."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from results import arguments, environment, in_child, run_child, table, verdict, write_section

from pympler.leaks.report import RequestReport, TypeCount
from pympler.leaks.settings import DUTY_CYCLE
from pympler.store import Job, Query
from pympler.store.sqlite import SqliteStore

SCRIPT = "store.py"
SHARE_US, PAGE_MS = 20.0, 50.0
ROUTES, WORKERS = 40, 8
Figures = dict[str, float]


def a_report(number: int, started_at: float) -> RequestReport:
    """A report as an application makes it: eight types left behind."""
    left = tuple(TypeCount(f"shop.models.Kind{kind}", kind + 1, 400 * kind) for kind in range(8))
    return RequestReport(
        id=number,
        application="shop",
        release="1.2",
        pid=4000 + number % WORKERS,
        route=f"/shop/{number % ROUTES}/items/{{number}}",
        method="POST" if number % 5 == 0 else "GET",
        status=500 if number % 50 == 0 else 200,
        error=None,
        started_at=started_at,
        duration_s=(number * 7919 % 1000) / 1e4,
        attribution="exact",
        in_flight=1,
        survivors=left[: number % 9],
        rechecked="collected",
        unfollowed=0,
        own_cost_s=0.0002,
        host="web-1",
        worker_started_at=1_764_000_000.0,
    )


def measure(reports: int) -> Figures:
    """Write and read so many reports; times in microseconds and milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "store.db", keep=reports)
        try:
            return {**_writing(store, reports), **_reading(store, reports)}
        finally:
            store.close()


def _writing(store: SqliteStore, reports: int) -> Figures:
    """CPU time by report: of the request that puts it, and of the thread that writes it."""
    began = time.time() - reports
    puts: list[int] = []
    write_s = 0.0
    for first in range(0, reports, 100):
        batch = [a_report(number, began + number) for number in range(first, first + 100)]
        for report in batch:
            at = time.thread_time_ns()
            store.save(report)
            puts.append(time.thread_time_ns() - at)
        # In this thread, where its time can be told from others; the thread sleeps meanwhile.
        cpu_s = time.process_time()
        store.flush(60)
        write_s += time.process_time() - cpu_s
    return {"put": median(puts) / 1e3, "write": write_s / reports * 1e6}


def _reading(store: SqliteStore, reports: int) -> Figures:
    route = "/shop/7/items/{number}"
    asked: dict[str, Callable[[], Any]] = {
        "newest": lambda: store.find(Query()),
        "last page": lambda: store.find(Query(offset=reports - 50)),
        "of a route": lambda: store.find(Query(route=route)),
        "of a route, by bytes": lambda: store.find(Query(route=route, sort="bytes")),
        "of a status class": lambda: store.find(Query(status_class=5)),
        "by bytes": lambda: store.find(Query(sort="bytes")),
        "by duration, page 20": lambda: store.find(Query(sort="duration", offset=1000)),
        "one report": lambda: store.report(a_report(7, 0.0).key),
        "status": store.status,
        "roll-ups": lambda: store.rollups(time.time() - 86400),
    }
    figures = {name: _fastest_ms(ask) for name, ask in asked.items()}
    store.add_job(Job("1f", "heap", "nobody", time.time()))
    store.take_job("web-1.1.1")
    return {**figures, "poll": _fastest_ms(lambda: store.take_job("web-1.1.1"), 200) * 1e3}


def _fastest_ms(ask: Callable[[], Any], times: int = 7) -> float:
    taken = []
    for _ in range(times):
        at = time.thread_time()
        ask()
        taken.append((time.thread_time() - at) * 1e3)
    return median(taken)


def main() -> None:
    args = arguments(__doc__)
    reports, repeats = (5_000, 1) if args.quick else (100_000, 3)
    runs = [run_child(SCRIPT, reports=reports) for _ in range(repeats)]
    found = {name: median(run[name] for run in runs) for name in runs[0]}
    body = _section(found, environment((), args.date, SCRIPT), reports, repeats)
    print(body)
    if not args.quick:
        write_section("Store", body)


def _section(found: Figures, made_by: str, reports: int, repeats: int) -> str:
    costs = [
        ["a report put into the queue, in the request", found["put"]],
        ["the same report written, in the writer's thread", found["write"]],
        ["looking for a job, once a second in an idle worker", found["poll"]],
    ]
    pages = [[name, value] for name, value in found.items() if name not in ("put", "write", "poll")]
    share = found["put"] + found["write"]
    slowest = max(value for _, value in pages)
    return "\n\n".join(
        [
            made_by,
            f"A SQLite store with {reports:,} reports of {ROUTES} routes and {WORKERS} workers, "
            f"each with up to eight types; CPU time, medians of {repeats} processes.",
            table(["cost", "us"], costs),
            table(["what a page asks", "ms"], pages),
            f"- the writer's share of a request at most {SHARE_US:.0f} us: {share:.1f} of a "
            "watched one; at the default `sample_rate` a tenth of them is watched: "
            f"{share * DUTY_CYCLE:.1f} us per request, {verdict(share * DUTY_CYCLE <= SHARE_US)}\n"
            f"- what a page asks at most {PAGE_MS:.0f} ms: at most {slowest:.1f}, "
            f"{verdict(slowest <= PAGE_MS)}",
        ]
    )


if __name__ == "__main__" and not in_child(measure):
    main()
