"""What is alive: all objects, by type, by size, and what changed between two listings.

>>> from pympler import muppy
>>> before = muppy.get_objects()
>>> kept = ["a new list"]
>>> len(before) > 1000
True
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterable
from types import FrameType
from typing import IO, Any

from pympler.graph.heap import live_objects
from pympler.sizing.shallow import shallow_size
from pympler.util.text import safe_repr

__all__ = [
    "filter",
    "get_diff",
    "get_objects",
    "get_referents",
    "get_size",
    "ignore_object",
    "print_summary",
    "sort",
]


def get_objects(remove_dups: bool = True, include_frames: bool = False) -> list[Any]:
    """All objects that are alive, those included that gc does not track, at any depth.

    Collects garbage first. Objects of a heap that was frozen (``gc.freeze()``) are found from
    modules, threads and contexts.

    Args:
        remove_dups: accepted; each object is listed once in any case.
        include_frames: whether frames are listed.
    """
    gc.collect()
    return live_objects(include_frames=include_frames)


def get_size(objects: Iterable[Any]) -> int:
    """The bytes of objects, each without what it refers to."""
    return sum(map(shallow_size, objects))


def get_diff(left: Iterable[Any], right: Iterable[Any]) -> dict[str, list[Any]]:
    """What two lists of objects do not share.

    Returns:
        ``{"+": only in right, "-": only in left}``, compared by identity.

    Example:
        >>> same, old, new = [], ["old"], ["new"]
        >>> get_diff([same, old], [same, new])
        {'+': [['new']], '-': [['old']]}
    """
    left, right = list(left), list(right)
    in_left, in_right = set(map(id, left)), set(map(id, right))
    return {
        "+": [item for item in right if id(item) not in in_left],
        "-": [item for item in left if id(item) not in in_right],
    }


def sort(objects: Iterable[Any]) -> list[Any]:
    """Objects by their bytes, each without what it refers to, the smallest first."""
    return sorted(objects, key=shallow_size)


def filter(
    objects: Iterable[Any],
    Type: type | None = None,  # noqa: N803 - the name of 1.1
    min: int = -1,
    max: int = -1,
) -> list[Any]:
    """The objects of a type and within a range of bytes.

    Args:
        objects: the objects.
        Type: keep instances of this class; ``None`` for all.
        min: keep what has more bytes than this; -1 for no limit.
        max: keep what has fewer bytes than this; -1 for no limit.

    Raises:
        ValueError: if ``min`` is larger than ``max``.

    Example:
        >>> filter([1, "a", 2.5], Type=str)
        ['a']
    """
    if -1 < max < min:
        raise ValueError(f"min is {min} and max is {max}: nothing lies between")
    found = list(objects)
    if Type is not None:
        found = [item for item in found if issubclass(type(item), Type)]
    if min > -1:
        found = [item for item in found if shallow_size(item) > min]
    if max > -1:
        found = [item for item in found if shallow_size(item) < max]
    return found


def get_referents(object: Any, level: int = 1) -> list[Any]:
    """What an object refers to, each once and without the object itself.

    Args:
        object: the object.
        level: how many references away an object may be.

    Example:
        >>> get_referents([[1.5]], level=2)
        [[1.5], 1.5]
    """
    seen = {id(object)}
    found: list[Any] = []
    current = [object]
    for _ in range(level):
        following = []
        for item in gc.get_referents(*current):
            if id(item) not in seen:
                seen.add(id(item))
                following.append(item)
        if not following:
            break
        found += following
        current = following
    return found


def print_summary(stream: IO[str] | None = None) -> None:
    """Print what is alive by type.

    Args:
        stream: where to; standard output if ``None``.
    """
    from pympler import summary

    summary.print_(summary.summarize(get_objects()), stream=stream)


def ignore_object(obj: Any) -> bool:
    """Whether an object is left out of listings: a frame, or a proxy whose object is gone."""
    return type(obj) is FrameType or _is_dead_proxy(obj)


def _is_dead_proxy(obj: Any) -> bool:
    if not any(type(obj) is kind for kind in weakref.ProxyTypes):
        return False
    text = safe_repr(obj)
    return " to NoneType at " in text or text.endswith("; dead>")  # the second since 3.13
