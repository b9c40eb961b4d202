"""A store with what three workers of a shop have reported, written out by hand."""

from __future__ import annotations

from dataclasses import replace

from pympler.leaks.report import (
    ClassTotal,
    ClassUse,
    LeakSummary,
    Place,
    RequestReport,
    RouteSummary,
    Suspect,
    TypeCount,
    worker_id,
)
from pympler.store import Job, Moment, Store
from tests.store.results_by_hand import (
    garbage_result,
    heap_result,
    process_result,
    snapshot_result,
)

__all__ = ["HOLDER", "NOW", "fill", "fill_all", "report", "summary"]

NOW = 1_790_000_000.0
HOLDER = "shop.cart._CACHE"
STARTED = NOW - 5400
ADDED = "shop/cart.py:38 in add"

SUSPECT = Suspect(
    HOLDER,
    "dict",
    1.0,
    4301.0,
    "shop/cart.py:41",
    "grew in each of 12 windows and by 431 entries in 431 requests since",
)
LEAKING = RouteSummary(
    "/cart/{id}",
    "GET",
    "leak",
    "GET /cart/{id} leaks 4.2 KB and 3 objects per request, held by shop.cart._CACHE "
    "(dict, +1 entry per request), stored at shop/cart.py:41",
    *(4310, 431, 402, 3.0, 4301.0),
    (TypeCount("dict", 431, 100_000), TypeCount("shop.models.Item", 862, 55_000)),
    (SUSPECT,),
)
CLEAN = RouteSummary(
    "/products/{id}", "GET", "clean", "GET /products/{id} leaves nothing", 9120, 912, 880, 0, 0
)
BOUNDED = RouteSummary(
    "/search",
    "GET",
    "bounded",
    "GET /search fills shop.search.results (lru_cache), which holds at most 128 entries",
    *(2011, 201, 190, 0.2, 310.0),
    (),
    (Suspect("shop.search.results", "lru_cache", 0.2, 310.0, None, "declared", 128),),
)
CYCLIC = RouteSummary(
    "/report",
    "POST",
    "cyclic-garbage",
    "POST /report leaves 12 objects per request in reference cycles until the collector runs",
    *(310, 31, 31, 12.0, 2100.0),
)
UNKNOWN = RouteSummary(
    "/checkout", "POST", None, "POST /checkout has no verdict yet", 41, 4, 4, 0.5, 120
)

ITEMS = ClassTotal(
    "shop.models.Item",
    births=9211,
    deaths=8457,
    live_bytes=42_224,
    routes=(Place("GET /cart/{id}", 740), Place("requests in flight", 14)),
    sites=(Place(ADDED, 754),),
)
CARTS = ClassTotal("shop.models.Cart", births=611, deaths=599, live_bytes=5_760)


def summary(pid: int = 4711, *, host: str = "web-1", now: float = NOW) -> LeakSummary:
    return LeakSummary(
        application="shop",
        release="2026.11",
        pid=pid,
        started_at=STARTED,
        requests=15792,
        windows=1579,
        sample_rate=0.1,
        max_overhead=0.01,
        overhead=0.0031,
        verdict="leak",
        routes=(LEAKING, CLEAN, BOUNDED, CYCLIC, UNKNOWN),
        host=host,
        taken_at=now - 2,
        classes=(ITEMS, CARTS),
    )


def report(number: int = 1, pid: int = 4711, **more: object) -> RequestReport:
    base = RequestReport(
        id=number,
        application="shop",
        release="2026.11",
        pid=pid,
        route="/cart/{id}",
        method="GET",
        status=200,
        error=None,
        started_at=NOW - number,
        duration_s=0.0123,
        attribution="exact",
        in_flight=1,
        survivors=(TypeCount("shop.models.Item", 2, 112), TypeCount("dict", 1, 232)),
        rechecked="collected",
        unfollowed=0,
        own_cost_s=0.000084,
        classes=(
            ClassUse(
                "shop.models.Item", 3, 1, 754, 112, sites=(Place("shop/cart.py:38 in add", 2),)
            ),
        ),
        host="web-1",
        worker_started_at=STARTED,
    )
    return replace(base, **more)  # type: ignore[arg-type]


def fill(store: Store, now: float = NOW) -> str:
    """One worker with its summary and two requests; returns the worker."""
    store.save_summary(summary(now=now))
    store.save(report(1))
    store.save(report(2, route="/products/{id}", survivors=()))
    store.flush()
    return worker_id("web-1", 4711, STARTED)


def fill_all(store: Store, now: float = NOW, workers: int = 3) -> str:
    """All that the pages can show; returns the first worker."""
    pids = range(4711, 4711 + workers)
    ids = [worker_id("web-1", pid, STARTED) for pid in pids]
    for place, pid in reversed(list(enumerate(pids))):
        more = place * 119  # as many as the last reading says
        items = replace(
            ITEMS,
            births=ITEMS.births + more,
            routes=(Place("GET /cart/{id}", 740 + more), *ITEMS.routes[1:]),
            sites=(Place(ADDED, 754 + more),),
        )
        store.save_summary(replace(summary(pid, now=now), classes=(items, CARTS)))
    routes = ["/cart/{id}", "/products/{id}", "/search", "/checkout", "/report"]
    for number in range(1, 121):
        pid = pids[number % workers]
        left = () if number % 5 in (1, 3) else report().survivors
        how = {0: ("exact", 1), 1: ("exact", 1), 2: ("shared", 3)}[number % 3]
        store.save(
            report(
                number,
                pid,
                route=routes[number % 5],
                method="POST" if number % 5 > 2 else "GET",
                started_at=now - number * 7,
                status=500 if number % 17 == 0 else 404 if number % 13 == 0 else 200,
                survivors=left,
                attribution=how[0],
                in_flight=how[1],
                duration_s=0.004 + (number * 37 % 60) / 1000,
                own_cost_s=0.00004 + (number % 9) * 0.00001,
            )
        )
    for step in range(120):
        at = now - (120 - step) * 10
        for place, worker in enumerate(ids):
            grown = step * (40_000 + 9_000 * place)
            store.save_moment(
                Moment(
                    at,
                    worker,
                    requests=step * 12,
                    rss_bytes=88_000_000 + place * 4_000_000 + grown,
                    uss_bytes=61_000_000 + place * 3_000_000 + grown,
                    blocks=400_000 + step * 90,
                    lengths={HOLDER: step * (3 + place), "shop.search.results": min(step * 4, 128)},
                    tracked={
                        "shop.models.Item": (live := 40 + step * (6 + place), live * 56),
                        "shop.models.Cart": (12 + step % 7, (12 + step % 7) * 480),
                    },
                )
            )
    for job in jobs(ids[0], now):
        store.add_job(job)
        store.update_job(job)
    store.flush()
    return ids[0]


def jobs(worker: str, now: float) -> list[Job]:
    first = heap_result(now - 600, 1.0)
    second = heap_result(now - 60, 1.08)
    around = snapshot_result(now - 15, report(3, 4711).key)
    return [
        done("heap1", "heap", worker, now - 600, first.to_dict(), 0.41),
        done("heap2", "heap", worker, now - 60, second.to_dict(), 0.44),
        done("garbage1", "garbage", worker, now - 30, garbage_result(now - 30).to_dict(), 0.08),
        done("process1", "process", worker, now - 20, process_result(now - 20).to_dict(), 0.004),
        replace(
            done("snapshot1", "snapshot", worker, now - 15, around.to_dict(), 0.9),
            arguments={"route": "/cart/{id}", "method": "GET"},
        ),
    ]


def done(id: str, kind: str, worker: str, at: float, result: object, pause_s: float) -> Job:
    return Job(
        id=id,
        kind=kind,
        worker=worker,
        created_at=at - 1,
        state="done",
        progress=1.0,
        pause_s=pause_s,
        finished_at=at,
        result=result,
    )
