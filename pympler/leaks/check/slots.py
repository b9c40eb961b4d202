"""Slots: attributes and items whose value is replaced by a larger one again and again.

``LOG += line`` and ``SEEN = SEEN | {key}`` grow without any container growing in place.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Mapping
from types import FrameType, ModuleType
from typing import Any

from pympler.graph.roots import is_own
from pympler.leaks.growth import listed_objects

__all__ = ["Slots", "growing_slots", "read_slots", "slot_readers", "value_length"]

Key = tuple[int, int]
"""Id of the owner, and id of the key in a dictionary or the place among its referents."""

Slots = dict[Key, tuple[int, int]]
"""Id and length of the value in each slot."""

_LARGE_BYTES = 128
_MANY = 8
_LENGTHS: dict[int, Callable[[Any], int]] = {
    id(str): str.__len__,
    id(bytes): bytes.__len__,
    id(int): lambda value: int(value).bit_length() // 8,
    id(tuple): tuple.__len__,
    id(frozenset): frozenset.__len__,
    id(dict): dict.__len__,
    id(list): list.__len__,
    id(set): set.__len__,
}
_TEXTS = frozenset(map(id, (str, bytes, int)))


def value_length(value: Any) -> int | None:
    """Length of a value that is worth following in its slot, ``None`` for others."""
    read = _LENGTHS.get(id(type(value)))
    if read is None:
        return None
    length = read(value)
    return length if length >= (_LARGE_BYTES if id(type(value)) in _TEXTS else _MANY) else None


def read_slots() -> Slots:
    """The slots that hold something large, of all objects that gc tracks."""
    slots: Slots = {}
    for owner in listed_objects():
        kind = type(owner)
        if kind is FrameType or issubclass(kind, ModuleType) or is_own(owner):
            continue
        if kind is dict:
            for name, value in dict.items(owner):
                length = value_length(value) if type(name) is str else None
                if length is not None:
                    slots[id(owner), id(name)] = (id(value), length)
            continue
        for place, value in enumerate(gc.get_referents(owner)):
            length = value_length(value)
            if length is not None:
                slots[id(owner), place] = (id(value), length)
    return slots


def growing_slots(first: Slots, *later: Mapping[Key, tuple[int, int]]) -> dict[Key, int]:
    """The slots whose value was replaced by a larger one in each scan, and by how much in all.

    Example:
        >>> growing_slots({(1, 2): (7, 200)}, {(1, 2): (8, 300)}, {(1, 2): (9, 400)})
        {(1, 2): 200}
    """
    growing = {}
    for key, begun in first.items():
        before = begun
        for scan in later:
            now = scan.get(key)
            # A string may be extended in place, and a container that is the same grows visibly.
            if now is None or now[1] <= before[1]:
                break
            before = now
        else:
            growing[key] = before[1] - begun[1]
    return growing


def slot_readers(keys: Collection[Key]) -> dict[Key, Callable[[], Any]]:
    """For each of these slots a function that reads its value, unless its owner is gone."""
    wanted = {key[0] for key in keys}
    owners = {id(item): item for item in listed_objects() if id(item) in wanted}
    return {key: _reader(owners[key[0]], key[1]) for key in keys if key[0] in owners}


def _reader(owner: Any, place: int) -> Callable[[], Any]:
    if type(owner) is not dict:
        return lambda: _at(gc.get_referents(owner), place)
    name = next((name for name in owner if id(name) == place), None)
    return lambda: dict.get(owner, name)


def _at(items: list[Any], place: int) -> Any:
    return items[place] if place < len(items) else None
