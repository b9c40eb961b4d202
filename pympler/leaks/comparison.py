"""Comparison: the whole heap before and after a request, or a block of the application."""

from __future__ import annotations

import time

from pympler.graph import heap_snapshot
from pympler.leaks.inspections import compare_types, types_of
from pympler.leaks.report import TypeCount
from pympler.store.results import SnapshotResult

__all__ = ["HeapBefore"]


class HeapBefore:
    """The heap as it was when something began; made only while somebody asks for it.

    Attributes:
        asked: whether the request asks for it itself.
    """

    __slots__ = ("asked", "flat_bytes", "objects", "pause_s", "types")

    def __init__(self, *, asked: bool = False) -> None:
        self.asked = asked
        began_s = time.perf_counter()
        snapshot = heap_snapshot()
        self.types: tuple[TypeCount, ...] = types_of(snapshot)
        self.objects, self.flat_bytes = snapshot.objects, snapshot.total_bytes
        self.pause_s = time.perf_counter() - began_s

    def compare(self, *, route: str, method: str, report: str) -> tuple[SnapshotResult, float]:
        """What has changed until now, and the seconds that both walks took."""
        after = HeapBefore()
        result = SnapshotResult(
            taken_at=time.time(),
            route=route,
            method=method,
            report=report,
            objects_before=self.objects,
            objects_after=after.objects,
            bytes_before=self.flat_bytes,
            bytes_after=after.flat_bytes,
            changes=compare_types(self.types, after.types),
        )
        return result, self.pause_s + after.pause_s
