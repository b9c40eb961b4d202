"""What is alive: every object that the interpreter can be asked for."""

from __future__ import annotations

import gc
import sys
from collections.abc import Collection, Iterable, Iterator
from contextvars import Context
from types import FrameType, ModuleType
from typing import Any

from pympler.graph.containers import list_without_tuples
from pympler.graph.roots import Held, frame_locals, is_own_frame, module_namespace, root_phases

__all__ = ["by_type", "keys_of", "live_objects", "without_passing"]

_AT_ONCE = 5000
_ATOMS = frozenset(map(id, (str, int, float, complex, bytes, bool, type(None))))


def live_objects(
    *,
    include_frames: bool = False,
    ignore: Collection[int] = (),
    ignored_types: Collection[int] = (),
) -> list[Any]:
    """All objects that are alive, each once: what gc tracks and what that leads to.

    Strings, numbers, and tuples and dictionaries of such are found through what holds them, at
    any depth. While the application has frozen its heap, for which gc then shows nothing, the walk
    begins at modules, threads and contexts.

    Args:
        include_frames: whether frames are listed. They are looked into in any case.
        ignore: ids of objects that are neither listed nor looked into.
        ignored_types: ids of types whose instances are neither.
    """
    listed = without_passing(list_without_tuples())
    if gc.get_freeze_count():
        roots = [root.item for phase in root_phases() for root in phase]
        # What stands for a root is made for the walk; what it refers to is the program's.
        made = [item for item in roots if _is_made(item)]
        listed += [item for item in roots if not _is_made(item)]
        listed += gc.get_referents(*made)
        del roots, made
    # Made after the listing, so that they are not in it; what was given is the caller's.
    seen = {id(ignore), id(ignored_types), *ignore}
    found: list[Any] = []
    level = _fresh(listed, seen)
    del listed
    while level:
        following: list[Any] = []
        for kind, items in by_type(level):
            if id(kind) in ignored_types:
                continue
            if kind is FrameType:
                items = [item for item in items if not is_own_frame(item)]
            if kind is not FrameType or include_frames:
                found += items
            if id(kind) not in _ATOMS:
                _follow(kind, items, following)
        level = _fresh(following, seen)
    return found


def _is_made(item: Any) -> bool:
    return type(item) is Held or type(item) is Context


def without_passing(listed: list[Any]) -> list[Any]:
    """A listing without what nothing but the listing holds: what was made for it."""
    alone = next(sys.getrefcount(item) for item in [object()])
    passing = True
    while passing:  # what is dropped lets go of what it held
        before = len(listed)
        listed = [item for item in listed if sys.getrefcount(item) > alone]
        passing = len(listed) < before
    return listed


def _fresh(items: Iterable[Any], seen: set[int]) -> list[Any]:
    add = seen.add
    return [item for item in items if not ((key := id(item)) in seen or add(key))]


def by_type(objects: Iterable[Any]) -> Iterator[tuple[type, list[Any]]]:
    """Objects in groups of one type each."""
    groups: dict[int, list[Any]] = {}
    for item in objects:
        key = id(type(item))
        if key in groups:
            groups[key].append(item)
        else:
            groups[key] = [item]
    for items in groups.values():
        yield type(items[0]), items


def _follow(kind: type, items: list[Any], following: list[Any]) -> None:
    """Add what objects of one type refer to."""
    if issubclass(kind, ModuleType):
        # The referents of some C modules cannot be listed safely (_asyncio on 3.12.1).
        following.extend(module_namespace(item) for item in items)
        return
    if kind is FrameType:
        for item in items:
            following.extend(frame_locals(item).values())
        return
    for start in range(0, len(items), _AT_ONCE):
        following.extend(gc.get_referents(*items[start : start + _AT_ONCE]))
    if issubclass(kind, dict):
        for item in items:
            following.extend(keys_of(item))


def keys_of(item: dict[Any, Any]) -> list[Any]:
    """The keys of a dictionary; none if another thread changes it all the time."""
    # gc lists the values alone where all keys are strings.
    for _ in range(3):
        try:
            return list(dict.keys(item))
        except RuntimeError:  # another thread, or a finalizer, changed it
            continue
    return []
