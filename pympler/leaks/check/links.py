"""Links: old objects that now point at new ones, where no container tells that anything grows.

Such are linked lists, chains of exceptions, hooks that call the ones before them.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection
from dataclasses import dataclass
from types import FrameType, ModuleType
from typing import Any

from pympler.graph.roots import Held, hook_roots, is_own
from pympler.leaks.containers import tracked_objects
from pympler.leaks.lengths import length_reader

__all__ = ["Link", "find_hubs", "find_links", "reached"]

_MOST_HEADS = 200


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
