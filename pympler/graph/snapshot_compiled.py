"""The walk that takes a snapshot, with the extension: the whole graph in one call.

Nothing of the program can run within it. Objects of types that are met for the first time are
sized afterwards; only if one of these types is Pympler's own, the walk is done once more.
"""

from __future__ import annotations

from array import array
from typing import Any

from pympler.graph.heap import by_type
from pympler.graph.snapshot_graph import HeapGraph, Top
from pympler.graph.snapshot_tops import Beginning, own_locals
from pympler.graph.snapshot_walk import sizes_of
from pympler.graph.walkers import learn, taught_walker
from pympler.sizing.kinds import kind_of
from pympler.sizing.shallow import EVERYTHING
from pympler.util.names import type_name

__all__ = [
    "REASONS",
    "compiled_graph",
    "graph_from",
    "let_go",
    "request_of",
    "type_names",
]

REASONS = ("", "max_objects", "timeout_s")
_MOST_WALKS = 4
_LARGEST_NODE = 2**32 - 2


def compiled_graph(
    beginning: Beginning, timeout_s: float | None, max_objects: int | None
) -> tuple[HeapGraph, str]:
    """The graph of the heap, and the limit at which the walk ended early, ``""`` if it did not."""
    walker = taught_walker()
    request = request_of(beginning, timeout_s, max_objects)
    try:
        for walks in range(_MOST_WALKS):
            *arrays, nodes, parked, samples, stopped = walker.graph(*request)
            own = learn(walker, samples)
            if not own or walks + 1 == _MOST_WALKS:
                break
            # Or the next walk would find them, and that they hold what is theirs.
            arrays, nodes, parked, samples = [], b"", [], []
    finally:
        let_go(request)
    graph = graph_from(arrays, beginning, type_names(walker))
    _add_sizes(graph, walker, array("I", nodes), parked)
    return graph, REASONS[stopped]


def request_of(
    beginning: Beginning, timeout_s: float | None, max_objects: int | None
) -> tuple[Any, ...]:
    """What the methods of a walker are called with to take a snapshot."""
    return (
        [top.item for phase in beginning.phases for top in phase],
        [*beginning.own, *own_locals()],
        beginning.frames,
        beginning.familiar,
        -1.0 if timeout_s is None else float(timeout_s),
        _LARGEST_NODE if max_objects is None else min(int(max_objects), _LARGEST_NODE),
    )


def let_go(request: tuple[Any, ...]) -> None:
    """Empty the lists of a request: frames of ours are in them, and would hold them in turn."""
    request[0].clear()
    request[1].clear()


def type_names(walker: Any) -> list[str]:
    """Names of the types that a walker knows, in the order in which it numbers them from 1."""
    return ["", *(type_name(row[0]) for row in walker.tally())]


def graph_from(arrays: list[bytes], beginning: Beginning, types: list[str]) -> HeapGraph:
    """A graph from the arrays as bytes, which are taken out of the list one by one."""
    made = {}
    arrays.reverse()
    for name, code in (
        ("kinds", "I"),
        ("sizes", "Q"),
        ("ids", "Q"),
        ("starts", "Q"),
        ("targets", "I"),
        ("loose", "I"),
        ("tops", "I"),
        ("hidden", "I"),
    ):
        made[name] = array(code)
        made[name].frombytes(arrays.pop())
    tops: dict[int, Top] = {}
    tops_of = ((top, number) for number, phase in enumerate(beginning.phases) for top in phase)
    for node, (top, number) in zip(made.pop("tops"), tops_of, strict=True):
        if node:
            tops.setdefault(node, Top(node, top.label, number, top.is_machinery))
    made["hidden"] = array("I", sorted(set(made["hidden"]) - {0}))
    return HeapGraph(types, tops=list(tops.values()), **made)


def _add_sizes(graph: HeapGraph, walker: Any, nodes: array[int], parked: list[Any]) -> None:
    """Size what the walk handed back: nodes and their objects."""
    found = array("q")
    found.frombytes(walker.sizes(parked))
    rest, places = [], array("I")
    for place, size in enumerate(found):
        if size >= 0:
            graph.sizes[nodes[place]] = size
        else:
            rest.append(parked[place])
            places.append(nodes[place])
    by_id = {id(item): node for node, item in zip(places, rest, strict=True)}
    for kind, items in by_type(rest):
        sizes = sizes_of(kind_of(kind, EVERYTHING), items)
        for item, size in zip(items, sizes, strict=True):
            graph.sizes[by_id[id(item)]] = size
