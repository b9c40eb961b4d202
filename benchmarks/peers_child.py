"""Runs one peer in its own environment; knows nothing of this project."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

from heap import fill, live_objects
from work import clean

__all__ = ["PEERS", "Peer"]

Look = Callable[[], object]


class Peer(NamedTuple):
    """A peer: what it is asked in words, a function to call before the heap is made, the looks."""

    text: str
    before: Callable[[], object]
    start: Callable[[], Look]


def _pympler() -> Look:
    from pympler.tracker import SummaryTracker  # type: ignore[import-not-found]

    look: Look = SummaryTracker().diff
    return look


def _objgraph() -> Look:
    import objgraph  # type: ignore[import-untyped]

    peaks: dict[str, int] = {}
    return lambda: objgraph.growth(limit=20, peak_stats=peaks)


def _guppy() -> Look:
    from guppy import hpy  # type: ignore[import-not-found]

    heapy = hpy()
    last: list[Any] = [heapy.heap()]

    def look() -> object:
        heap = heapy.heap()
        difference = heap - last[0]
        last[0] = heap
        return len(difference)

    return look


def _tracemalloc() -> Look:
    import tracemalloc

    last = [tracemalloc.take_snapshot()]

    def look() -> object:
        snapshot = tracemalloc.take_snapshot()
        difference = snapshot.compare_to(last[0], "lineno")
        last[0] = snapshot
        return difference

    return look


def _start_tracing() -> None:
    import tracemalloc

    tracemalloc.start(1)


PEERS = {
    "pympler": Peer("Pympler 1.1 `SummaryTracker.diff()`", int, _pympler),
    "objgraph": Peer("objgraph `growth()`", int, _objgraph),
    "guppy": Peer("guppy3 `heap() - heap()`", int, _guppy),
    "tracemalloc": Peer("tracemalloc snapshot and `compare_to`", _start_tracing, _tracemalloc),
}


def measure(name: str, objects: int, repeats: int) -> dict[str, float]:
    """Seconds of one look on a heap of this size."""
    peer = PEERS[name]
    peer.before()
    kept = fill(objects)
    live = live_objects()
    look = peer.start()
    look()
    seconds = []
    for number in range(repeats):
        clean(number)
        started = time.process_time()
        look()
        seconds.append(time.process_time() - started)
    del kept
    return {"look": median(seconds), "objects": live}


if __name__ == "__main__":
    json.dump(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])), sys.stdout)
