"""Pages of an application of a thousand workers in PostgreSQL, with an hour of readings."""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import mean, median
from typing import Any

from fleet_soak import server_cpu_s
from fleet_values import WORKERS, Span, moment, summary
from results import FOLDER, arguments, environment, in_child, run_child, table, verdict
from results import write_section as write

sys.path.insert(0, str(FOLDER.parent))

SCRIPT = "fleet_pages.py"
HOUR_S, TIMES, TARGET_S = 3600.0, 7, 0.2
PATHS = {
    "overview": ("/", {}),
    "leaks": ("/leaks", {}),
    "classes": ("/classes", {}),
    "one class": ("/classes", {"name": "shop.models.Item"}),
    "requests": ("/requests", {}),
}


def measure(workers: int) -> Any:
    """Let workers say what they have seen in an hour, then ask for each page again and again."""
    from pympler.render.pages import Access, PageRequest, Pages
    from pympler.store.postgres import PostgresStore
    from tests.store.postgres_server import PostgresServer

    server = PostgresServer()
    try:
        with (
            tempfile.TemporaryDirectory() as spool,
            PostgresStore(server.url(), spool=Path(spool)) as store,
        ):
            _fill(store, workers)
            store._run("ANALYZE")
            pages = Pages(lambda: store, Access(pages=True))
            return {
                name: _time(
                    server,
                    pages,
                    PageRequest(
                        "GET", path, dict(query), headers={"host": "localhost"}, peer="127.0.0.1"
                    ),
                )
                for name, (path, query) in PATHS.items()
            }
    finally:
        server.remove()


def _fill(store: Any, workers: int) -> None:
    from pympler.leaks.report import ClassTotal, Place

    now = time.time()
    span = Span(now - HOUR_S * 8, now)  # recycled four times: the last life is two hours
    places = tuple(Place(f"/shop/{number}/items/{{number}}", 40 - number) for number in range(20))
    for worker in range(workers):
        said = summary(worker, now, span)
        made = said.requests
        classes = tuple(
            ClassTotal(f"shop.models.{name}", made, made - 400, 90_000, places, places)
            for name in ("Cart", "Item", "Order")
        )
        store.save_summary(replace(said, classes=classes, notes=("gc is disabled",)))
        for minute in range(60):
            read = moment(worker, now - HOUR_S + 60 * minute + worker % 60, span)
            tracked = {each.name: (300 + minute, 80_000 + minute) for each in classes}
            store.save_moment(replace(read, tracked=tracked))
        if worker % 10 == 9 or worker == workers - 1:  # no faster than its queue takes them
            while not store.flush(60):
                time.sleep(0.1)


def _time(server: Any, pages: Any, request: Any) -> dict[str, float]:
    taken, worked = [], []
    body = pages.respond(request).body  # compiles the templates
    before_s = server_cpu_s(server)
    for _ in range(TIMES):
        started, cpu_s = time.perf_counter(), time.thread_time()
        response = pages.respond(request)
        worked.append(time.thread_time() - cpu_s)
        taken.append(time.perf_counter() - started)
        assert response.status == 200, (request.path, response.body[-2000:])
    return {
        "clock": median(taken),
        "page": mean(worked),
        "server": (server_cpu_s(server) - before_s) / TIMES,
        "bytes": len(body),
    }


def main() -> None:
    args = arguments(__doc__)
    workers = 50 if args.quick else WORKERS
    found = run_child(SCRIPT, timeout_s=900, workers=workers)
    rows = [
        [
            name,
            f"{page['page'] * 1e3:.0f} ms",
            f"{page['server'] * 1e3:.0f} ms",
            f"{page['clock'] * 1e3:.0f} ms",
            f"{page['bytes'] / 1024:.0f} KB",
            verdict(page["page"] + page["server"] < TARGET_S),
        ]
        for name, page in found.items()
    ]
    print(*(" | ".join(row) for row in rows), sep="\n")
    body = "\n\n".join(
        [
            environment(["jinja2", "psycopg"], args.date, SCRIPT),
            f"{workers:,} workers with 20 routes and three tracked classes each, and an hour of "
            f"readings of each minute ({workers * 60:,}). Mean CPU time of the thread that draws a "
            f"page and of the server that answers it, {TIMES} times, and the median by the clock, "
            "on a machine that did other work as well. "
            f"Target: CPU time of both under {TARGET_S * 1e3:.0f} ms.",
            table(["page", "CPU, page", "CPU, server", "clock", "size", "target"], rows),
        ]
    )
    if not args.quick:
        write("Pages of a large fleet", body)


if __name__ == "__main__" and not in_child(measure):
    main()
