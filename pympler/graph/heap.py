"""What is alive: every object that the interpreter can be asked for."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from contextvars import Context
from itertools import chain, compress, repeat
from operator import is_, not_
from types import FrameType, ModuleType
from typing import Any

from pympler.graph.containers import list_without_tuples
from pympler.graph.frozen import is_frozen
from pympler.graph.roots import Held, frame_locals, is_own_frame, module_namespace, root_phases
from pympler.sizing.compiled import extension, new_walker
from pympler.sizing.marks import MARK_SHIFT, marks_of

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
    frozen = is_frozen()
    if extension() is not None and not frozen:
        left_out = [id(ignore), id(ignored_types), *ignore]
        return _reach(None, left_out, ignored_types, include_frames)
    listed = without_passing(list_without_tuples())
    if frozen:
        roots = [root.item for phase in root_phases() for root in phase]
        # What stands for a root is made for the walk; what it refers to is the program's.
        made = [item for item in roots if _is_made(item)]
        listed += [item for item in roots if not _is_made(item)]
        listed += gc.get_referents(*made)
        del roots, made
    # Made after the listing, so that they are not in it; what was given is the caller's.
    if extension() is not None:
        left_out = [id(ignore), id(ignored_types), *ignore]
        return _reach(listed, left_out, ignored_types, include_frames)
    seen = marks_of([id(ignore), id(ignored_types), *ignore])
    found: list[Any] = []
    level = _fresh(listed, seen) if frozen else _without(listed, seen)
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
                for part in _referents(kind, items):
                    following += part if frozen else _unlisted(part)
        level = _fresh(following, seen)
    return found


def _reach(
    listed: list[Any] | None,
    left_out: list[int],
    ignored_types: Collection[int],
    include_frames: bool,
) -> list[Any]:
    """The same walk by the extension, which lists what gc tracks itself and hands back frames."""
    marks = extension().Marks
    left_out.append(id(left_out))
    walker = new_walker(shared=marks(left_out))
    skipped = marks(list(ignored_types))
    found: list[Any]
    found, frames = walker.reach(listed, skipped)
    del listed
    while frames:
        frames = [item for item in frames if not is_own_frame(item)]
        if include_frames:
            found += frames
        following = [value for item in frames for value in frame_locals(item).values()]
        more, frames = walker.reach(following, skipped)
        found += more
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
    return [item for item in items if not ((key := id(item) >> MARK_SHIFT) in seen or add(key))]


class _Groups(dict[int, Callable[[Any], None]]):
    """By the id of a type, the method that adds an object to the group of that type."""

    def __init__(self) -> None:
        super().__init__()
        self.lists: list[list[Any]] = []

    def __missing__(self, key: int) -> Callable[[Any], None]:
        items: list[Any] = []
        self.lists.append(items)
        self[key] = items.append
        return items.append


def by_type(objects: Iterable[Any]) -> Iterator[tuple[type, list[Any]]]:
    """Objects in groups of one type each."""
    groups = _Groups()
    for item in objects:
        groups[id(type(item))](item)
    for items in groups.lists:
        yield type(items[0]), items


def _without(items: list[Any], seen: set[int]) -> list[Any]:
    """Objects, each given once, but for those that are seen; seldom more than a few are."""
    return [item for item in items if id(item) >> MARK_SHIFT not in seen]


def _unlisted(items: list[Any]) -> list[Any]:
    """Of what listed objects refer to, what is not listed itself: tuples and what gc ignores."""
    untracked = compress(items, map(not_, map(gc.is_tracked, items)))
    return [*untracked, *compress(items, map(is_, map(type, items), repeat(tuple)))]


def _referents(kind: type, items: list[Any]) -> Iterator[list[Any]]:
    """What objects of one type refer to, in parts."""
    if issubclass(kind, ModuleType):
        # The referents of some C modules cannot be listed safely (_asyncio on 3.12.1).
        yield [module_namespace(item) for item in items]
        return
    if kind is FrameType:
        for item in items:
            yield list(frame_locals(item).values())
        return
    for start in range(0, len(items), _AT_ONCE):
        some = items[start : start + _AT_ONCE]
        yield gc.get_referents(*some)
        if issubclass(kind, dict):
            yield _keys(kind, some)


def _keys(kind: type, items: list[dict[Any, Any]]) -> list[Any]:
    """The keys of dictionaries, those that many of them share only once or a few times."""
    # gc lists the values alone where all keys are strings.
    if kind is dict:
        try:
            keys = list(chain.from_iterable(items))
        except RuntimeError:  # another thread, or a finalizer, changes one of them
            pass
        else:
            return list(dict(zip(map(id, keys), keys, strict=True)).values())
    return list(chain.from_iterable(map(keys_of, items)))


def keys_of(item: dict[Any, Any]) -> list[Any]:
    """The keys of a dictionary; none if another thread changes it all the time."""
    for _ in range(3):
        try:
            return list(dict.keys(item))
        except RuntimeError:  # another thread, or a finalizer, changed it
            continue
    return []
