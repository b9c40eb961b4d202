"""Places: containers that stay as long as they are while something is put into each place.

A ring that is not full yet, or a table with a row for each customer, takes memory for a long time
without growing.
"""

from __future__ import annotations

import gc
from array import array
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable
from typing import Any

from pympler.leaks.check.candidates import Candidate, name_objects
from pympler.leaks.containers import fetch, listed_objects
from pympler.sizing.flat import flat_size
from pympler.util.names import type_name

__all__ = ["Places", "filled", "read_places"]

Places = dict[int, "array[int]"]
"""The ids of what stands in each place, by the id of the container."""

_LEAST = 100
_MOST = 20
_ENTRIES: dict[int, Callable[[Any], Iterable[Any]]] = {
    id(list): list.__iter__,
    id(deque): deque.__iter__,
    id(dict): lambda item: list(dict.values(item)),
}


def read_places() -> Places:
    """What stands in the places of all long containers."""
    places: Places = {}
    for item in listed_objects():
        read = _ENTRIES.get(id(type(item)))
        if read is not None and len(item) >= _LEAST:
            places[id(item)] = array("Q", map(id, read(item)))
    return places


def filled(before: Places, requests: int, share: float) -> dict[Candidate, Collection[int]]:
    """The containers of the same length as before in which many empty places have been filled.

    Args:
        before: what stood there.
        requests: how many there were since then.
        share: how many places each of them has filled, at least.

    Returns:
        The containers as bounded, with the ids of what they held before.
    """
    now = read_places()
    taken = {
        key: _taken(ids, now[key])
        for key, ids in before.items()
        if len(now.get(key, ())) == len(ids)
    }
    most = sorted(taken, key=lambda key: -taken[key])[:_MOST]
    items = fetch({key for key in most if taken[key] >= share * requests})
    names = name_objects(items)
    return {
        _candidate(item, names[key], taken[key] / requests): frozenset(before[key])
        for key, item in items.items()
        if key in names
    }


def _taken(before: array[int], now: array[int]) -> int:
    # What stands in most places (None) is what means that they are empty.
    nothing = Counter(before).most_common(1)[0][0]
    return before.count(nothing) - now.count(nothing)


def _candidate(item: Any, name: Any, growth: float) -> Candidate:
    places = len(item)
    return Candidate(
        path=name.text,
        type=type_name(type(item)),
        application=name.application,
        length=item.__len__,
        entries=lambda: gc.get_referents(item),
        table_bytes=lambda: flat_size(item),
        growth=growth,
        bound=places,
        declared=name.declared,
        verdict="bounded",
        evidence=f"has {places:,} places, which are being filled",
    )
