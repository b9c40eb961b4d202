"""The growth scan: which containers of the process keep growing, and what they took in.

It collects nothing by itself, but lists the whole heap several times: it is for those who own
their process. Everything is read without running code of the application's.
"""

from __future__ import annotations

import array
import gc
import itertools
import queue
import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO, StringIO
from types import FrameType, ModuleType
from typing import Any

from pympler.graph.frozen import is_frozen
from pympler.graph.roots import Held, hook_roots, is_own, module_namespace
from pympler.leaks.lengths import LruCache, length_reader
from pympler.sizing.compiled import extension, new_walker
from pympler.sizing.flat import flat_size

__all__ = [
    "Left",
    "Link",
    "Tracks",
    "advance",
    "cache_dict",
    "fetch",
    "find_hubs",
    "find_links",
    "growing",
    "left_behind",
    "listed_objects",
    "reached",
    "read_lengths",
    "start_tracks",
    "tracked_ids",
    "tracked_objects",
]

Tracks = dict[int, tuple[int, ...]]
"""Lengths of containers, one per scan, by id."""

_CHUNK = 20_000
_MOST_HEADS = 200
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


def start_tracks(lengths: Mapping[int, int]) -> Tracks:
    """Begin to track containers with their first lengths."""
    return {key: (length,) for key, length in lengths.items()}


def advance(tracks: Tracks, lengths: Mapping[int, int]) -> Tracks:
    """Continue tracks with new lengths, without those that are gone, shrank or stand still.

    A container may stand still once, because the attributes of an instance move into a
    dictionary when there are many.

    Example:
        >>> advance({1: (5, 6), 2: (5, 6), 3: (5, 5)}, {1: 7, 2: 5, 3: 5})
        {1: (5, 6, 7)}
    """
    advanced: Tracks = {}
    for key, track in tracks.items():
        length = lengths.get(key, -1)
        if length < track[-1] or (length == track[0] and len(track) > 1):
            continue
        advanced[key] = (*track, length)
    return advanced


def growing(
    tracks: Mapping[int, tuple[int, ...]], requests: int, *, least: float = 0.05
) -> dict[int, float]:
    """The containers that grew in every round, or in all but one, and by how much per request.

    Args:
        tracks: their lengths.
        requests: requests in each round.
        least: smallest growth per request that counts.

    Example:
        >>> growing({1: (0, 20, 40, 60), 2: (0, 1, 1, 1), 3: (0, 0, 20, 40)}, 20)
        {1: 1.0, 3: 0.6666666666666666}
    """
    found = {}
    for key, track in tracks.items():
        steps = [after - before for before, after in itertools.pairwise(track)]
        grown = sum(step > 0 for step in steps)
        growth = (track[-1] - track[0]) / (requests * max(len(steps), 1))
        if grown >= max(2, len(steps) - 1) and growth >= least:
            found[key] = growth
    return found


@dataclass(frozen=True, slots=True)
class Left:
    """What some entries keep alive: the number of objects and the sum of their flat sizes."""

    objects: int
    flat_bytes: int


def left_behind(groups: Iterable[Callable[[], list[Any]]], old: Collection[int]) -> list[Left]:
    """What the new entries of some containers keep alive; what several share counts once.

    Args:
        groups: for each container a function that lists its new entries; what they share is
            counted for the first.
        old: ids of the objects that were there before, where the walk ends.

    Objects that gc does not track count if nothing else refers to them, as their reference
    count tells.
    """
    tracked: set[int] = set()
    loose: dict[int, list[Any]] = {}
    # All are walked before anything is counted: what a walk refers to is gone by then.
    found = [_new_behind(list_entries(), old, tracked, loose) for list_entries in groups]
    return [_weigh(fresh, [loose[key] for key in own]) for fresh, own in found]


def _new_behind(
    level: list[Any], old: Collection[int], tracked: set[int], loose: dict[int, list[Any]]
) -> tuple[list[Any], set[int]]:
    """The new objects behind some entries that no walk before came to.

    Args:
        level: the entries.
        old: ids of the objects where the walk ends.
        tracked: ids of what gc tracks and was met so far, added to.
        loose: by its id what gc does not track, and how many references to it were met so far.

    Returns:
        What gc tracks, and the ids of what it does not.
    """
    fresh: list[Any] = []
    own: set[int] = set()
    while level:
        following: list[Any] = []
        for item in level:
            key = id(item)
            if gc.is_tracked(item):
                if key in tracked or key in old or issubclass(type(item), ModuleType):
                    continue
                tracked.add(key)
                fresh.append(item)
            elif key in loose:
                loose[key][1] += 1
                continue
            else:
                loose[key] = [item, 1]
                own.add(key)
            following.append(item)
        level = gc.get_referents(*following)
    return fresh, own


def _weigh(fresh: list[Any], loose: list[list[Any]]) -> Left:
    alone = [row[0] for row in loose if _is_held_by(row)]
    size = sum(map(flat_size, fresh)) + sum(map(flat_size, alone))
    return Left(len(fresh) + len(alone), size)


def _is_held_by(row: list[Any]) -> bool:
    # One reference is the row's own, one the argument's.
    return bool(sys.getrefcount(row[0]) - 2 == row[1])


@dataclass(frozen=True, slots=True, eq=False)
class Link:
    """A new object that an old one points at.

    Attributes:
        read: what stands in its place now.
        child: the new object; reach: the number of new ones reached through it.
    """

    read: Callable[[], Any]
    child: Any
    reach: int


def find_links(old: Collection[int]) -> list[Link]:
    """Old objects that now point at new ones, those that lead to most of them first.

    Finds what no container shows: linked lists, chains of exceptions, hooks that call the ones
    before them.

    Args:
        old: ids of the objects that were there before.
    """
    objects = tracked_objects()
    new = {id(item) for item in objects if id(item) not in old}
    heads: list[tuple[Callable[[], Any], Any]] = []
    for root in hook_roots():
        held = root.item.items if type(root.item) is Held else ()
        heads += [(_hook_reader(root.label), child) for child in held if id(child) in new]
    for item in objects:
        kind = type(item)
        if id(item) not in old or kind is FrameType or issubclass(kind, ModuleType):
            continue
        referents = gc.get_referents(item)
        if new.isdisjoint(map(id, referents)) or is_own(item):
            continue
        heads += [(_reader(item, child), child) for child in referents if id(child) in new]
    links = [Link(read, child, len(reached(child, new))) for read, child in heads[:_MOST_HEADS]]
    return sorted(links, key=lambda link: -link.reach)


def find_hubs(old: Collection[int], least: float) -> list[Any]:
    """Old objects that now point at so many new ones, though they are containers of no known type.

    Such as the elements of a tree that is made in C, or a future with callbacks.

    Args:
        old: ids of the objects that were there before.
        least: how many new ones.
    """
    objects = tracked_objects()
    new = {id(item) for item in objects if id(item) not in old}
    found = []
    for item in objects:
        kind = type(item)
        if id(item) not in old or kind is FrameType or issubclass(kind, ModuleType):
            continue
        referents = gc.get_referents(item)
        if len(referents) < least or length_reader(kind) is not None or is_own(item):
            continue
        if sum(id(child) in new for child in referents) >= least:
            found.append(item)
    return found


def _hook_reader(label: str) -> Callable[[], Any]:
    def read() -> Any:
        found = (root.item for root in hook_roots() if root.label == label)
        return next((item.items[0] for item in found if type(item) is Held), None)

    return read


def _reader(owner: Any, child: Any) -> Callable[[], Any]:
    if type(owner) is dict:
        name = next((name for name, value in dict.items(owner) if value is child), None)
        return lambda: dict.get(owner, name)
    place = next((i for i, one in enumerate(gc.get_referents(owner)) if one is child), 0)

    def read() -> Any:
        referents = gc.get_referents(owner)
        return referents[place] if place < len(referents) else None

    return read


def reached(head: Any, new: Collection[int]) -> set[int]:
    """The ids of the new objects that one of them leads to, itself included."""
    seen = {id(head)}
    level = [head]
    while level:
        following = []
        for child in gc.get_referents(*level):
            if id(child) in new and id(child) not in seen:
                seen.add(id(child))
                following.append(child)
        level = following
    return seen


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
