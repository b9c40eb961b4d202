"""A walk that remembers each object, what it holds, and through whom it was reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pympler.sizing.kinds import Kind
from pympler.sizing.python_walk import Measured, Outcome, Walk, aligned

__all__ = ["Recorder", "Row"]


@dataclass(slots=True, eq=False)
class Row:
    """An object that was counted.

    Attributes:
        item: the object; flat: its own bytes; total: with all that was reached through it first.
        depth: how many references it is away from what was asked for.
        parent: place of the row through which it was reached; -1 if it was asked for.
    """

    item: Any
    parent: int
    depth: int
    flat: int = 0
    total: int = 0


@dataclass(slots=True, eq=False)
class Recorder(Walk):
    """A walk with a row for each object. Holds the objects, so keep it no longer than needed.

    Attributes:
        rows: what was counted, in the order in which it was reached.
        repeated: ids of the objects that were met more than once.
        sized_before: ids of what an earlier walk has counted.
    """

    most_at_once: int = 1
    rows: list[Row] = field(default_factory=list)
    repeated: set[int] = field(default_factory=set)
    sized_before: set[int] = field(default_factory=set)
    _places: dict[int, int] = field(default_factory=dict)
    _parents: dict[int, int] = field(default_factory=dict)

    def run(self, groups: Sequence[Sequence[Any]]) -> Measured:
        """Walk from groups of objects, as :func:`pympler.sizing.walk.walk` does."""
        for group in groups:
            self.repeated.update(self.sized_before.intersection(map(id, group)))
        # Not super(): dataclass(slots=True) makes another class of this one.
        measured = Walk.run(self, groups)
        for row in reversed(self.rows):
            row.total += row.flat
            if row.parent >= 0:
                self.rows[row.parent].total += row.total
        self.repeated &= self._places.keys() | self.given | self.sized_before
        return measured

    def count(self, kind: Kind, items: list[Any], outcome: Outcome) -> None:
        """Count some objects of one type, with a row for each."""
        for item in items:
            parent = self._parents.pop(id(item), -1)
            depth = self.rows[parent].depth + 1 if parent >= 0 else 0
            self._places[id(item)] = len(self.rows)
            self.rows.append(Row(item, parent, depth))
        Walk.count(self, kind, items, outcome)

    def add(self, kind: Kind, items: list[Any], sizes: list[int], outcome: Outcome) -> None:
        """Add the sizes of some objects, each to its row."""
        Walk.add(self, kind, items, sizes, outcome)
        for item, size in zip(items, sizes, strict=True):
            self.rows[self._places[id(item)]].flat = aligned(size, max(1, self.align))

    def follow(self, kind: Kind, items: list[Any], following: list[Any], outcome: Outcome) -> None:
        """Add what an object refers to, and remember through whom."""
        before = len(following)
        Walk.follow(self, kind, items, following, outcome)
        self._adopt(items[0], following[before:])

    def note_keys(self, mapping: Any, keys: list[Any]) -> None:
        """Remember whose keys these are."""
        self._adopt(mapping, keys)

    def _adopt(self, owner: Any, items: list[Any]) -> None:
        place = self._places[id(owner)]
        for item in items:
            key = id(item)
            if key in self._parents or key in self._places or key in self.sized_before:
                self.repeated.add(key)
            self._parents.setdefault(key, place)
