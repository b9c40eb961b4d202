"""A store with what three workers of a shop have reported, written out by hand."""

from __future__ import annotations

from dataclasses import replace

from pympler.leaks.report import (
    LeakSummary,
    RequestReport,
    RouteSummary,
    Suspect,
    TypeCount,
    worker_id,
)
from pympler.store import Job, Moment, Store
from pympler.store.results import (
    Cycle,
    CycleEdge,
    CycleNode,
    Figure,
    GarbageResult,
    Generation,
    HeapResult,
    ProcessResult,
    Retainer,
    SnapshotResult,
    ThreadStack,
    TypeChange,
)

__all__ = ["HOLDER", "NOW", "fill", "fill_all", "report", "summary"]

NOW = 1_790_000_000.0
HOLDER = "shop.cart._CACHE"
STARTED = NOW - 5400

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
    for pid in reversed(pids):
        store.save_summary(summary(pid, now=now))
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
                        "shop.models.Item": (40 + step * (6 + place), (40 + step * 6) * 56),
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
    return [
        done("heap1", "heap", worker, now - 600, first.to_dict(), 0.41),
        done("heap2", "heap", worker, now - 60, second.to_dict(), 0.44),
        done("garbage1", "garbage", worker, now - 30, garbage_result(now - 30).to_dict(), 0.08),
        done("process1", "process", worker, now - 20, process_result(now - 20).to_dict(), 0.004),
        done("snapshot1", "snapshot", worker, now - 15, snapshot_result(now - 15).to_dict(), 0.9),
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


def heap_result(at: float, factor: float) -> HeapResult:
    types = [
        ("dict", 61_210, 14_900_000),
        ("str", 118_400, 11_200_000),
        ("function", 30_120, 4_350_000),
        ("tuple", 52_800, 3_900_000),
        ("type", 3_010, 3_400_000),
        ("shop.models.Item", 8_620, 482_720),
        ("bytes", 9_300, 4_100_000),
        ("list", 7_440, 830_000),
        ("django.db.models.fields.CharField", 312, 15_000),
    ]
    grown = [
        TypeCount(name, round(count * factor), round(size * factor))
        if name in ("dict", "str", "shop.models.Item")
        else TypeCount(name, count, size)
        for name, count, size in types
    ]
    return HeapResult(
        taken_at=at,
        objects=sum(row.count for row in grown),
        flat_bytes=sum(row.flat_bytes for row in grown),
        types=tuple(sorted(grown, key=lambda row: -row.flat_bytes)),
        other_types=412,
        retainers=(
            Retainer(11, "dict", HOLDER, 36_960, 5_310_000, 12_930),
            Retainer(12, "dict", "sys.modules", 18_520, 4_200_000, 40_100),
            Retainer(13, "lru_cache", "shop.search.results", 120, 612_000, 1_410),
        ),
    )


def garbage_result(at: float) -> GarbageResult:
    nodes = (
        CycleNode("shop.report.Section", 56),
        CycleNode("dict", 232),
        CycleNode("shop.report.Document", 56),
        CycleNode("list", 88),
    )
    edges = (
        CycleEdge(0, 1, "__dict__"),
        CycleEdge(1, 2, "['document']"),
        CycleEdge(2, 3, ".sections"),
        CycleEdge(3, 0, "[0]"),
    )
    pair = (CycleNode("shop.report.Parent", 48), CycleNode("shop.report.Child", 48))
    both = (CycleEdge(0, 1, ".child"), CycleEdge(1, 0, ".parent"))
    own = (CycleNode("list", 64),)
    return GarbageResult(
        taken_at=at,
        objects=372,
        flat_bytes=65_100,
        in_cycles=248,
        types=(TypeCount("dict", 124, 28_768), TypeCount("shop.report.Section", 62, 3_472)),
        cycles=(
            Cycle(nodes, edges, 4, 432),
            Cycle(pair, both, 2, 96),
            Cycle(own, (CycleEdge(0, 0, "[0]"),), 1, 64),
        ),
        other_cycles=59,
    )


def process_result(at: float) -> ProcessResult:
    return ProcessResult(
        taken_at=at,
        python="3.11.7",
        memory=(
            Figure("Resident set size (RSS)", 92_700_000),
            Figure("Unique set size (USS)", 65_100_000),
            Figure("Proportional set size (PSS)", 70_200_000),
            Figure("Virtual size", 412_000_000),
        ),
        page_faults=12,
        threads=(
            ThreadStack(
                "MainThread",
                139_000,
                False,
                ("gunicorn/workers/sync.py:35 in wait", "gunicorn/arbiter.py:609 in spawn_worker"),
            ),
            ThreadStack("pympler", 139_001, True, ("threading.py:324 in wait",)),
        ),
        generations=(
            Generation(700, 311, 1204, 20_110, 0),
            Generation(10, 4, 109, 8_212, 0),
            Generation(10, 2, 7, 4_120, 0),
        ),
        gc_frozen=31_000,
        blocks=411_230,
    )


def snapshot_result(at: float) -> SnapshotResult:
    return SnapshotResult(
        taken_at=at,
        route="/cart/{id}",
        method="GET",
        report=report(3, 4711).key,
        objects_before=301_000,
        objects_after=301_003,
        bytes_before=42_000_000,
        bytes_after=42_004_301,
        changes=(TypeChange("dict", 61_000, 61_001, 14_000_000, 14_000_232),),
    )
