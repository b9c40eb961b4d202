"""Seconds of one task by one tool; prints JSON: ``sizing_child.py TOOL TASK OBJECTS``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from heap import fill

TOOL, TASK, OBJECTS = sys.argv[1], sys.argv[2], int(sys.argv[3])
REPEATS = 3
if TOOL == "ours":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


class Small:
    def __init__(self, number: int) -> None:
        self.number = number
        self.text = str(number)
        self.nothing = None


def heap(objects: int) -> Any:
    """Something with about this many objects."""
    if TASK == "instances":
        return [Small(number) for number in range(objects)]
    if TASK == "integers":
        return list(range(1000, objects + 1000))
    return fill(objects)  # so many that gc tracks, and half as many integers


def task(name: str, made: Any) -> Callable[[], Any]:
    """What is timed."""
    if name in ("instances", "integers"):
        if TOOL == "objsize":
            import objsize  # type: ignore[import-not-found]

            return lambda: objsize.get_deep_size(made)
        from pympler import asizeof

        return lambda: asizeof.asizeof(made)
    if name == "summary":
        from pympler import muppy, summary

        return lambda: len(summary.summarize(muppy.get_objects()))
    from pympler.tracker import SummaryTracker

    tracker = SummaryTracker()
    return lambda: len(list(tracker.diff()))


def main() -> None:
    made = heap(OBJECTS)
    run = task(TASK, made)
    seconds = []
    for _ in range(REPEATS if TASK != "diff" or TOOL == "ours" else 1):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    json.dump(min(seconds), sys.stdout)


if __name__ == "__main__":
    main()
