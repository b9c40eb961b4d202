"""Results of jobs, one of each kind, written out by hand."""

from __future__ import annotations

from pympler.leaks.report import TypeCount
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

__all__ = ["garbage_result", "heap_result", "process_result", "snapshot_result"]


def heap_result(at: float, factor: float = 1.0) -> HeapResult:
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
            Retainer(11, "dict", "shop.cart._CACHE", 36_960, 5_310_000, 12_930),
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


def snapshot_result(at: float, report: str = "") -> SnapshotResult:
    return SnapshotResult(
        taken_at=at,
        route="/cart/{id}",
        method="GET",
        report=report,
        objects_before=301_000,
        objects_after=301_003,
        bytes_before=42_000_000,
        bytes_after=42_004_301,
        changes=(TypeChange("dict", 61_000, 61_001, 14_000_000, 14_000_232),),
    )
