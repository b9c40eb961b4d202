"""Lengths with the room that a container keeps in advance, and the size of one item."""

from __future__ import annotations

import sys
from array import array
from typing import Any

from pympler.sizing.flat import basic_size, flat_size

__all__ = ["item_size", "room_of"]

_POINTER_BYTES = sys.getsizeof((None,)) - sys.getsizeof(())
_itemsize_of = type.__dict__["__itemsize__"].__get__


def item_size(item: Any) -> int:
    """Bytes of one item of a container, 0 for what has none."""
    kind = type(item)
    if issubclass(kind, (list, tuple)):
        return _POINTER_BYTES
    if issubclass(kind, dict):
        return 3 * _POINTER_BYTES
    if issubclass(kind, (set, frozenset)):
        return 2 * _POINTER_BYTES
    if issubclass(kind, array):
        return int(array.__dict__["itemsize"].__get__(item))
    if _is_array(kind):
        return int(_array_type().__dict__["itemsize"].__get__(item))
    return int(_itemsize_of(kind))


def room_of(item: Any) -> int | None:
    """How many items an object has room for, ``None`` for what has no items.

    Digits of an integer, characters of a string with the one that ends it, places of the tables of
    sets and dictionaries, items of arrays.
    """
    kind = type(item)
    if issubclass(kind, int):
        return max(1, -(-int.bit_length(item) // sys.int_info.bits_per_digit))
    if issubclass(kind, str):
        return str.__len__(item) + 1
    if issubclass(kind, (bytes, bytearray)):
        return kind_len(item) + 1
    if issubclass(kind, list):
        return (list.__sizeof__(item) - _basic(list)) // _POINTER_BYTES
    if issubclass(kind, tuple):
        return tuple.__len__(item)
    if issubclass(kind, (set, frozenset)):
        table = (flat_size(item) - basic_size(kind)) // (2 * _POINTER_BYTES)
        return table if table > 0 else 8
    if issubclass(kind, dict):
        return _table_of(dict.__len__(item))
    if issubclass(kind, array):
        return array.__len__(item)
    if _is_array(kind):
        return int(_array_type().__dict__["size"].__get__(item))
    return None


def kind_len(item: Any) -> int:
    """Length of a ``bytes`` or ``bytearray``, past a ``__len__`` of a subclass."""
    return bytes.__len__(item) if issubclass(type(item), bytes) else bytearray.__len__(item)


def _basic(kind: type) -> int:
    return kind.__basicsize__


def _table_of(entries: int) -> int:
    if entries == 0:
        return 0
    places = 8
    while places * 2 // 3 < entries:
        places *= 2
    return places


def _array_type() -> Any:
    numpy = sys.modules.get("numpy")
    return numpy.__dict__.get("ndarray") if numpy is not None else None


def _is_array(kind: type) -> bool:
    found = _array_type()
    return found is not None and issubclass(kind, found)
