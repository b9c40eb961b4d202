"""The server's time for each page, from a SQLite store with 100,000 reports of four workers."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from results import FOLDER, arguments, environment, in_child, run_child, table, verdict
from results import write_section as write

sys.path.insert(0, str(FOLDER.parent))

SCRIPT = "pages.py"
REPORTS, WORKERS, TIMES = 100_000, 4, 40
TARGET_S = 0.05
PATHS = {
    "overview": ("/", {}),
    "requests": ("/requests", {}),
    "requests of a route": ("/requests", {"route": "/cart/{id}", "method": "GET"}),
    "requests with status 5xx, most bytes first": ("/requests", {"status": "5", "sort": "bytes"}),
    "requests, longest first": ("/requests", {"sort": "duration"}),
    "requests, page 1,900": ("/requests", {"page": "1900"}),
    "one request": ("/requests/{key}", {}),
    "leaks": ("/leaks", {}),
    "classes": ("/classes", {}),
    "one class": ("/classes", {"name": "shop.models.Item"}),
    "heap": ("/heap", {}),
    "one heap snapshot": ("/heap/heap2", {}),
    "two compared": ("/heap/compare", {"old": "heap1", "new": "heap2"}),
    "garbage": ("/garbage", {}),
    "process": ("/process", {}),
}


def measure(reports: int) -> Any:
    """Fill a store, then ask for each page again and again."""
    from pympler.render.pages import Access, PageRequest, Pages
    from pympler.store.sqlite import SqliteStore
    from tests.render.pages.values import fill_all

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shop.db"
        with SqliteStore(path, keep=reports) as store:
            _fill(store, reports)
            fill_all(store, time.time(), workers=WORKERS)
            store.flush(60)
        with SqliteStore(path, keep=reports) as store:
            kept = store.status().reports
            pages = Pages(lambda: store, Access(pages=True))
            key = _a_key(store, reports // 2)
            found = {}
            for name, (address, query) in PATHS.items():
                request = PageRequest(
                    "GET",
                    address.format(key=key),
                    dict(query),
                    headers={"host": "localhost"},
                    peer="127.0.0.1",
                )
                found[name] = _time(pages, request)
    return {"kept": kept, "pages": found}


def _fill(store: Any, reports: int) -> None:
    from tests.render.pages.values import report

    now = time.time()
    routes = [f"/route/{number}" for number in range(60)] + ["/cart/{id}"]
    for number in range(reports):
        store.save(
            report(
                1000 + number,
                4711 + number % WORKERS,
                route=routes[number % len(routes)],
                started_at=now - (reports - number) * 0.5,
                status=500 if number % 50 == 0 else 200,
                duration_s=(number * 7919 % 1000) / 1000,
            )
        )
        if number % 500 == 499:  # no faster than its queue takes them
            store.flush(60)


def _a_key(store: Any, place: int) -> str:
    from pympler.store import Query

    return str(store.find(Query(limit=1, offset=place)).reports[0].key)


def _time(pages: Any, request: Any) -> dict[str, float]:
    taken, worked = [], []
    for _ in range(TIMES):
        started, cpu_s = time.perf_counter(), time.thread_time()
        response = pages.respond(request)
        worked.append(time.thread_time() - cpu_s)
        taken.append(time.perf_counter() - started)
        assert response.status == 200, (request.path, response.body[-2000:])
    return {
        "first": taken[0],
        "median": statistics.median(taken[1:]),
        "cpu": statistics.median(worked[1:]),
        "worst": max(worked[1:]),
        "bytes": len(response.body),
    }


def main() -> None:
    args = arguments(__doc__)
    reports = 2_000 if args.quick else REPORTS
    found = run_child(SCRIPT, timeout_s=900, reports=reports)
    rows = [
        [
            name,
            f"{page['cpu'] * 1e3:.1f} ms",
            f"{page['worst'] * 1e3:.1f} ms",
            f"{page['median'] * 1e3:.1f} ms",
            f"{page['first'] * 1e3:.1f} ms",
            f"{page['bytes'] / 1024:.0f} KB",
            verdict(page["cpu"] < TARGET_S),
        ]
        for name, page in found["pages"].items()
    ]
    print(*(" | ".join(row) for row in rows), sep="\n")
    body = "\n\n".join(
        [
            environment(["jinja2"], args.date, SCRIPT),
            f"{found['kept']:,} reports of {WORKERS} workers in one SQLite file, 480 readings, two "
            f"heap snapshots. From the request to the complete response, {TIMES} times: CPU time "
            "of the thread, its median and the worst; the median by the clock, on a machine that "
            "did other work as well; by the clock the first time, when templates are compiled. "
            f"Target: a median of CPU time under {TARGET_S * 1e3:.0f} ms.",
            table(["page", "CPU", "worst", "clock", "first", "size", "target"], rows),
        ]
    )
    if not args.quick:
        write("Pages", body)


if __name__ == "__main__" and not in_child(measure):
    main()
