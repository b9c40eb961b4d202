"""Lengths of containers, read without running code of the user's."""

from __future__ import annotations

import array
import functools
import gc
import queue
from collections import deque
from collections.abc import Callable, Iterator
from io import BytesIO, StringIO
from types import FunctionType, ModuleType
from typing import Any

from pympler.sizing.named import namespace_of

__all__ = [
    "LruCache",
    "bound_of",
    "length_of",
    "length_reader",
    "parts_of",
    "total_length",
    "way_to_part",
]

LruCache = type(functools.lru_cache(lambda: None))

# The base type's own method, by id of the type: a subclass may define a __len__ of its own, and a
# metaclass a __hash__.
_LENGTHS: dict[int, Callable[[Any], int]] = {
    id(dict): dict.__len__,
    id(list): list.__len__,
    id(set): set.__len__,
    id(frozenset): frozenset.__len__,
    id(deque): deque.__len__,
    id(bytearray): bytearray.__len__,
    id(array.array): array.array.__len__,
    id(BytesIO): lambda item: _position(BytesIO, item) or BytesIO.__sizeof__(item),
    id(StringIO): lambda item: _position(StringIO, item),
    id(queue.SimpleQueue): queue.SimpleQueue.qsize,
    # The type's own method: the cached function may have an attribute of that name.
    id(LruCache): lambda item: int(LruCache.cache_info(item).currsize),
}


def _position(base: Any, item: Any) -> int:
    # A view of the buffer would forbid the application to resize it meanwhile, and its allocated
    # size grows in steps; who writes stands at its end.
    try:
        return int(base.tell(item))
    except ValueError:  # closed
        return 0


_MOST_ENTRIES = 1000
_MOST_PARTS = 64
_NO_PARTS = (type, ModuleType, FunctionType)

_mro_of = type.__dict__["__mro__"].__get__
_maxlen_of = deque.__dict__["maxlen"].__get__


def length_of(item: Any) -> int | None:
    """Number of entries of a container (bytes of a buffer), ``None`` for what is none.

    Example:
        >>> length_of([1, 2]), length_of({}), length_of(42)
        (2, 0, None)
    """
    read = length_reader(type(item))
    return None if read is None else read(item)


def length_reader(kind: type) -> Callable[[Any], int] | None:
    """The function that reads the length of containers of this type, ``None`` for others."""
    for base in _mro_of(kind):
        length = _LENGTHS.get(id(base))
        if length is not None:
            return length
    return None


def total_length(item: Any) -> int:
    """Number of entries of a container and of its :func:`parts_of`, all together.

    Example:
        >>> total_length([[1, 2], [3]])
        5
    """
    return sum(length_of(part) or 0 for part in [item, *parts_of(item)])


def parts_of(item: Any) -> list[Any]:
    """The containers that a container holds: its entries, or attributes of its entries.

    Not those that several entries have in common, and not more than some dozens: to read their
    lengths is to take microseconds.

    Example:
        >>> parts_of({"a": [1], "b": [2]})
        [[1], [2]]
    """
    if (length_of(item) or 0) > _MOST_ENTRIES:
        return []
    entries = gc.get_referents(item)[: 2 * _MOST_PARTS]  # keys are among them
    parts = [entry for entry in entries if length_reader(type(entry)) is not None]
    if parts:
        return parts[:_MOST_PARTS]
    once: dict[int, Any] = {}
    twice: set[int] = set()
    for entry in entries:
        for part in _attributes(entry):
            if id(part) in once:
                twice.add(id(part))
            once[id(part)] = part
    return [part for key, part in once.items() if key not in twice][:_MOST_PARTS]


def way_to_part(item: Any) -> list[Any]:
    """The objects on the way to one of the :func:`parts_of` a container, the part last."""
    wanted = {id(part) for part in parts_of(item)}
    entries = gc.get_referents(item)
    for entry in entries:
        if id(entry) in wanted:
            return [entry]
    for entry in entries:
        for part in _attributes(entry):
            if id(part) in wanted:
                return [entry, part]
    return []


def _attributes(owner: Any) -> Iterator[Any]:
    """The containers that an object has as attributes."""
    if not gc.is_tracked(owner) or issubclass(type(owner), _NO_PARTS):
        return
    referents = gc.get_referents(owner)
    # The attributes of some objects lie in a dictionary, which is not one of them.
    namespace = namespace_of(owner) if any(type(one) is dict for one in referents) else None
    for part in referents:
        attributes = gc.get_referents(part) if part is namespace else [part]
        yield from (one for one in attributes if length_reader(type(one)) is not None)


def bound_of(item: Any) -> int | None:
    """Most entries that a container declares it will ever have, ``None`` if it declares none.

    Example:
        >>> from collections import deque
        >>> bound_of(deque(maxlen=3)), bound_of([])
        (3, None)
    """
    kind = type(item)
    bound: int | None = None
    if kind is LruCache:
        bound = LruCache.cache_info(item).maxsize
    elif issubclass(kind, deque):
        bound = _maxlen_of(item)
    return bound
