"""Paths from a root to an object: who holds it.

A breadth-first walk over the heap keeps parent pointers, without labels; only the path that is
asked for is followed once more and labelled.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

from pympler.graph.labels import LruCache, label_path
from pympler.graph.roots import Root, children, module_namespace
from pympler.graph.ways_compiled import compiled_ways
from pympler.graph.ways_walk import walk_ways
from pympler.sizing.compiled import extension

__all__ = ["Chains", "Handle", "Path", "find_chains", "find_paths"]


@dataclass(frozen=True, slots=True, eq=False)
class Handle:
    """Finds an object again without keeping it alive.

    Attributes:
        anchor: weak reference to the nearest object on the path that allows one.
        steps: ids and types of the objects from there on.
        hints: where each was found the last time.
    """

    anchor: weakref.ref[Any]
    steps: tuple[tuple[int, int], ...]
    hints: dict[int, Any] = field(default_factory=dict)

    @classmethod
    def along(cls, objects: list[Any]) -> Handle | None:
        """A handle on the last of the objects of a path, ``None`` if none of them allows one."""
        for place in range(len(objects) - 1, -1, -1):
            try:
                anchor = weakref.ref(objects[place])
            except TypeError:
                continue
            steps = tuple((id(item), id(type(item))) for item in objects[place + 1 :])
            return cls(anchor, steps)
        return None

    def resolve(self) -> Any:
        """The object, or ``None`` if it is gone or no longer in its place.

        Takes about a microsecond where it is found in the same place as the time before.
        """
        item = self.anchor()
        for place, wanted in enumerate(self.steps):
            if item is None:
                return None
            item = self._child(item, wanted, place)
        return item

    def _child(self, item: Any, wanted: tuple[int, int], place: int) -> Any:
        # Modules are looked at by name: they have many.
        by_name = issubclass(type(item), ModuleType)
        found: Any = module_namespace(item) if by_name else children(item)
        last = self.hints.get(place)
        if by_name:
            child = dict.get(found, last)
        else:
            child = found[last] if type(last) is int and last < len(found) else None
        if (id(child), id(type(child))) == wanted:
            return child
        for key, child in list(dict.items(found)) if by_name else enumerate(found):
            if (id(child), id(type(child))) == wanted:
                if type(key) in (str, int):
                    self.hints[place] = key
                return child
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """A way from a root to an object.

    Attributes:
        text: the path in words that a developer can paste, such as ``shop.cart._CACHE``.
        ids: ids of the objects from the root to the object, both included.
        handle: finds the object again, without keeping it alive.
    """

    text: str
    ids: tuple[int, ...]
    handle: Handle | None

    def resolve(self) -> Any:
        """The object at the end of the path, or ``None`` if it is not there any more."""
        return self.handle.resolve() if self.handle is not None else None


class Chains:
    """The outcome of a walk: for each object that was found, the ids on the way to it.

    Holds the roots (frames among them), so keep it no longer than needed.

    Attributes:
        ids: for each target that a root leads to, the ids from the root to it, both included.
        reached: ids of all that the walk came by, if it was asked to keep them.
    """

    def __init__(
        self,
        roots: Mapping[int, Root],
        ids: Mapping[int, tuple[int, ...]],
        reached: Collection[int] = (),
    ) -> None:
        self._roots = roots
        self.ids = ids
        self.reached = reached

    def root(self, ids: tuple[int, ...]) -> Root:
        """The root that a way begins at."""
        return self._roots[ids[0]]

    def objects(self, ids: tuple[int, ...]) -> list[Any] | None:
        """The objects on a way, ``None`` if it cannot be followed any more."""
        root = self._roots.get(ids[0])
        if root is None:
            return None
        objects = [root.item]
        for wanted in ids[1:]:
            found = next((item for item in children(objects[-1]) if id(item) == wanted), None)
            if found is None:
                return None
            objects.append(found)
        return objects

    def describe(self, objects: list[Any]) -> Path:
        """The path along objects that :meth:`objects` found, from the root on."""
        ids = tuple(map(id, objects))
        return Path(label_path(self._roots[ids[0]], objects), ids, Handle.along(objects))

    def describe_holder(self, objects: list[Any]) -> Path:
        """The same, for what holds other objects: a cache is named by the function it is of."""
        path = self.describe(objects)
        if type(objects[-1]) is LruCache and not path.text.startswith("lru_cache of "):
            return replace(path, text=f"lru_cache of {path.text}")
        return path


def find_chains(
    targets: Iterable[int],
    *,
    ignore: Collection[int] = (),
    passing: Collection[int] = (),
    restarts: int = 0,
    keep_reached: bool = False,
    with_atoms: bool = True,
    with_own: bool = False,
) -> Chains:
    """Walk the heap from its roots until all objects with these ids are found.

    The most application-like way of several is preferred: through modules of the application
    before installed ones, the standard library, frames and contexts, and the shortest of those.

    Args:
        targets: ids of live objects.
        ignore: ids of objects that a way must not lead through, besides Pympler's own.
        passing: ids of objects whose own reference to a target does not count, such as the
            frame that asks.
        restarts: how often to let go of everything and begin again because a full collection
            starts meanwhile, before a walk is finished all the same. The compiled walk keeps
            nothing from a collection.
        keep_reached: whether the outcome says which objects the walk came by; for a target that
            was not found, those are all that any root leads to.
        with_atoms: whether there may be strings, numbers or code among the targets.
        with_own: whether there may be objects of Pympler's own, which the compiled walk does not
            see.
    """
    wanted = frozenset(targets)
    # Up to 3.10 frames refer to more than the two walks agree on.
    if extension() is not None and not with_own and sys.version_info >= (3, 11):
        ways = compiled_ways(
            wanted, ignore=ignore, passing=passing, keep_reached=keep_reached, with_atoms=with_atoms
        )
    else:
        ways = walk_ways(
            wanted, ignore=ignore, passing=passing, restarts=restarts, keep_reached=keep_reached
        )
    return Chains(ways.roots, ways.ids, ways.reached)


def find_paths(targets: Iterable[int], *, ignore: Collection[int] = ()) -> dict[int, Path]:
    """Paths to the objects with these ids; those that no root leads to are left out.

    Args:
        targets: ids of live objects.
        ignore: as in :func:`find_chains`.

    Example:
        >>> import gc
        >>> find_paths([id(gc.callbacks)])[id(gc.callbacks)].text
        'gc.callbacks'
    """
    chains = find_chains(targets, ignore=ignore)
    paths: dict[int, Path] = {}
    for target, ids in chains.ids.items():
        objects = chains.objects(ids)
        if objects is not None:
            paths[target] = chains.describe(objects)
    return paths
