"""What Pympler itself keeps alive."""

from __future__ import annotations

import gc
import tracemalloc
from collections import Counter

import pympler

__all__ = ["count_own", "traced_bytes"]

_PREFIXES = ("pympler.", "pympler_")
_FOLDERS = [*pympler.__path__]


def count_own() -> Counter[str]:
    """Our own live instances by type, after a collection."""
    gc.collect()
    counts: Counter[str] = Counter()
    for item in gc.get_objects():
        kind = type(item)
        home = type.__dict__["__module__"].__get__(kind)
        if type(home) is str and home.startswith(_PREFIXES):
            counts[f"{home}.{kind.__qualname__}"] += 1
    return counts


def traced_bytes() -> int:
    """Bytes in memory that our own code has allocated, as far as tracemalloc was on."""
    gc.collect()
    folders = [tracemalloc.Filter(True, f"{folder}*") for folder in (*_FOLDERS, *_integrations())]
    return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(folders).traces)


def _integrations() -> list[str]:
    import sys

    names = [name for name in sys.modules if name.startswith("pympler_") and "." not in name]
    return [folder for name in names for folder in sys.modules[name].__path__]
