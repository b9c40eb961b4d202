"""Single objects of a saved heap snapshot: what they refer to, and who holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nlargest

from pympler.graph.snapshot import HeapSnapshot
from pympler.render.pages.answers import Rendered, Site, number_of
from pympler.render.pages.errors import MissingError
from pympler.store import Job
from pympler.store.results import HeapResult

__all__ = ["show_object", "show_type"]

_MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Row:
    """An object in a list: its node, its type, its flat size."""

    node: int
    type: str
    flat_bytes: int


def show_object(site: Site, job: Job, result: HeapResult, name: str) -> Rendered:
    """One object: the way to it, who holds it, and what it refers to."""
    snapshot = _load(site, result)
    node = number_of({"object": name}, "object", 0, least=1)
    if node > snapshot.objects:
        raise MissingError(f"There is no object {node} in this snapshot.")
    referents, referrers = snapshot.referents(node), snapshot.referrers(node)
    way = snapshot.path_nodes(node)
    return Rendered(
        "object.html",
        {
            "job": job,
            "result": result,
            "object": _row(snapshot, node),
            "path": snapshot.path_to_root(node),
            "way": [_row(snapshot, each) for each in way],
            "loose": way[0] in set(snapshot.graph.loose),
            "retained": {each.node: each.retained_bytes for each in result.retainers},
            "referrers": [_row(snapshot, each) for each in referrers[:_MOST_SHOWN] if each],
            "more_referrers": len(referrers[_MOST_SHOWN:]),
            "referents": _largest(snapshot, sorted(set(referents))),
            "more_referents": max(len(set(referents)) - _MOST_SHOWN, 0),
        },
    )


def show_type(site: Site, job: Job, result: HeapResult) -> Rendered:
    """The largest objects of a type (``?name=``)."""
    snapshot = _load(site, result)
    name = site.request.query.get("name", "")
    graph = snapshot.graph
    # Two classes may have one name.
    kinds = {place for place, each in enumerate(graph.types) if each == name}
    nodes = [node for node, kind in enumerate(graph.kinds) if kind in kinds and node]
    if not nodes:
        raise MissingError(f"There is no object of type {name[:200]!r} in this snapshot.")
    return Rendered(
        "objects.html",
        {
            "job": job,
            "result": result,
            "name": name,
            "total": len(nodes),
            "total_bytes": sum(graph.sizes[node] for node in nodes),
            "objects": _largest(snapshot, nodes),
            "left_out": max(len(nodes) - _MOST_SHOWN, 0),
        },
    )


def _load(site: Site, result: HeapResult) -> HeapSnapshot:
    if not result.path:
        raise MissingError("This snapshot was not saved, so that its objects cannot be followed.")
    return site.snapshots.read(result.path, site.now)


def _largest(snapshot: HeapSnapshot, nodes: Sequence[int]) -> list[Row]:
    largest = nlargest(_MOST_SHOWN, nodes, key=snapshot.graph.sizes.__getitem__)
    return [_row(snapshot, node) for node in largest]


def _row(snapshot: HeapSnapshot, node: int) -> Row:
    return Row(node, snapshot.type_of(node), snapshot.size_of(node))
