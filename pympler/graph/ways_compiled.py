"""Ways from the roots to given objects, with the extension: the graph of the heap in one call.

Gives what :func:`~pympler.graph.ways_walk.walk_ways` does, several times as fast. While the graph
is taken no other thread runs; afterwards nothing of the program is held but the roots.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Collection, Iterable, Iterator
from contextvars import Context
from dataclasses import dataclass
from itertools import compress, count
from types import CellType, FrameType, FunctionType, ModuleType
from typing import Any

from pympler.graph.roots import (
    Held,
    Root,
    children,
    is_imported,
    is_own_frame,
    is_own_module,
    module_namespace,
    root_phases,
    running_frames,
)
from pympler.graph.walkers import learn, taught_walker
from pympler.graph.ways_walk import ATOM_TYPES, Ways, walk_ways
from pympler.sizing.compiled import extension
from pympler.sizing.taught import OWN, teach_mode

__all__ = ["compiled_ways"]

_MOST_WALKS = 4
_NOT_MET = 2**32 - 1
_MOST_NODES = 2**32 - 2


def compiled_ways(
    targets: frozenset[int],
    *,
    ignore: Collection[int] = (),
    passing: Collection[int] = (),
    keep_reached: bool = False,
    with_atoms: bool = True,
) -> Ways:
    """The ways from the roots to the objects with these ids.

    The arguments are those of :func:`pympler.graph.paths.find_chains`.
    """
    phases = [[_Start(root) for root in phase] for phase in root_phases()]
    graph = _take_graph(phases, with_atoms)
    nodes = graph.nodes_of(targets.union(ignore, passing))
    wanted = {node for key, node in nodes.items() if key in targets}
    spread = _Spread(graph)
    for key in ignore:
        spread.parents[nodes.get(key, 0)] = 0
    graph.cut((nodes[key] for key in passing if key in nodes), wanted)
    for phase in phases:
        spread.walk_from(phase)
    ids: dict[int, tuple[int, ...]] = {}
    for node in filter(spread.is_found, wanted):
        way = spread.way_to(node)
        if way is None:
            return walk_ways(targets, ignore=ignore, passing=passing, keep_reached=keep_reached)
        ids[graph.ids[node]] = way
    roots = {id(start.root.item): start.root for phase in phases for start in phase}
    return Ways(roots, ids, spread.reached() if keep_reached else ())


class _Start:
    """A root, the objects that a walk from it begins with, and their numbers in the graph."""

    __slots__ = ("items", "nodes", "root")

    def __init__(self, root: Root) -> None:
        self.root = root
        # What stands for a root is made for the walk, and no part of the heap.
        self.items = children(root.item) if self.is_made else [root.item]
        self.nodes: list[int] = []

    @property
    def is_made(self) -> bool:
        return type(self.root.item) is Held or type(self.root.item) is Context


@dataclass(slots=True, eq=False)
class _Graph:
    """Who refers to whom, by number; 0 is no object.

    Attributes:
        ids: of the objects.
        starts: where in ``targets`` the references of each object begin.
        kinds: number of the type of each object.
        types: the types that ways are written down otherwise for, by their number.
        namespaces: the number of the namespace of each module, by its id.
        barriers: modules and their namespaces: every module is a root, and a walk from one must
            not wander through another.
        own: the ids of modules of Pympler's own and of their namespaces, which are no part of it.
    """

    ids: array[int]
    starts: memoryview
    targets: memoryview
    kinds: memoryview
    types: dict[int, type]
    namespaces: dict[int, int]
    barriers: list[int]
    own: frozenset[int]

    def nodes_of(self, ids: Collection[int]) -> dict[int, int]:
        """The numbers of the objects with these ids, as far as there are any."""
        contains = frozenset(ids).__contains__
        return {self.ids[node]: node for node in compress(count(), map(contains, self.ids))}

    def cut(self, nodes: Iterable[int], wanted: Collection[int]) -> None:
        """Let the references of these objects to what is wanted not count."""
        for node in nodes:
            node = self.namespaces.get(self.ids[node], node)
            for place in range(self.starts[node], self.starts[node + 1]):
                if self.targets[place] in wanted:
                    self.targets[place] = node  # a reference to itself leads nowhere

    def references(self, node: int) -> list[int]:
        """The numbers of what an object refers to."""
        return self.targets[self.starts[node] : self.starts[node + 1]].tolist()

    def is_a(self, node: int, kind: type) -> bool:
        """Whether an object is of one of the types that ways are written down otherwise for."""
        return issubclass(self.types.get(self.kinds[node], object), kind)


def _take_graph(phases: list[list[_Start]], with_atoms: bool) -> _Graph:
    starts = [start for phase in phases for start in phase]
    modules = list(sys.modules.items())
    own: list[Any] = []
    familiar: list[Any] = [sys.modules]
    for name, module in modules:
        pair: list[Any] = [module]
        if issubclass(type(module), ModuleType):
            pair.append(module_namespace(module))
        (own if is_own_module(name) else familiar).extend(pair)
    own_ids = frozenset(map(id, own))
    # Since 3.11 gc shows nothing of what frames that run hold.
    frames: dict[int, list[Any]] = {}
    frame: FrameType | None
    for _, frame in running_frames():
        if is_own_frame(frame):
            own.append(frame)
        else:
            frames[id(frame)] = children(frame)
    frame = None
    request = ([item for start in starts for item in start.items], own, frames, familiar)
    try:
        walker, arrays = _walk(request, with_atoms)
        kinds, _, ids, begins, targets, _, tops, barriers = arrays
        numbers = iter(memoryview(tops).cast("I"))
        for start in starts:
            start.nodes = [next(numbers) for _ in start.items]
        places = memoryview(barriers).cast("I").tolist()
        namespaces = {
            id(item): places[place + 1]
            for place, item in enumerate(familiar)
            if issubclass(type(item), ModuleType)
        }
    finally:
        for held in request:  # frames of ours are in it, and would hold it in turn
            held.clear()
    kinds_met = enumerate((row[0] for row in walker.tally()), 1)
    numbered = array("Q")
    numbered.frombytes(ids)
    return _Graph(
        ids=numbered,
        starts=memoryview(begins).cast("Q"),
        targets=memoryview(bytearray(targets)).cast("I"),
        kinds=memoryview(kinds).cast("I"),
        types={
            number: kind
            for number, kind in kinds_met
            if kind is FrameType or kind is CellType or issubclass(kind, ModuleType)
        },
        namespaces=namespaces,
        barriers=places,
        own=own_ids,
    )


def _walk(request: Any, with_atoms: bool) -> tuple[Any, list[bytes]]:
    for _ in range(_MOST_WALKS):
        walker = taught_walker()
        for kind in () if with_atoms else ATOM_TYPES:
            teach_mode(walker, kind, OWN)
        *arrays, _, _, samples, _ = walker.graph(*request, -1.0, _MOST_NODES)
        # Once more if types of Pympler's own were met for the first time.
        if not learn(walker, samples):
            break
    return walker, arrays


class _Spread:
    """The walk over a graph: for each object the one before it on the way to it.

    Attributes:
        parents: by number. A root has none (0); what a root leads to that is no object of the heap
            has a number above all others.
    """

    def __init__(self, graph: _Graph) -> None:
        self._graph = graph
        self.parents = array("I", [_NOT_MET]) * len(graph.kinds)
        self._queue = array("I", bytes(4 * len(graph.kinds)))
        self._made: list[Root] = []
        self._found_before: set[int] = set()
        for node in (0, *graph.barriers):
            self.parents[node] = 0

    def walk_from(self, phase: list[_Start]) -> None:
        """Find the shortest ways to what was not met before."""
        graph, parents = self._graph, self.parents
        for start in phase:
            for node in () if start.is_made else start.nodes:
                if parents[node] not in (0, _NOT_MET):
                    self._found_before.add(node)
                parents[node] = 0
        begun = 0
        for start in phase:
            for parent, node in self._first_of(start):
                if parents[node] == _NOT_MET:
                    parents[node] = parent
                    self._queue[begun] = node
                    begun += 1
        extension().spread(graph.starts, graph.targets, parents, self._queue, begun)

    def _first_of(self, start: _Start) -> Iterator[tuple[int, int]]:
        """The numbers of what a root leads to, each with that of its parent."""
        graph, root = self._graph, start.root
        if start.is_made:
            self._made.append(root)
            above = len(graph.kinds) + len(self._made) - 1
            yield from ((above, node) for node in start.nodes)
            return
        (top,) = start.nodes
        if not issubclass(type(root.item), ModuleType):
            yield from ((top, node) for node in graph.references(top))
            return
        # What a module imported from another is better named there, so it is left for that one.
        imported = {
            id(child)
            for child in list(module_namespace(root.item).values())
            if (type(child) is FunctionType or issubclass(type(child), type))
            and is_imported(child, root.label)
        }
        for node in graph.references(graph.namespaces.get(id(root.item), 0)):
            if graph.ids[node] not in imported:
                yield top, node

    def is_found(self, node: int) -> bool:
        """Whether a way leads to an object."""
        return self.parents[node] not in (0, _NOT_MET) or node in self._found_before

    def way_to(self, node: int) -> tuple[int, ...] | None:
        """The ids on the way to an object, as the walk in Python would give them.

        ``None`` where that sees no such way: to a cell of a frame, or the namespace of a module
        that was not imported.
        """
        way: list[int] = []
        root: Root | None = None
        while node:
            way.append(node)
            node = self.parents[node]
            if node >= len(self.parents):
                root = self._made[node - len(self.parents)]
                break
        way.reverse()
        graph = self._graph
        ids = [] if root is None else [id(root.item)]
        for place, node in enumerate(way):
            before = way[place - 1] if place else 0
            # A module is read through its namespace, a frame through its variables.
            is_namespace = graph.is_a(before, ModuleType) and node in graph.references(before)
            is_cell = graph.is_a(before, FrameType) and graph.is_a(node, CellType)
            if not is_namespace and not is_cell:
                ids.append(graph.ids[node])
            elif place == len(way) - 1:
                return None
        return tuple(ids)

    def reached(self) -> frozenset[int]:
        """The ids of all objects that were met."""
        met = compress(self._graph.ids, map(_NOT_MET.__ne__, self.parents))
        return self._graph.own.union(met)
