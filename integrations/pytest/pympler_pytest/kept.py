"""Kept: what a test leaves behind, for the summary at the end."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pympler.graph.containers import list_without_tuples
from pympler.sizing.flat import flat_size
from pympler.util.names import type_name

__all__ = ["Census", "Kept"]

_MOST_TYPES = 3
_OWN = ("_pytest.", "pytest.", "pluggy.", "pympler", "xdist.")


@dataclass(frozen=True, slots=True)
class Kept:
    """What one test kept.

    Attributes:
        objects: objects tracked by gc, without tuples; bytes: sum of their flat sizes.
        types: the names of the most frequent types, with their numbers.
        runs: how often the body was run to keep this.
    """

    objects: int
    bytes: int
    types: tuple[tuple[str, int], ...]
    runs: int = 1

    def for_runs(self, runs: int) -> Kept:
        """The same, of a body that was run so often."""
        return Kept(self.objects, self.bytes, self.types, runs)

    def to_dict(self) -> dict[str, Any]:
        """This as JSON-ready data."""
        types = [list(pair) for pair in self.types]
        return {"objects": self.objects, "bytes": self.bytes, "types": types, "runs": self.runs}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Kept:
        """What :meth:`to_dict` described."""
        types = tuple((str(name), int(number)) for name, number in data["types"])
        return cls(data["objects"], data["bytes"], types, data["runs"])


class Census:
    """The objects that are alive before a test."""

    def __init__(self) -> None:
        gc.collect()
        self._ids: set[int] = set()
        self._ids.update(map(id, gc.get_objects()))

    def kept(self, reports: Iterable[Any]) -> Kept:
        """What has come since, but for pytest's own objects.

        Args:
            reports: on the test, which pytest keeps.
        """
        gc.collect()
        known = _reached(list(reports))
        known |= {id(known), id(self._ids), id(self), id(self.__dict__)}
        known |= self._ids
        # Listed twice: what the first listing makes for itself is gone by the second.
        twice = set(map(id, gc.get_objects()))
        new = [
            item
            for item in list_without_tuples()
            if id(item) in twice
            and id(item) not in known
            and not type_name(type(item)).startswith(_OWN)
        ]
        types = Counter(type_name(type(item)) for item in new)
        size = sum(map(flat_size, new))
        return Kept(len(new), size, tuple(types.most_common(_MOST_TYPES)))


def _reached(items: list[Any]) -> set[int]:
    """The ids of what hangs on some reports: small trees of lists and dictionaries."""
    found: set[int] = set()
    while items:
        level = [item for item in items if id(item) not in found]
        found.update(map(id, level))
        items = [
            item
            for item in gc.get_referents(*level)
            if type(item) in (dict, list) or type(item).__module__.startswith("_pytest.")
        ]
        if len(found) > 10_000:
            break
    return found
