"""Cyclic garbage: what only the collector frees."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from pympler.sizing.flat import flat_size
from pympler.util.names import type_name

__all__ = ["Garbage", "collect_garbage", "own_garbage"]


@dataclass(frozen=True, slots=True)
class Garbage:
    """The cyclic garbage of some requests.

    Attributes:
        types: number of objects by the name of their type; flat_bytes: sum of their flat sizes.
    """

    types: Counter[str]
    flat_bytes: int


def own_garbage(garbage: Garbage, elsewhere: Garbage) -> int:
    """The number of objects that a route leaves as garbage beyond what its framework leaves.

    Args:
        garbage: of requests of the route.
        elsewhere: of as many requests of a path that does not exist.

    Example:
        >>> own_garbage(Garbage(Counter(dict=3, list=40), 0), Garbage(Counter(dict=5, Task=9), 0))
        40
    """
    return (garbage.types - elsewhere.types).total()


def collect_garbage(send: Callable[[int], None], requests: int) -> Garbage:
    """Send requests, and list their cyclic garbage before it is freed.

    Args:
        send: sends a number of requests.
        requests: how many to send.
    """
    gc.collect()
    enabled, flags, begun = gc.isenabled(), gc.get_debug(), len(gc.garbage)
    gc.disable()
    try:
        send(requests)
        # What would be freed is put into gc.garbage instead.
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
    finally:
        gc.set_debug(flags)
        if enabled:
            gc.enable()
    types = Counter(type_name(type(item)) for item in gc.garbage[begun:])
    garbage = Garbage(types, sum(map(flat_size, gc.garbage[begun:])))
    del gc.garbage[begun:]
    gc.collect()
    return garbage
