"""Containers of the whole process: which there are, and how long each is.

Collects nothing, and reads everything without running code of the application's.
"""

from __future__ import annotations

import array
import gc
import queue
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from io import BytesIO, StringIO
from types import ModuleType
from typing import Any

from pympler.graph.frozen import is_frozen
from pympler.graph.roots import module_namespace
from pympler.leaks.lengths import LruCache, length_reader
from pympler.sizing.compiled import extension, new_walker

__all__ = [
    "cache_dict",
    "fetch",
    "listed_objects",
    "read_lengths",
    "tracked_ids",
    "tracked_objects",
]

_CHUNK = 20_000


# Containers that gc may not track; they are found as referents of what it does track.
_UNTRACKED = frozenset(map(id, (dict, bytearray, array.array, queue.SimpleQueue)))

_ASKED = (BytesIO, StringIO, queue.SimpleQueue, LruCache)
"""Containers whose length the compiled walk leaves to :mod:`~pympler.leaks.lengths`."""

_Reader = Callable[[Any], int]


def tracked_objects(list_objects: Callable[[], list[Any]] = gc.get_objects) -> list[Any]:
    """All objects that gc tracks, those that the application has frozen included.

    ``gc.get_objects()`` leaves out what ``gc.freeze()`` has moved away; that much of it as modules
    lead to is found by walking.

    Args:
        list_objects: lists the others.
    """
    objects = list_objects()
    return objects + _frozen(objects) if is_frozen() else objects


def tracked_ids() -> frozenset[int]:
    """The ids of all objects that gc tracks now."""
    return frozenset(map(id, tracked_objects()))


def read_lengths(objects: list[Any] | None = None, *, least: int = 0) -> dict[int, int]:
    """The length of every container that can grow, by id.

    The dictionary inside an ``lru_cache`` and the list inside a ``SimpleQueue`` are left out: the
    cache and the queue stand for them.

    Args:
        objects: those that gc tracks, listed by the caller; by default they are listed here.
        least: leave out shorter ones.
    """
    if extension() is not None:
        return _compiled_lengths(objects, least)
    lengths: dict[int, int] = {}
    inner: set[int] = set()
    readers: dict[int, _Reader | None] = {}
    for item in listed_objects(objects):
        kind = type(item)
        try:
            read = readers[id(kind)]
        except KeyError:
            read = readers[id(kind)] = None if kind is frozenset else length_reader(kind)
        if read is None:
            continue
        length = read(item)
        if length >= least:
            lengths[id(item)] = length
        inner.update(_inner_ids(item))
    for key in inner:
        lengths.pop(key, None)
    return lengths


def _inner_ids(item: Any) -> list[int]:
    """The ids of containers that another one stands for."""
    if type(item) is LruCache:
        return [id(cache_dict(item))]
    if type(item) is queue.SimpleQueue:
        return [id(part) for part in gc.get_referents(item) if type(part) is list]
    return []


def _compiled_lengths(objects: list[Any] | None, least: int) -> dict[int, int]:
    lengths: dict[int, int]
    # Listed within the one call into C, if nothing is frozen: see list_without_tuples().
    if objects is None and is_frozen():
        objects = tracked_objects()
    kinds = (deque, array.array, queue.SimpleQueue, _ASKED)
    lengths, asked = new_walker().lengths(objects, *kinds, least)
    for item in asked:
        read = length_reader(type(item))
        length = -1 if read is None else read(item)
        if length >= least:
            lengths[id(item)] = length
    for item in asked:
        for key in _inner_ids(item):
            lengths.pop(key, None)
    return lengths


def fetch(ids: Collection[int]) -> dict[int, Any]:
    """The objects with these ids, as far as they are alive and listed by :func:`read_lengths`."""
    if not ids:
        return {}
    return {id(item): item for item in listed_objects() if id(item) in ids}


def cache_dict(cache: Any) -> Any:
    """The dictionary inside an ``lru_cache``."""
    size = cache.cache_info().currsize
    for item in gc.get_referents(cache):
        if type(item) is dict and len(item) == size and "__wrapped__" not in item:
            return item
    return None


def listed_objects(objects: list[Any] | None = None) -> Iterable[Any]:
    """The tracked objects, and the containers among their referents that are not tracked.

    The second are dictionaries of atoms (the attributes of an instance, up to Python 3.10),
    buffers and queues.

    Args:
        objects: the tracked objects, if they are listed already.
    """
    if objects is None:
        objects = tracked_objects()
    yield from objects
    seen: set[int] = set()
    for start in range(0, len(objects), _CHUNK):
        # The referents of some C modules cannot be listed safely (_asyncio on 3.12.1).
        chunk = [
            item
            for item in objects[start : start + _CHUNK]
            if not issubclass(type(item), ModuleType)
        ]
        for item in gc.get_referents(*chunk):
            if id(type(item)) in _UNTRACKED and not gc.is_tracked(item) and id(item) not in seen:
                seen.add(id(item))
                yield item


def _frozen(objects: Sequence[Any]) -> list[Any]:
    """The objects of the permanent generation that modules lead to."""
    known = set(map(id, objects))
    level = [
        module_namespace(module)
        for module in list(sys.modules.values())
        if issubclass(type(module), ModuleType)
    ]
    known.difference_update(map(id, level))
    found: list[Any] = []
    while level:
        fresh = []
        for item in level:
            if id(item) not in known and gc.is_tracked(item):
                known.add(id(item))
                if not issubclass(type(item), ModuleType):
                    fresh.append(item)
        found += fresh
        level = gc.get_referents(*fresh)
    listed = set(map(id, objects))
    return [item for item in found if id(item) not in listed]
