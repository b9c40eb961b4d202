"""Paths from a root to an object: who holds it.

A breadth-first walk over the heap keeps parent pointers by id, without labels; only the path that
is asked for is followed once more and labelled. The walk holds one level of the heap at a time
and nothing afterwards.
"""

from __future__ import annotations

import gc
import sys
import types
import weakref
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pympler.graph.labels import LruCache, label_path
from pympler.graph.roots import Root, children, is_own, module_namespace, root_phases

__all__ = ["ATOMS", "Chains", "Handle", "Path", "find_chains", "find_paths"]

ATOMS = frozenset(
    id(kind)
    for kind in (
        str,
        bytes,
        int,
        float,
        complex,
        bool,
        type(None),
        type(...),
        type(NotImplemented),
        range,
        types.CodeType,
        types.GetSetDescriptorType,
        types.MemberDescriptorType,
        types.MethodDescriptorType,
        types.WrapperDescriptorType,
        types.ClassMethodDescriptorType,
    )
)


@dataclass(frozen=True, slots=True, eq=False)
class Handle:
    """Finds an object again without keeping it alive.

    Attributes:
        anchor: weak reference to the nearest object on the path that allows one.
        steps: ids and types of the objects from there on.
    """

    anchor: weakref.ref[Any]
    steps: tuple[tuple[int, int], ...]

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
        """The object, or ``None`` if it is gone or no longer in its place."""
        item = self.anchor()
        for wanted_id, wanted_type in self.steps:
            if item is None:
                return None
            item = next(
                (
                    child
                    for child in children(item)
                    if id(child) == wanted_id and id(type(child)) == wanted_type
                ),
                None,
            )
        return item


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


@dataclass(slots=True, eq=False)
class _Walk:
    targets: frozenset[int]
    parents: dict[int, int]
    passing: frozenset[int] = frozenset()
    found: set[int] = field(default_factory=set)
    levels: tuple[list[Any], ...] = ()
    broken_off: bool = False

    def break_off(self, phase: str, info: dict[str, int]) -> None:
        """Let go of the heap; a hook for ``gc.callbacks``.

        What the walk holds when a full collection starts survives it, and if it is garbage has
        to wait for the next one, which in a large heap is far off.
        """
        if phase == "start" and info["generation"] == 2:
            self.broken_off = True
            for level in self.levels:
                level.clear()  # ends the loop over it

    def spread(self, items: list[Any]) -> None:
        """Visit everything that can be reached from these objects and was not seen before."""
        parents, targets, found = self.parents, self.targets, self.found
        while items and not self.broken_off and len(found) < len(targets):
            following: list[Any] = []
            self.levels = (items, following)
            for item in items:
                parent = id(item)
                for child in children(item):
                    key = id(child)
                    if key in parents:
                        continue
                    if key in targets:
                        if parent in self.passing:
                            continue
                        found.add(key)
                    elif id(type(child)) in ATOMS or is_own(child):
                        continue
                    parents[key] = parent
                    following.append(child)
            items = following
        self.levels = ()

    def ids_to(self, target: int) -> tuple[int, ...]:
        ids = [target]
        while self.parents[ids[-1]]:
            ids.append(self.parents[ids[-1]])
        return tuple(reversed(ids))


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
            starts meanwhile, before a walk is finished all the same.
        keep_reached: whether the outcome says which objects the walk came by; for a target that
            was not found, those are all that any root leads to.
    """
    wanted = frozenset(targets)
    for _ in range(restarts):
        walk = _Walk(wanted, dict.fromkeys(ignore, 0), frozenset(passing))
        hook = walk.break_off
        gc.callbacks.append(hook)
        try:
            roots = _walk_phases(walk)
        finally:
            _remove(hook)
        if not walk.broken_off:
            return _chains(walk, roots, keep_reached)
    walk = _Walk(wanted, dict.fromkeys(ignore, 0), frozenset(passing))
    return _chains(walk, _walk_phases(walk), keep_reached)


def _remove(hook: object) -> None:
    for place, callback in enumerate(gc.callbacks):
        if callback is hook:  # by identity: other callbacks may have an __eq__ of their own
            del gc.callbacks[place]
            return


def _chains(walk: _Walk, roots: Mapping[int, Root], keep_reached: bool) -> Chains:
    ids = {target: walk.ids_to(target) for target in walk.found}
    return Chains(roots, ids, walk.parents if keep_reached else ())


def _walk_phases(walk: _Walk) -> dict[int, Root]:
    # Every module is a root: a walk from one must not wander through another.
    walk.parents[id(sys.modules)] = 0
    for module in list(sys.modules.values()):
        walk.parents[id(module)] = 0
        if issubclass(type(module), types.ModuleType):
            walk.parents[id(module_namespace(module))] = 0
    roots: dict[int, Root] = {}
    for phase in root_phases():
        roots.update((id(root.item), root) for root in phase)
        walk.parents.update((id(root.item), 0) for root in phase)
        _spread_namespaces(walk, phase)
        if walk.broken_off or len(walk.found) == len(walk.targets):
            break
    return roots


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


def _spread_namespaces(walk: _Walk, phase: list[Root]) -> None:
    # What a module imported from another is better named there, so it is left for that one.
    first: list[Any] = []
    for root in phase:
        from_module = issubclass(type(root.item), types.ModuleType)
        for child in children(root.item):
            key = id(child)
            if key in walk.parents or (from_module and _is_imported(child, root.label)):
                continue
            if key in walk.targets:
                if id(root.item) in walk.passing:
                    continue
                walk.found.add(key)
            elif id(type(child)) in ATOMS or is_own(child):
                continue
            walk.parents[key] = id(root.item)
            first.append(child)
    walk.spread(first)


def _is_imported(child: Any, module: str) -> bool:
    kind = type(child)
    if kind is types.FunctionType:
        home = child.__module__
    elif issubclass(kind, type):
        home = type.__dict__["__module__"].__get__(child)
    else:
        return False
    if type(home) is not str or home == module:
        return False
    namespace = sys.modules.get(home)
    if not issubclass(type(namespace), types.ModuleType):
        return False
    # What a function has made and put here (a patch, a hook) is not to be found where it was made.
    name = (
        child.__name__ if kind is types.FunctionType else type.__dict__["__name__"].__get__(child)
    )
    return module_namespace(namespace).get(name) is child  # type: ignore[arg-type]
