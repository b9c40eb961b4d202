"""Exclusive size: the bytes that would be freed if an object were dropped."""

from __future__ import annotations

import sys
from collections.abc import Set as AbstractSet
from typing import Any

from pympler.sizing.kinds import Kind, Rules, kind_of
from pympler.sizing.marks import shared_ids
from pympler.sizing.python_walk import aligned

__all__ = ["exclusive_bytes"]


def exclusive_bytes(roots: list[Any], rules: Rules, align: int) -> int:
    """Bytes of what nothing but these objects keeps alive, themselves included.

    References are counted within what the objects lead to; what has more references than that is
    held from elsewhere, and so is all that it refers to. A reference that the interpreter does
    not show counts as one from elsewhere: the answer is never too large for that.
    """
    graph = _Graph(rules)
    graph.reach(roots)
    held = graph.held_from_elsewhere({id(root) for root in roots})
    kept = graph.reached_from(held)
    return sum(
        aligned(graph.size(place), align)
        for place, item in enumerate(graph.items)
        if id(item) not in kept
    )


class _Graph:
    """All that some objects lead to, with the references among them."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._kinds: dict[int, Kind] = {}
        self.items: list[Any] = []
        self._places: dict[int, int] = {}
        self._referents: list[list[int]] = []

    def reach(self, roots: list[Any]) -> None:
        shared = shared_ids() - {id(root) for root in roots}
        self._add(roots, shared)
        place = 0
        while place < len(self.items):
            item = self.items[place]
            children = self._children(item)
            self._add(children, shared)
            self._referents.append([id(child) for child in children if id(child) in self._places])
            place += 1

    def _add(self, items: list[Any], shared: AbstractSet[int]) -> None:
        for item in items:
            if id(item) in self._places or id(item) in shared:
                continue
            kind = self._kind(item)
            if kind.counted and (kind.keep is None or kind.keep([item])):
                self._places[id(item)] = len(self.items)
                self.items.append(item)

    def _kind(self, item: Any) -> Kind:
        kind = self._kinds.get(id(type(item)))
        if kind is None:
            kind = self._kinds[id(type(item))] = kind_of(type(item), self._rules)
        return kind

    def _children(self, item: Any) -> list[Any]:
        kind = self._kind(item)
        children = list(kind.try_referents([item]) or ())
        if kind.mapping:
            listed = set(map(id, children))
            children += [key for key in list(dict.keys(item)) if id(key) not in listed]
        return children

    def size(self, place: int) -> int:
        item = self.items[place]
        return self._kind(item).size_or_basic(item)[0]

    def held_from_elsewhere(self, roots: set[int]) -> list[int]:
        """Ids of the objects with more references than those from among the others."""
        inside = dict.fromkeys(self._places, 0)
        for referents in self._referents:
            for key in referents:
                inside[key] += 1
        of_ours = _references_of_a_list()
        items = self.items
        held = []
        for place in range(len(items)):
            key = id(items[place])
            if key not in roots and sys.getrefcount(items[place]) - of_ours > inside[key]:
                held.append(key)
        return held

    def reached_from(self, start: list[int]) -> set[int]:
        found = set(start)
        waiting = list(start)
        while waiting:
            for key in self._referents[self._places[waiting.pop()]]:
                if key not in found:
                    found.add(key)
                    waiting.append(key)
        return found


def _references_of_a_list() -> int:
    """How many references an object has that only one list holds, as it is asked here."""
    items = [object()]
    for place in range(len(items)):
        count = sys.getrefcount(items[place])
    return count
