"""Slots: attributes and items whose value is replaced by a larger one again and again.

``LOG += line`` and ``SEEN = SEEN | {key}`` grow without any container growing in place.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Callable, Collection, Mapping
from contextvars import Context, copy_context
from queue import SimpleQueue
from types import FrameType, ModuleType
from typing import Any

from pympler.graph.roots import is_own
from pympler.leaks.check.candidates import Candidate, entries_of, name_objects
from pympler.leaks.containers import listed_objects
from pympler.leaks.lengths import LruCache, bound_of
from pympler.sizing.flat import flat_size
from pympler.util.names import type_name

__all__ = ["Slots", "growing_slots", "read_slots", "slot_candidates", "slot_readers"]

Key = tuple[int, int]
"""Id of the owner, and id of the key in a dictionary or the place among its referents.

For a context variable it is 0 for the current context, or the id of another, and the id of the
variable.
"""

Slots = dict[Key, int]
"""Length of the value in each slot."""

_LARGE_BYTES = 64
_MANY = 8
_MOST = 20
_LENGTHS: dict[int, Callable[[Any], int]] = {
    id(str): str.__len__,
    id(bytes): bytes.__len__,
    id(int): lambda value: int(value).bit_length() // 8,
    id(tuple): tuple.__len__,
    id(frozenset): frozenset.__len__,
    id(dict): dict.__len__,
    id(list): list.__len__,
    id(set): set.__len__,
    id(deque): deque.__len__,
    id(bytearray): bytearray.__len__,
}
_TEXTS = frozenset(map(id, (str, bytes, int, bytearray)))
# What is inside a cache or a queue is said by the cache or queue; frames change all the time.
_LEFT_OUT = frozenset(map(id, (FrameType, LruCache, SimpleQueue)))
_MOST_REFERENTS = 1000  # they are listed for each look


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
    # The nodes of a context are made anew for each value: only the variable stays the same.
    for variable, value in copy_context().items():
        _read(slots, 0, id(variable), value)
    for owner in listed_objects():
        kind = type(owner)
        if kind is Context:
            for variable, value in owner.items():
                _read(slots, id(owner), id(variable), value)
            continue
        if id(kind) in _LEFT_OUT or issubclass(kind, ModuleType) or is_own(owner):
            continue
        if kind is dict:
            for name, value in list(dict.items(owner)):
                if type(name) is str:
                    _read(slots, id(owner), id(name), value)
            continue
        referents = gc.get_referents(owner)
        if len(referents) <= _MOST_REFERENTS:
            for place, value in enumerate(referents):
                _read(slots, id(owner), place, value)
    return slots


def _read(slots: Slots, owner: int, place: int, value: Any) -> None:
    length = value_length(value)
    if length is not None:
        slots[owner, place] = length


def growing_slots(first: Slots, *later: Mapping[Key, int]) -> dict[Key, int]:
    """The slots whose value was larger in each scan than before, and by how much in all.

    A container that grows in its slot is among them: one that was replaced by a longer copy may
    have got the address of the one before.

    Example:
        >>> growing_slots({(1, 2): 200}, {(1, 2): 300}, {(1, 2): 400})
        {(1, 2): 200}
    """
    growing = {}
    for key, begun in first.items():
        before = begun
        for scan in later:
            now = scan.get(key)
            if now is None or now <= before:
                break
            before = now
        else:
            growing[key] = before - begun
    return growing


def slot_readers(keys: Collection[Key]) -> dict[Key, Callable[[], Any]]:
    """For each of these slots a function that reads its value, unless its owner is gone."""
    wanted = {key[0] for key in keys}
    owners = {id(item): item for item in listed_objects() if id(item) in wanted}
    owners[0] = None
    return {key: _reader(owners[key[0]], key[1]) for key in keys if key[0] in owners}


def slot_candidates(growing_by: Mapping[Key, int], requests: int) -> list[Candidate]:
    """The values of slots that grow, named.

    Args:
        growing_by: the slots, with what they grew by.
        requests: in how many requests.
    """
    found = []
    readers = slot_readers(sorted(growing_by, key=lambda key: -growing_by[key])[:_MOST])
    values = {key: read() for key, read in readers.items()}
    names = name_objects({id(value): value for value in values.values()})
    for key, value in values.items():
        name = names.get(id(value))
        if name is not None:
            growth = growing_by[key] / requests
            found.append(_candidate(key, readers[key], growth, value, name))
    return found


def _candidate(
    key: Key, read: Callable[[], Any], growth: float, value: Any, name: Any
) -> Candidate:
    return Candidate(
        path=name.text,
        type=type_name(type(value)),
        application=name.application,
        length=lambda: value_length(read()),
        entries=lambda: entries_of(read()),
        table_bytes=lambda: flat_size(read()),
        growth=growth,
        bound=bound_of(value),
        declared=name.declared,
        key=key,
        is_slot=True,
    )


def _reader(owner: Any, place: int) -> Callable[[], Any]:
    if owner is None or type(owner) is Context:
        for variable in owner or copy_context():
            if id(variable) == place:
                return lambda: (owner or copy_context()).get(variable)
        return lambda: None
    if type(owner) is not dict:
        return lambda: _at(gc.get_referents(owner), place)
    name = next((name for name in owner if id(name) == place), None)
    return lambda: dict.get(owner, name)


def _at(items: list[Any], place: int) -> Any:
    return items[place] if place < len(items) else None
