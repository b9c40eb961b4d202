"""Copies: what is replaced by a longer copy of itself, and its owner with it, again and again.

After ``STATE = replace(STATE, items=(*STATE.items, item))`` or ``LAYERS = LAYERS.new_child()``
there is neither a container that grew nor an owner that lasts: the way to it is all that stays.
"""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from pympler.graph.paths import find_chains
from pympler.graph.roots import children, module_namespace
from pympler.leaks.bounds import declared_of, of_application
from pympler.leaks.check.candidates import Candidate
from pympler.leaks.check.slots import Slots, slot_readers, value_length
from pympler.leaks.lengths import bound_of
from pympler.sizing.flat import flat_size
from pympler.util.names import type_name

__all__ = ["Copies"]

_MOST = 200
_Reader = Callable[[], Any]


class Copies:
    """Looks after each window at the slots that are new, and names the ways to their values.

    Nothing that is found is kept: it would be alive in the next window.

    Args:
        slots: those of the first scan.
    """

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._lengths: list[dict[str, int]] = []

    def look(self, slots: Slots) -> None:
        """Take the next scan, while the heap is still as it was scanned."""
        self._lengths.append({text: _length(way[-1]) for text, way in self._ways(slots).items()})

    def candidates(self, slots: Slots, requests: int) -> list[Candidate]:
        """What was longer in each scan than in the one before.

        Args:
            slots: the last scan, while the heap is still as it was scanned.
            requests: how many there were between two scans.
        """
        found = []
        for text, way in self._ways(slots).items():
            lengths = [*(scan.get(text, 0) for scan in self._lengths), _length(way[-1])]
            if lengths[0] and all(a < b for a, b in itertools.pairwise(lengths)):
                growth = (lengths[-1] - lengths[0]) / (requests * (len(lengths) - 1))
                found.append(_candidate(text, way, growth))
        return found

    def _ways(self, slots: Slots) -> dict[str, list[Any]]:
        """The objects on the way to each value that is new, by the way in words."""
        fresh = [key for key, length in slots.items() if self._slots.get(key) != length]
        self._slots = slots
        fresh.sort(key=lambda key: -slots[key])
        values = [read() for read in slot_readers(fresh[:_MOST]).values()]
        chains = find_chains(map(id, values))
        ways = filter(None, map(chains.objects, chains.ids.values()))
        return {chains.describe_holder(way).text: way for way in ways}


def _length(value: Any) -> int:
    return value_length(value) or 0


def _candidate(text: str, way: list[Any], growth: float) -> Candidate:
    read = _reader(way)
    return Candidate(
        path=text,
        type=type_name(type(way[-1])),
        application=of_application(way[0]),
        length=lambda: value_length(read()),
        entries=lambda: gc.get_referents(read()),
        table_bytes=lambda: flat_size(read()),
        growth=growth,
        bound=bound_of(way[-1]),
        declared=declared_of(text, way),
        is_slot=True,
    )


def _reader(way: list[Any]) -> _Reader:
    """A function that goes the same way once more, whatever stands there by then."""
    root = way[0]
    steps = [_step(parent, child) for parent, child in itertools.pairwise(way)]

    def read() -> Any:
        item = root
        for step in steps:
            item = step(item)
        return item

    return read


def _step(parent: Any, child: Any) -> Callable[[Any], Any]:
    """A function from what stands in the place of the parent to what does in that of the child."""
    if issubclass(type(parent), ModuleType):
        name = _key_of(module_namespace(parent), child)
        return lambda item: module_namespace(item).get(name)
    if issubclass(type(parent), dict):
        name = _key_of(parent, child)
        return lambda item: dict.get(item, name) if issubclass(type(item), dict) else None
    place = next((i for i, one in enumerate(children(parent)) if one is child), 0)

    def step(item: Any) -> Any:
        items = children(item)
        return items[place] if place < len(items) else None

    return step


def _key_of(names: dict[Any, Any], child: Any) -> Any:
    return next((name for name, value in list(dict.items(names)) if value is child), None)
