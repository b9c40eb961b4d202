"""Listings: the objects of a generation as ids and types, made within one call into C."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import chain, compress, repeat, starmap
from operator import is_, is_not
from typing import Any

__all__ = [
    "Listing",
    "list_generation",
    "list_ids",
    "place_of",
    "supports_windows",
    "take",
]

_TRIES = 3


@dataclass(slots=True)
class Listing:
    """Objects of one generation in order of birth, as ids with their types."""

    ids: list[int]
    types: list[type]


def place_of(item: int, ids: list[int]) -> int | None:
    """Where an id is in a list, looked for from the end; ``None`` if it is not there."""
    try:
        return len(ids) - 1 - ids[::-1].index(item)  # what is looked for is near the end
    except ValueError:
        return None


def _hold(held: list[Any], generation: int) -> Iterator[Any]:
    # Fills `held` when it is consumed, and yields nothing.
    return filter(None, map(held.extend, map(gc.get_objects, (generation,))))


def _let_go(held: list[Any]) -> Iterator[Any]:
    return filter(None, starmap(held.clear, ((),)))


def list_generation(generation: int) -> Listing:
    """Ids and types of the objects in one generation, in order of birth for generation 0.

    The list that holds the objects lives only within one call into C, so that no other thread
    can run meanwhile: it may hold a tuple that another thread is still filling, whose
    ``tuple(generator)`` fails if anybody else has a reference. Everything that the call needs and
    that is tracked by gc is made before, since on Python 3.11 and older an allocation within it
    could start a collection and with it Python code.
    """
    held: list[Any] = []
    types: list[type] = []
    for_ids, for_types = iter(held), iter(held)
    steps = chain(
        _hold(held, generation),
        map(id, for_ids),
        filter(None, map(types.extend, (map(type, for_types),))),
        _let_go(held),
    )
    return Listing(list(steps), types)


def list_ids(generation: int) -> list[int]:
    """Ids of the objects in one generation, with the care of :func:`list_generation`."""
    held: list[Any] = []
    items = iter(held)
    return list(chain(_hold(held, generation), map(id, items), _let_go(held)))


def take(generation: int, wanted: Collection[int]) -> tuple[list[Any], list[tuple[int, int]]]:
    """The objects of one generation whose ids are wanted, tuples apart.

    Exact tuples are not returned, since they may be half built (see :func:`list_generation`);
    their ids and flat sizes without the gc header are.

    Returns:
        The objects that are no tuples, and ``(id, bytes)`` for each that is.
    """
    held: list[Any] = []
    found: list[Any] = []
    tuples: list[int] = []
    sizes: list[int] = []
    contains = frozenset(wanted).__contains__
    is_wanted = map(contains, map(id, iter(held)))

    def found_where(test: Callable[[Any, Any], bool]) -> Iterator[Any]:
        return compress(iter(found), map(test, map(type, iter(found)), repeat(tuple)))

    steps = chain(
        _hold(held, generation),
        filter(None, map(found.extend, (compress(iter(held), is_wanted),))),
        _let_go(held),
        found_where(is_not),
        filter(None, map(tuples.extend, (map(id, found_where(is_)),))),
        filter(None, map(sizes.extend, (map(tuple.__sizeof__, found_where(is_)),))),
        _let_go(found),
    )
    return list(steps), list(zip(tuples, sizes, strict=True))


def supports_windows() -> bool:
    """Whether this interpreter lists its young generation in order of birth, as windows need."""
    for _ in range(_TRIES):  # a collection in between spoils one try
        first: list[None] = []
        middle: dict[str, object] = {"tracked": first}
        last: list[None] = []
        ids = list_generation(0).ids
        places = [place_of(id(item), ids) for item in (first, middle, last)]
        if None not in places:
            return places == sorted(places, key=lambda place: place or 0)
    return False
