"""Who refers to whom: paths from the roots, and snapshots of the whole heap.

Example:
    >>> import gc
    >>> from pympler.graph import why_alive
    >>> why_alive(gc.callbacks)
    'gc.callbacks'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pympler.graph.reasons import why_alive
    from pympler.graph.snapshot import HeapSnapshot, heap_snapshot

__all__ = ["HeapSnapshot", "heap_snapshot", "why_alive"]

_MODULES = {
    "HeapSnapshot": "pympler.graph.snapshot",
    "heap_snapshot": "pympler.graph.snapshot",
    "why_alive": "pympler.graph.reasons",
}


def __getattr__(name: str) -> Any:
    # Most workers of a server never take a snapshot: what takes one costs them no memory.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
