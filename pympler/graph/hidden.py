"""What holds an object that no root leads to: garbage, or something that Python cannot see."""

from __future__ import annotations

import gc
import sys
from collections import Counter, deque
from collections.abc import Collection
from contextvars import Context
from dataclasses import dataclass
from itertools import filterfalse, repeat
from operator import is_
from types import CellType, CodeType, FrameType
from typing import Any

from pympler.graph.containers import list_without_tuples, referents
from pympler.graph.labels import is_suspended, label_path
from pympler.graph.roots import Root, is_own, is_own_frame
from pympler.graph.ways_walk import ATOMS
from pympler.util.names import type_name

__all__ = ["Hidden", "find_hidden", "may_be_constant"]

# What may be a constant in the code of a function, which gc does not show.
_CONSTANTS = frozenset(map(id, (str, bytes, int, float, complex, tuple, frozenset, CodeType)))
_MOST_NAMES = 3
_UNSEEN = "held by a running expression, an exit handler or a C extension"


@dataclass(frozen=True, slots=True)
class Hidden:
    """What refers to an object that no root leads to.

    Attributes:
        holder: the path from something that is held in a way that Python cannot see, ``None`` if
            there is no such thing.
        referrers: the types of the objects that refer to it, empty if none do.
    """

    holder: str | None
    referrers: str


def find_hidden(target: object, reached: Collection[int], passing: Collection[int] = ()) -> Hidden:
    """Explain an object that a complete walk from the roots did not come by.

    What refers to it was not come by either. Those objects that have more references than the
    others explain are held from outside, as the collector itself would find: the evaluation stack
    of a running function (the list that a ``for`` statement goes through), a context that a
    thread has entered, C code. If there are none, all of it is garbage.

    Args:
        target: the object.
        reached: ids of all objects that the roots lead to.
        passing: ids of objects whose own reference to the target does not count.
    """
    # Ids from here on: comprehensions would put the target into a cell of our own.
    wanted = id(target)
    ancestry = _ancestors(target, reached, passing)
    objects = ancestry.objects
    above = list(ancestry.following)[1:]
    for key in above:
        if is_own(objects[key]):
            return Hidden(f"only Pympler holds it: a {type_name(type(objects[key]))}", "")
    spare = _references_of_our_own()
    for key in above:
        # A cell that is held by a frame alone is a local variable, and as such no secret.
        if type(objects[key]) is CellType:
            continue
        if sys.getrefcount(objects[key]) - spare > ancestry.references[key]:
            return Hidden(_describe(key, ancestry), "")
    direct = [objects[key] for key in above if ancestry.following[key] == wanted]
    if ancestry.references[wanted] and not direct:
        direct = [objects[wanted]]  # it refers to itself
    if not may_be_constant(target) and _tuples_with(target) > sum(
        type(item) is tuple for item in direct
    ):
        return Hidden(f"tuple ({_UNSEEN})", "")
    names = sorted({type_name(type(item)) for item in direct})
    return Hidden(None, ", ".join(names[:_MOST_NAMES]) + ", ..." * (len(names) > _MOST_NAMES))


def may_be_constant(item: object) -> bool:
    """Whether an object is of a kind that the code of a function may hold."""
    return id(type(item)) in _CONSTANTS


def _tuples_with(target: object) -> int:
    # In one call into C, as in list_without_tuples().
    return sum(map(is_, map(type, gc.get_referrers(target)), repeat(tuple)))


@dataclass(frozen=True, slots=True)
class _Ancestry:
    """The objects from which a target can be reached, by id, the nearest first.

    Attributes:
        following: for each the next object on the shortest way to the target, 0 for the target.
        references: for each how often it is referred to.
    """

    objects: dict[int, Any]
    following: dict[int, int]
    references: Counter[int]


def _references_of_our_own() -> int:
    # Counted as above, because what the interpreter borrows differs between versions.
    objects = {0: object()}
    return sum(sys.getrefcount(objects[key]) for key in objects)


def _is_left_out(item: Any) -> bool:
    kind = type(item)
    return id(kind) in ATOMS or (kind is FrameType and is_own_frame(item))


def _ancestors(target: object, reached: Collection[int], passing: Collection[int]) -> _Ancestry:
    listed = filterfalse(_is_left_out, list_without_tuples())
    waiting = [item for item in listed if id(item) not in reached]
    del listed
    objects = {id(item): item for item in waiting}
    wanted = id(target)
    objects[wanted] = target
    referrers: dict[int, list[int]] = {}
    references: Counter[int] = Counter()
    while waiting:
        item = waiting.pop()
        for child in referents(item):
            key = id(child)
            if key == wanted:
                if id(item) in passing:
                    continue
            elif key in reached or id(type(child)) in ATOMS:
                continue
            elif key not in objects:
                objects[key] = child
                waiting.append(child)
            referrers.setdefault(key, []).append(id(item))
            references[key] += 1
    following = _towards(wanted, referrers)
    above = dict(zip(following, map(objects.__getitem__, following), strict=True))
    return _Ancestry(above, following, references)


def _towards(target: int, referrers: dict[int, list[int]]) -> dict[int, int]:
    """For each ancestor the next object on the shortest way to the target, the nearest first."""
    following = {target: 0}
    waiting = deque([target])
    while waiting:
        key = waiting.popleft()
        for referrer in referrers.get(key, ()):
            if referrer not in following:
                following[referrer] = key
                waiting.append(referrer)
    return following


def _describe(key: int, ancestry: _Ancestry) -> str:
    way = [ancestry.objects[key]]
    while ancestry.following[key]:
        key = ancestry.following[key]
        way.append(ancestry.objects[key])
    first = way[0]
    if type(first) is Context:
        return label_path(Root("context of a thread", first), way)
    label = "" if is_suspended(first) else type_name(type(first))
    text = label_path(Root(label, first), way).removeprefix(", ")
    return f"{text} ({_UNSEEN})"
