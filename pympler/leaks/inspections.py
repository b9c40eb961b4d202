"""Inspections: what a person asks a worker for, as plain data. All of them make it stand still."""

from __future__ import annotations

import gc
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

from pympler.graph import HeapSnapshot, heap_snapshot
from pympler.graph.components import find_cycles
from pympler.graph.labels import label_step
from pympler.leaks.report import TypeCount
from pympler.process import ProcessMemoryInfo
from pympler.sizing.flat import flat_size
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
    ThreadStack,
    TypeChange,
)
from pympler.util.names import short_file, type_name

__all__ = ["compare_types", "inspect_garbage", "inspect_heap", "inspect_process", "types_of"]

_MOST_TYPES = 300
_MOST_RETAINERS = 50
_LONGEST_WALK_S = 120.0
_MOST_CYCLES = 20
_MOST_NODES = 30
_MOST_FRAMES = 50

Progress = Callable[[float, str], None]


def inspect_heap(file: Path | None, progress: Progress) -> HeapResult:
    """The whole heap: by type, what holds most, and a snapshot in ``file`` to follow objects in.

    Nothing is collected, and no code of the application is run.
    """
    progress(0.0, "walking the heap")
    began_s = time.perf_counter()
    snapshot = heap_snapshot(timeout_s=_LONGEST_WALK_S)
    walk_s = time.perf_counter() - began_s
    progress(0.5, f"working out what each of {snapshot.objects:,} objects keeps alive")
    retainers = _retainers(snapshot)
    progress(0.9, "writing it down")
    if file is not None:
        snapshot.save(file)
    types = types_of(snapshot)
    return HeapResult(
        taken_at=time.time(),
        objects=snapshot.objects,
        flat_bytes=snapshot.total_bytes,
        types=types[:_MOST_TYPES],
        other_types=max(len(types) - _MOST_TYPES, 0),
        retainers=retainers,
        path="" if file is None else str(file),
        walk_s=walk_s,
    )


def _retainers(snapshot: HeapSnapshot) -> tuple[Retainer, ...]:
    rows = snapshot.top_retainers(_MOST_RETAINERS)
    shown = {row.node for row in rows}
    found = []
    for row in rows:
        within = snapshot.dominators[row.node]
        while within and within not in shown:
            within = snapshot.dominators[within]
        sizes = row.size_bytes, row.retained_bytes
        found.append(Retainer(row.node, row.type, row.name, *sizes, within=within))
    return tuple(found)


def types_of(snapshot: HeapSnapshot) -> tuple[TypeCount, ...]:
    """The types of a snapshot, most bytes first."""
    rows = [TypeCount(row.type, row.count, row.bytes) for row in snapshot.summary()]
    return tuple(sorted(rows, key=lambda row: row.flat_bytes, reverse=True))


def compare_types(
    before: Iterable[TypeCount], after: Iterable[TypeCount]
) -> tuple[TypeChange, ...]:
    """What changed by type, most bytes gained first."""
    nothing = TypeCount("", 0, 0)
    old, new = ({row.type: row for row in rows} for rows in (before, after))
    changes = []
    for name in {**new, **old}:
        was, now = old.get(name, nothing), new.get(name, nothing)
        if (was.count, was.flat_bytes) != (now.count, now.flat_bytes):
            changes.append(TypeChange(name, was.count, now.count, was.flat_bytes, now.flat_bytes))
    return tuple(sorted(changes, key=lambda change: change.bytes_diff, reverse=True))


def inspect_garbage() -> GarbageResult:
    """What nothing but reference cycles kept alive; for this a full collection is run.

    The garbage is freed afterwards, as the collection would have done. Flags of gc and the
    content of ``gc.garbage`` stay as they are.
    """
    try:
        return _describe(_collect())
    finally:
        gc.collect()  # frees what the first one has kept to be looked at


def _describe(found: list[Any]) -> GarbageResult:
    sizes = {id(item): flat_size(item) for item in found}
    edges = {
        id(item): {id(target) for target in gc.get_referents(item)} & sizes.keys() for item in found
    }
    parts = find_cycles(edges)
    parts.sort(key=lambda part: sum(sizes[node] for node in part), reverse=True)
    items = {id(item): item for item in found}
    cycles = tuple(_cycle(part, items, edges, sizes) for part in parts[:_MOST_CYCLES])
    return GarbageResult(
        taken_at=time.time(),
        objects=len(found),
        flat_bytes=sum(sizes.values()),
        in_cycles=sum(map(len, parts)),
        types=_count(found, sizes)[:_MOST_TYPES],
        cycles=cycles,
        other_cycles=max(len(parts) - _MOST_CYCLES, 0),
    )


def _collect() -> list[Any]:
    flags, before = gc.get_debug(), len(gc.garbage)
    gc.set_debug(flags | gc.DEBUG_SAVEALL)
    try:
        gc.collect()
    finally:
        gc.set_debug(flags)
    found = gc.garbage[before:]
    if not flags & gc.DEBUG_SAVEALL:
        del gc.garbage[before:]
    return [item for item in found if not type_name(type(item)).startswith("pympler.")]


def _count(items: list[Any], sizes: dict[int, int]) -> tuple[TypeCount, ...]:
    rows: dict[str, list[int]] = {}
    for item in items:
        row = rows.setdefault(type_name(type(item)), [0, 0])
        row[0] += 1
        row[1] += sizes[id(item)]
    counted = [TypeCount(name, *row) for name, row in rows.items()]
    return tuple(sorted(counted, key=lambda row: row.flat_bytes, reverse=True))


def _cycle(
    part: list[int], items: dict[int, Any], edges: dict[int, set[int]], sizes: dict[int, int]
) -> Cycle:
    # Tarjan's algorithm gives the members in reverse order: neighbours stay together when cut.
    shown = part[-_MOST_NODES:]
    places = {node: place for place, node in enumerate(shown)}
    drawn = [
        CycleEdge(places[node], places[target], label_step(items[node], items[target]))
        for node in shown
        for target in sorted(edges[node] & places.keys(), key=places.__getitem__)
    ]
    return Cycle(
        nodes=tuple(CycleNode(type_name(type(items[node])), sizes[node]) for node in shown),
        edges=tuple(drawn),
        objects=len(part),
        flat_bytes=sum(sizes[node] for node in part),
    )


def inspect_process() -> ProcessResult:
    """The memory of the process, its threads with their stacks, and the collector."""
    info = ProcessMemoryInfo()
    memory = [Figure("Resident set size", info.rss), Figure("Virtual size", info.vsz)]
    if info.uss is not None:
        memory.append(Figure("Private (unique set size)", info.uss))
    if info.pss is not None:
        memory.append(Figure("Proportional set size", info.pss))
    memory += [
        Figure(name, size)
        for name, size in (("Data", info.data_segment), ("Shared memory", info.shared_segment))
        if size
    ]
    return ProcessResult(
        taken_at=time.time(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        memory=tuple(memory),
        page_faults=info.pagefaults,
        threads=tuple(_threads()),
        generations=tuple(
            Generation(threshold, count, *(stats[key] for key in _STATS))
            for threshold, count, stats in zip(
                gc.get_threshold(), gc.get_count(), gc.get_stats(), strict=True
            )
        ),
        gc_enabled=gc.isenabled(),
        gc_frozen=gc.get_freeze_count(),
        blocks=sys.getallocatedblocks(),
    )


_STATS = ("collections", "collected", "uncollectable")


def _threads() -> Iterator[ThreadStack]:
    frames = sys._current_frames()
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0)
        lines = tuple(islice(_lines(frame), _MOST_FRAMES))
        yield ThreadStack(str(thread.name), thread.ident or 0, bool(thread.daemon), lines)


def _lines(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        code = frame.f_code
        yield f"{short_file(code.co_filename)}:{frame.f_lineno} in {code.co_name}"
        frame = frame.f_back
