"""One measurement of class tracking; prints JSON: ``classtracker_child.py TOOL TASK NUMBER``."""

from __future__ import annotations

import gc
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

TOOL, TASK, NUMBER = sys.argv[1], sys.argv[2], int(sys.argv[3])
if TOOL == "ours":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pympler.classtracker import ClassTracker  # noqa: E402

THREADS, RUNS = 8, 3
TIMES = 300  # short parts: on a busy machine some of them run undisturbed
PART = max(NUMBER // 100, 1)


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
    """CPU seconds to make an instance and drop it, the best of some parts."""
    return min(_dropping() for _ in range(TIMES))


def _dropping() -> float:
    started = time.process_time()
    for number in range(PART):
        Item(number)
    return (time.process_time() - started) / PART


def kept_s() -> float:
    """CPU seconds to make an instance and keep it, the best of some parts."""
    return min(_keeping() for _ in range(TIMES))


def _keeping() -> float:
    gc.collect()
    started = time.process_time()
    kept = [Item(number) for number in range(PART)]
    seconds = (time.process_time() - started) / PART
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
    """CPU seconds of a snapshot, the best of three."""
    tracker = ClassTracker()
    tracker.track_class(Item, name="Item")
    kept = [Item(number, str(number)) for number in range(NUMBER)]
    seconds = []
    for _ in range(3):
        started = time.process_time()
        tracker.create_snapshot()
        seconds.append(time.process_time() - started)
    assert len(kept) == NUMBER
    return {"seconds": min(seconds)}


def threads() -> dict[str, Any]:
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

    found: list[tuple[int, int]] = []
    memory: list[tuple[int, int]] = []
    for _ in range(1 + RUNS):  # the first makes what is made once, and fills what is bounded
        run(NUMBER // THREADS // 100)
        history = tracker.history["Item"]
        found.append((history[-1][1], min(count for _, count in history)))
        del history  # thousands of blocks that belong to this reading
        gc.collect()
        memory.append((resident_kib(), sys.getallocatedblocks()))
    return {
        "left": max(left for left, _ in found),
        "lowest": min(lowest for _, lowest in found),
        "resident_kib": [kib for kib, _ in memory],
        "growth_blocks": memory[-1][1] - memory[0][1],
    }


json.dump(
    {"construction": construction, "snapshot": snapshot, "threads": threads}[TASK](), sys.stdout
)
