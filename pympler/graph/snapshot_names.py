"""Names of the nodes of a snapshot: the way to each in words."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

from pympler.graph.paths import Chains
from pympler.graph.roots import Root
from pympler.graph.snapshot_graph import HeapGraph
from pympler.graph.snapshot_tops import begin
from pympler.sizing.compiled import extension

__all__ = ["find_parents", "live_names", "type_path"]

_MOST_TYPES = 8
_NOT_MET = 2**32 - 1


def find_parents(graph: HeapGraph) -> array[int]:
    """For each node the one before it on the shortest way from the tops, 0 at the beginning.

    A way through modules of the application is preferred to any other, and none leads from one
    module through another: what is held by several is named in the first.
    """
    parents = array("I", [_NOT_MET]) * len(graph)
    parents[0] = 0
    familiar = frozenset(graph.hidden)
    for top in graph.tops:
        parents[top.node] = 0
        if top.node in familiar:
            for namespace in graph.referents(top.node):
                parents[namespace] = top.node
    phases: dict[int, list[int]] = {}
    for top in graph.tops:
        phase = phases.setdefault(top.phase, [])
        phase.append(top.node)
        phase += [child for child in graph.referents(top.node) if parents[child] == top.node]
    queue = array("I", bytes(4 * (2 * len(graph.tops) + len(graph))))
    for _, phase in sorted(phases.items()):
        _spread(graph, phase, parents, queue)
    for node in graph.loose:
        if parents[node] == _NOT_MET:
            parents[node] = 0
            _spread(graph, [node], parents, queue)
    return array("I", [0 if parent == _NOT_MET else parent for parent in parents])


def _spread(graph: HeapGraph, nodes: list[int], parents: array[int], queue: array[int]) -> None:
    """Breadth first from these nodes; the queue is room to work in."""
    starts, targets = graph.starts, graph.targets
    module = extension()
    if module is not None:
        for place, node in enumerate(nodes):
            queue[place] = node
        module.spread(starts, targets, parents, queue, len(nodes))
        return
    level = array("I", nodes)
    for node in level:  # grows meanwhile
        for child in targets[starts[node] : starts[node + 1]]:
            if parents[child] == _NOT_MET:
                parents[child] = node
                level.append(child)


def live_names(graph: HeapGraph, ways: Mapping[int, Sequence[int]]) -> dict[int, str]:
    """Paths with the names of attributes and keys, for nodes whose way can still be gone.

    Each step looks for the object with the address that it had among what the last one refers to
    now: no address is followed by itself, so that objects that are gone do no harm.

    Args:
        graph: the snapshot.
        ways: for each node those that lead to it, beginning at a top, itself the last.
    """
    beginning = begin()
    roots: dict[int, Root] = {}
    for phase in beginning.phases:
        for top in phase:
            roots.setdefault(id(top.item), Root(top.label, top.item, top.is_machinery))
    # A module is read through its namespace, which is no step of its own.
    names = frozenset(graph.hidden) - frozenset(top.node for top in graph.tops)
    ids = {
        node: tuple(graph.ids[step] for step in way if step == node or step not in names)
        for node, way in ways.items()
    }
    chains = Chains(roots, ids)
    found: dict[int, str] = {}
    try:
        for node, way in ids.items():
            objects: list[Any] | None = chains.objects(way)
            if objects is not None:
                found[node] = chains.describe(objects).text
            objects = None
    finally:
        beginning.let_go()
    return found


def type_path(graph: HeapGraph, tops: Mapping[int, str], way: Sequence[int]) -> str:
    """The types on a way, from the name of the top that it begins at."""
    kinds = [graph.types[graph.kinds[node]] for node in way]
    if way[0] in tops:
        kinds[0] = tops[way[0]]
    if len(kinds) > _MOST_TYPES:
        half = _MOST_TYPES // 2
        kinds = [*kinds[:half], "...", *kinds[-half:]]
    return " -> ".join(kinds)
