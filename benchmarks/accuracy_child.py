"""Sizes of all shapes by one tool, beside what was really allocated; prints JSON.

Runs under the Python and in the environment of the tool: ``accuracy_child.py TOOL FOLDER``.
"""

from __future__ import annotations

import gc
import json
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

TOOL = sys.argv[1] if len(sys.argv) > 1 else "ours"
if TOOL == "ours":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(1, str(Path(__file__).resolve().parent))

from shapes import SHAPES, Shape  # noqa: E402 - beside this file

ALIGNMENTS = (8, 1)


def sizer(tool: str) -> Callable[[Any, int, bool], int]:
    """The function of a tool: objects, alignment and whether functions count in, bytes out."""
    if tool == "objsize":
        import objsize  # type: ignore[import-not-found]

        return lambda items, align, code: int(objsize.get_deep_size(items))
    from pympler import asizeof

    return lambda items, align, code: asizeof.asizeof(items, align=align, code=code)


def measure(shape: Shape, size: Callable[[Any, int, bool], int]) -> dict[str, Any]:
    """True and told bytes of an object for each alignment, and what measuring left allocated."""
    size(shape.make(20), 8, shape.code)  # what is made once is made
    gc.collect()
    tracemalloc.start(1)
    made = shape.make(shape.most)
    gc.collect()
    traces = tracemalloc.take_snapshot().traces._traces  # type: ignore[attr-defined]
    tracemalloc.stop()
    blocks = [trace[1] for trace in traces]
    found: dict[str, Any] = {"bytes": sum(blocks) / len(made)}
    for align in ALIGNMENTS:
        true = sum(-(-block // align) * align for block in blocks)
        found[f"error_{align}"] = size(made, align, shape.code) / true - 1
    gc.collect()
    tracemalloc.start(1)
    before = tracemalloc.get_traced_memory()[0]
    size(made, 8, shape.code)
    gc.collect()
    found["left"] = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return found


def main() -> None:
    size = sizer(TOOL)
    found = {}
    for name, shape in SHAPES.items():
        try:
            found[name] = {**measure(shape, size), "reason": shape.reason}
        except Exception as error:  # noqa: BLE001 - a peer may fail at any shape
            found[name] = {"fault": f"{type(error).__name__}: {error}"}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
