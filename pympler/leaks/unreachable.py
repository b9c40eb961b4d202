"""Unreachable: which young objects a collection would free, found without collecting.

An object that is kept by nothing but garbage looks alive until its generation is collected, and
what took part in one collection while its request still ran waits long for the next. For a request
that somebody looks at, the answer is worked out as the collector does it: references from within
the young generations are subtracted from the reference counts; what is left at an object comes
from elsewhere and keeps it, and all that it leads to, alive.
"""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterable
from itertools import chain
from types import ModuleType
from typing import Any

from pympler.graph.containers import all_but, list_without_tuples

__all__ = ["unreachable_young"]

_MOST_OBJECTS = 200_000


def unreachable_young() -> frozenset[int]:
    """Ids of the objects in generations 0 and 1 that nothing but garbage leads to.

    Takes milliseconds where the thresholds of gc are the usual ones; with more than 200,000 young
    objects nothing is looked for. Where other threads run meanwhile, it is about the moment at
    which the reference counts were read.
    """
    items = list_without_tuples(0)
    items += all_but(list_without_tuples(1), items)
    if len(items) > _MOST_OBJECTS:
        return frozenset()
    items += _tuples_behind(items)
    places = {id(item): place for place, item in enumerate(items)}
    # One call into C, so that all counts are of one moment; ours are those of an unused object.
    counts = list(map(sys.getrefcount, items))
    (ours,) = map(sys.getrefcount, [object()])
    edges = [_places_of(_referents(item), places) for item in items]
    for place in chain.from_iterable(edges):
        counts[place] -= 1
    reached = _reached(edges, [place for place, count in enumerate(counts) if count > ours])
    garbage = {item for item, place in places.items() if place not in reached}
    # A weak reference goes with what it refers to: a class has one in each of its bases.
    for item in items:
        if type(item) is weakref.ref:
            garbage.update({id(item)} if id(item()) in garbage else ())
    return frozenset(garbage)


def _referents(item: Any) -> Iterable[Any]:
    # Some C modules cannot list theirs safely (_asyncio on 3.12.1); a module is never garbage of a
    # request.
    return () if issubclass(type(item), ModuleType) else gc.get_referents(item)


def _tuples_behind(items: list[Any]) -> list[Any]:
    """The tuples that lead from some of these objects to others, whatever their generation."""
    tuples: dict[int, Any] = {}
    waiting = items
    while waiting:
        found = []
        for item in waiting:
            for referent in _referents(item):
                if type(referent) is tuple and id(referent) not in tuples:
                    tuples[id(referent)] = referent
                    found.append(referent)
        waiting = found
    return list(tuples.values())


def _places_of(referents: Iterable[Any], places: dict[int, int]) -> list[int]:
    found = (places.get(id(referent)) for referent in referents)
    return [place for place in found if place is not None]


def _reached(edges: list[list[int]], waiting: list[int]) -> set[int]:
    reached: set[int] = set()
    while waiting:
        place = waiting.pop()
        if place not in reached:
            reached.add(place)
            waiting += edges[place]
    return reached
