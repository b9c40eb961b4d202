"""Whether the application has frozen its heap, so that gc lists nothing of it any more."""

from __future__ import annotations

import gc
import sys

from pympler.graph.containers import list_without_tuples

__all__ = ["is_frozen"]

_harmless = 0  # how many objects were out of sight when nothing of the application's was among them


def is_frozen() -> bool:
    """Whether there are objects of the application that gc tracks and does not list.

    Collections of Python 3.12 move immortal objects out of sight by themselves: the bases and the
    method resolution orders of built-in types, hundreds of tuples that lead to nothing of the
    application's. ``gc.freeze()``, whoever calls it and when, moves everything, so that the
    namespace of :mod:`sys`, which is as old as the interpreter, is listed no longer either.

    Lists the heap where something is out of sight, and not again while that is as much.

    Example:
        >>> is_frozen()
        False
    """
    global _harmless
    hidden = gc.get_freeze_count()
    if hidden in (0, _harmless):
        return False
    if id(vars(sys)) not in map(id, list_without_tuples()):
        return True
    _harmless = hidden
    return False
