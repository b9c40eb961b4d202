"""Who refers to whom: paths from the roots, and snapshots of the whole heap.

Example:
    >>> import gc
    >>> from pympler.graph import why_alive
    >>> why_alive(gc.callbacks)
    'gc.callbacks'
"""

from pympler.graph.snapshot import HeapSnapshot, heap_snapshot
from pympler.graph.why_alive import why_alive

__all__ = ["HeapSnapshot", "heap_snapshot", "why_alive"]
