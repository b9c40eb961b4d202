"""One measurement of class tracking; prints JSON: ``classtracker_child.py TOOL TASK NUMBER``."""

from __future__ import annotations

import gc
import json
import sys
import threading
import time
from pathlib import Path

TOOL, TASK, NUMBER = sys.argv[1], sys.argv[2], int(sys.argv[3])
if TOOL == "ours":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pympler.classtracker import ClassTracker  # noqa: E402

THREADS = 8


class Item:
    def __init__(self, number: int, text: str = "x") -> None:
        self.number = number
        self.text = text


def resident_kib() -> int:
    """Resident memory of this process."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def dropped_s() -> float:
    """Seconds to make an instance and drop it, the best of five."""
    return min(_dropping() for _ in range(5))


def _dropping() -> float:
    started = time.perf_counter()
    for number in range(NUMBER):
        Item(number)
    return (time.perf_counter() - started) / NUMBER


def kept_s() -> float:
    """Seconds to make an instance and keep it, the best of five."""
    return min(_keeping() for _ in range(5))


def _keeping() -> float:
    gc.collect()
    started = time.perf_counter()
    kept = [Item(number) for number in range(NUMBER)]
    seconds = (time.perf_counter() - started) / NUMBER
    kept.clear()
    return seconds


def construction() -> dict[str, float]:
    """Microseconds that tracking adds to an instance."""
    bare_dropped, bare_kept = dropped_s(), kept_s()
    tracker = ClassTracker()
    tracker.track_class(Item, name="Item")
    dropped, kept = dropped_s(), kept_s()
    return {
        "bare": bare_dropped * 1e6,
        "dropped": (dropped - bare_dropped) * 1e6,
        "kept": (kept - bare_kept) * 1e6,
    }


def snapshot() -> dict[str, float]:
    """Seconds of a snapshot, the best of three."""
    tracker = ClassTracker()
    tracker.track_class(Item, name="Item")
    kept = [Item(number, str(number)) for number in range(NUMBER)]
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        tracker.create_snapshot()
        seconds.append(time.perf_counter() - started)
    assert len(kept) == NUMBER
    return {"seconds": min(seconds)}


def threads() -> dict[str, float]:
    """What is left after threads have made and dropped many instances, and memory by then."""
    tracker = ClassTracker()
    tracker.track_class(Item, name="Item")

    def work(rounds: int) -> None:
        for _ in range(rounds):
            held = [Item(number) for number in range(100)]
            del held

    def run(rounds: int) -> None:
        workers = [threading.Thread(target=work, args=(rounds,)) for _ in range(THREADS)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    run(NUMBER // THREADS // 100)  # so that what is made once, and what is bounded, is there
    tracker.history["Item"]
    before, blocks = resident_kib(), sys.getallocatedblocks()
    run(NUMBER // THREADS // 100)
    history = tracker.history["Item"]
    return {
        "left": history[-1][1],
        "lowest": min(count for _, count in history),
        "growth_kib": resident_kib() - before,
        "growth_blocks": sys.getallocatedblocks() - blocks,
    }


json.dump(
    {"construction": construction, "snapshot": snapshot, "threads": threads}[TASK](), sys.stdout
)
