"""Ways from the roots to given objects, in pure Python: one breadth-first walk over the heap.

Parent pointers are kept by id. The walk holds one level of the heap at a time and nothing
afterwards.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from pympler.graph.roots import (
    Root,
    children,
    is_imported,
    is_own,
    module_namespace,
    root_phases,
)
from pympler.util.gc_callbacks import before_full_collections

__all__ = ["ATOMS", "ATOM_TYPES", "Ways", "walk_ways"]

ATOM_TYPES: tuple[type, ...] = (
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
"""Types of objects that lead to nothing of interest."""

ATOMS = frozenset(map(id, ATOM_TYPES))


@dataclass(frozen=True, slots=True, eq=False)
class Ways:
    """The outcome of a walk.

    Attributes:
        roots: those that ways begin at, by the id of their item. Frames are among them.
        ids: for each object that was found the ids from its root to it, both included.
        reached: ids of all that the walk came by, if it was asked to keep them.
    """

    roots: Mapping[int, Root]
    ids: Mapping[int, tuple[int, ...]]
    reached: Collection[int] = ()


def walk_ways(
    targets: frozenset[int],
    *,
    ignore: Collection[int] = (),
    passing: Collection[int] = (),
    restarts: int = 0,
    keep_reached: bool = False,
) -> Ways:
    """Walk the heap from its roots until all objects with these ids are found.

    The arguments are those of :func:`pympler.graph.paths.find_chains`.
    """
    for _ in range(restarts):
        walk = _Walk(targets, dict.fromkeys(ignore, 0), frozenset(passing))
        with before_full_collections(walk.break_off):
            roots = _walk_phases(walk)
        if not walk.broken_off:
            return _ways(walk, roots, keep_reached)
    walk = _Walk(targets, dict.fromkeys(ignore, 0), frozenset(passing))
    return _ways(walk, _walk_phases(walk), keep_reached)


@dataclass(slots=True, eq=False)
class _Walk:
    targets: frozenset[int]
    parents: dict[int, int]
    passing: frozenset[int] = frozenset()
    found: set[int] = field(default_factory=set)
    levels: tuple[list[Any], ...] = ()
    broken_off: bool = False

    def break_off(self) -> None:
        """Let go of the heap."""
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


def _ways(walk: _Walk, roots: Mapping[int, Root], keep_reached: bool) -> Ways:
    ids = {target: walk.ids_to(target) for target in walk.found}
    return Ways(roots, ids, walk.parents if keep_reached else ())


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


def _spread_namespaces(walk: _Walk, phase: list[Root]) -> None:
    # What a module imported from another is better named there, so it is left for that one.
    first: list[Any] = []
    for root in phase:
        from_module = issubclass(type(root.item), types.ModuleType)
        for child in children(root.item):
            key = id(child)
            if key in walk.parents or (from_module and is_imported(child, root.label)):
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
