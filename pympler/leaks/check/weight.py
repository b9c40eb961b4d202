"""What new entries of containers keep alive, which was not there before."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from pympler.sizing.flat import flat_size

__all__ = ["Left", "left_behind"]


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
