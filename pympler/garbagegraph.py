"""Graphs of garbage: what the collector finds, and the cycles that kept it alive until then.

Example:
    >>> from pympler.garbagegraph import GarbageGraph, end_debug_garbage, start_debug_garbage
    >>> start_debug_garbage()
    >>> lonely = []
    >>> lonely.append(lonely)
    >>> del lonely
    >>> GarbageGraph(reduce=True).count
    1
    >>> end_debug_garbage()
"""

from __future__ import annotations

import gc
import sys
from typing import Any, TextIO

from pympler.refgraph import ReferenceGraph
from pympler.util.stringutils import pp, trunc

__all__ = ["GarbageGraph", "end_debug_garbage", "start_debug_garbage"]

_started: list[tuple[bool, int]] = []


class GarbageGraph(ReferenceGraph):
    """The objects that a full collection finds to be garbage, and the references between them.

    To find them the collector runs once in a mode that stores garbage in ``gc.garbage`` instead
    of freeing it. The debug flags and the content of ``gc.garbage`` are as before when the graph
    is there; finalizers of the objects have been called. The objects live as long as the graph
    does, and are freed by a later collection.

    Call :func:`start_debug_garbage` first, so that no automatic collection frees garbage earlier.

    Args:
        reduce: whether to keep only those objects that are in cycles of references.
        collectable: whether to show all garbage. Otherwise only what cannot be collected, which
            is what ``gc.garbage`` holds.
    """

    def __init__(self, reduce: bool = False, collectable: bool = True) -> None:
        super().__init__(_collect(collectable), reduce)

    def print_stats(self, stream: TextIO | None = None) -> None:
        """Print a table of the garbage, the largest objects first.

        Args:
            stream: where to print, ``sys.stdout`` by default.
        """
        stream = sys.stdout if stream is None else stream
        self.metadata.sort(key=lambda meta: meta.size, reverse=True)
        stream.write(f"{'id':<10} {'size':>8} {'type':<12} {'representation':<46}\n")
        for meta in self.metadata:
            kind, text = trunc(meta.type, 12), trunc(meta.str, 46)
            stream.write(f"0x{meta.id:08x} {meta.size:8d} {kind:<12} {text:<46}\n")
        stream.write(
            f"Garbage: {self.count:8d} collected objects "
            f"({self.num_in_cycles} in cycles): {pp(self.total_size):>12}\n"
        )


def _collect(collectable: bool) -> list[Any]:
    flags, before = gc.get_debug(), len(gc.garbage)
    gc.set_debug(gc.DEBUG_SAVEALL if collectable else 0)
    try:
        gc.collect()
    finally:
        gc.set_debug(flags)
    found = list(gc.garbage)
    if collectable and not flags & gc.DEBUG_SAVEALL:
        del gc.garbage[before:]
    return found


def start_debug_garbage() -> None:
    """Free the garbage there is, and stop automatic collections so that new garbage stays."""
    _started.append((gc.isenabled(), gc.get_debug()))
    gc.collect()
    gc.disable()


def end_debug_garbage() -> None:
    """Put automatic collections and the debug flags back to what they were at the start.

    Each call belongs to the last :func:`start_debug_garbage` that has none yet; without one
    nothing happens. Unlike in Pympler 1.1 automatic collections stay off if the application had
    switched them off itself.
    """
    if not _started:
        return
    was_enabled, flags = _started.pop()
    gc.set_debug(flags)
    if was_enabled:
        gc.enable()
    else:
        gc.disable()
