"""A snapshot of the heap: how many objects of what type, who holds them, what they keep alive."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from heapq import nlargest
from os import PathLike
from typing import NamedTuple

from pympler.graph import snapshot_file
from pympler.graph.dominators import find_dominators, sum_retained
from pympler.graph.snapshot_compiled import compiled_graph
from pympler.graph.snapshot_fork import forked_graph
from pympler.graph.snapshot_graph import HeapGraph
from pympler.graph.snapshot_names import find_parents, live_names, type_path
from pympler.graph.snapshot_tops import begin
from pympler.graph.snapshot_walk import PureWalk
from pympler.sizing.compiled import extension
from pympler.util.names import type_name

__all__ = ["HeapSnapshot", "Retainer", "TypeDiff", "TypeRow", "heap_snapshot"]

_NAMED_IN_A_FILE = 100


class TypeRow(NamedTuple):
    """What the objects of one type take, each without what it refers to."""

    type: str
    count: int  # type: ignore[assignment]
    bytes: int


class TypeDiff(NamedTuple):
    """How much more there is of a type than in another snapshot; negative for less."""

    type: str
    count_diff: int
    size_diff: int


class Retainer(NamedTuple):
    """An object, its own bytes, and the bytes that would be freed with it.

    Attributes:
        node: its number in the snapshot; type: the name of its type.
        size_bytes: bytes of the object alone; retained_bytes: with all that only it keeps alive.
        name: a path to it, such as ``shop.cart._CACHE``.
    """

    node: int
    type: str
    size_bytes: int
    retained_bytes: int
    name: str


class HeapSnapshot:
    """A picture of the heap at one moment, in numbers. Keeps no object of the program alive.

    An object is known by the number of its node. Where an object may be given instead, it is found
    by its address: ask only for what was alive when the snapshot was taken. An ``int`` is always
    the number of a node.

    Attributes:
        taken_at: when, as :func:`time.time` tells it.
        reason: ``""``, or the limit at which the walk ended early: ``"timeout_s"`` or
            ``"max_objects"``.
        graph: the arrays.
    """

    def __init__(
        self,
        graph: HeapGraph,
        *,
        taken_at: float,
        reason: str = "",
        names: Mapping[int, str] | None = None,
    ) -> None:
        self.graph = graph
        self.taken_at = taken_at
        self.reason = reason
        self._names = names  # None: taken in this process, which can be asked
        self._dominators: array[int] | None = None
        self._retained: array[int] | None = None
        self._parents: array[int] | None = None

    @property
    def complete(self) -> bool:
        """Whether the walk came to its end."""
        return not self.reason

    @property
    def objects(self) -> int:
        """How many objects there are. Their nodes are the numbers from 1 up to this."""
        return len(self.graph) - 1

    @property
    def total_bytes(self) -> int:
        """Bytes of all objects."""
        return sum(self.graph.sizes)

    def __repr__(self) -> str:
        early = f", stopped early: {self.reason}" if self.reason else ""
        return f"<HeapSnapshot of {self.objects:,} objects, {self.total_bytes:,} bytes{early}>"

    # Single objects

    def node_of(self, obj: object) -> int:
        """The number of an object.

        Raises:
            KeyError: if it is not in the snapshot.
        """
        try:
            node = self.graph.ids.index(id(obj), 1)
        except ValueError:
            node = 0
        if not node or self._names is not None or self.type_of(node) != type_name(type(obj)):
            raise KeyError(f"a {type_name(type(obj))} that is not in this snapshot")
        return node

    def type_of(self, node: int) -> str:
        """The name of the type of a node."""
        return self.graph.types[self.graph.kinds[self._checked(node)]]

    def size_of(self, node: int) -> int:
        """The bytes of a node alone."""
        return self.graph.sizes[self._checked(node)]

    def referents(self, node: int) -> list[int]:
        """The nodes that a node refers to, each as often as it does."""
        return list(self.graph.referents(self._checked(node)))

    def referrers(self, node: int) -> list[int]:
        """The nodes that refer to a node, each once. Looks through all references."""
        self._checked(node)
        targets, starts = self.graph.targets, self.graph.starts
        found: list[int] = []
        place = -1
        while True:
            try:
                place = targets.index(node, place + 1)
            except ValueError:
                return found
            owner = bisect_right(starts, place) - 1
            found.append(owner)
            place = starts[owner + 1] - 1  # on to the next owner

    def _checked(self, node: int) -> int:
        if not 0 <= node < len(self.graph):
            raise KeyError(f"node {node}: there are nodes from 1 to {self.objects}")
        return node

    def _node(self, node_or_obj: object) -> int:
        if type(node_or_obj) is int:
            return self._checked(node_or_obj)
        return self.node_of(node_or_obj)

    # What keeps what alive

    @property
    def dominators(self) -> array[int]:
        """For each node the one without which it would be freed; 0 for what nothing else holds."""
        self._dominate()
        assert self._dominators is not None
        return self._dominators

    def _dominate(self) -> array[int]:
        if self._retained is None:
            graph = self.graph
            self._dominators, order = find_dominators(
                graph.starts, graph.targets, array("I", graph.referents(0))
            )
            self._retained = sum_retained(graph.sizes, self._dominators, order)
        return self._retained

    def retained_size(self, node_or_obj: object) -> int:
        """The bytes that would be freed with an object: its own and what only it keeps alive."""
        return self._dominate()[self._node(node_or_obj)]

    def dominated(self, node: int) -> list[int]:
        """The nodes that would be freed with this one next, the largest first; see treemaps."""
        retained, dominators = self._dominate(), self.dominators
        self._checked(node)
        found: list[int] = []
        place = 0
        while True:
            try:
                place = dominators.index(node, place + 1)
            except ValueError:
                return sorted(found, key=lambda child: (-retained[child], child))
            found.append(place)

    def top_retainers(self, n: int = 10) -> list[Retainer]:
        """The objects that keep most memory alive, without modules and their namespaces."""
        retained = self._dominate()
        hidden = frozenset(self.graph.hidden)
        largest = _largest(retained, n + len(hidden))
        nodes = [node for node in largest if node not in hidden][:n]
        names = self.names(nodes)
        return [
            Retainer(node, self.type_of(node), self.size_of(node), retained[node], names[node])
            for node in nodes
        ]

    def path_to_root(self, node_or_obj: object) -> str:
        """A way from what lives by itself to an object, as it could be written in Python.

        Attributes and keys are told as long as the way still exists in the process that took the
        snapshot, and for the largest retainers of a file; else the types on the way.
        """
        node = self._node(node_or_obj)
        return self.names([node])[node]

    def path_nodes(self, node_or_obj: object) -> list[int]:
        """The nodes on the way to an object, which itself is the last."""
        way = [self._node(node_or_obj)]
        if self._parents is None:
            self._parents = find_parents(self.graph)
        while self._parents[way[-1]]:
            way.append(self._parents[way[-1]])
        return way[::-1]

    def names(self, nodes: Sequence[int]) -> dict[int, str]:
        """Paths to several nodes, as :meth:`path_to_root` gives them, in one go."""
        ways = {node: self.path_nodes(node) for node in nodes}
        known = self._names if self._names is not None else live_names(self.graph, ways)
        tops = {top.node: top.label for top in self.graph.tops}
        return {
            node: known.get(node) or type_path(self.graph, tops, way) for node, way in ways.items()
        }

    # Types

    def summary(self) -> list[TypeRow]:
        """What each type takes, the most bytes first."""
        graph = self.graph
        counts, sizes = (array("Q", bytes(8 * len(graph.types))) for _ in range(2))
        module = extension()
        if module is not None:
            module.by_kind(graph.kinds, graph.sizes, counts, sizes)
        else:
            for kind, size in zip(graph.kinds, graph.sizes, strict=True):
                counts[kind] += 1
                sizes[kind] += size
        counts[graph.kinds[0]] -= 1
        # Two classes may have one name: as plain data they cannot be told apart.
        rows: dict[str, TypeRow] = {}
        for name, count, size in zip(graph.types, counts, sizes, strict=True):
            before = rows.get(name, TypeRow(name, 0, 0))
            rows[name] = TypeRow(name, before.count + count, before.bytes + size)
        found = [row for row in rows.values() if row.count]
        return sorted(found, key=lambda row: (-row.bytes, row.type))

    def diff(self, other: HeapSnapshot) -> list[TypeDiff]:
        """What came since another snapshot, which was taken before; types that changed only.

        Returns:
            Rows of type, how many objects more, how many bytes more, the most bytes first.
        """
        before = {row.type: row for row in other.summary()}
        after = {row.type: row for row in self.summary()}
        rows = []
        for name in {**after, **before}:
            old = before.get(name, TypeRow(name, 0, 0))
            new = after.get(name, TypeRow(name, 0, 0))
            if old != new:
                rows.append(TypeDiff(name, new.count - old.count, new.bytes - old.bytes))
        return sorted(rows, key=lambda row: (-row.size_diff, -row.count_diff, row.type))

    # Files

    def save(self, path: str | PathLike[str]) -> None:
        """Write the snapshot to a file; ``docs/heapwalk.md`` says how it is made up.

        The paths of the largest retainers are written too, values of objects never.
        """
        largest = [row.node for row in self.top_retainers(_NAMED_IN_A_FILE)]
        head = {"taken_at": self.taken_at, "reason": self.reason}
        snapshot_file.save(path, self.graph, head, self.names(largest))

    @classmethod
    def load(cls, path: str | PathLike[str]) -> HeapSnapshot:
        """Read a snapshot that :meth:`save` wrote, of any version so far.

        Raises:
            OSError: if the file cannot be read.
            SnapshotFileError: if it holds no snapshot, is damaged, or was made by a newer version.
        """
        graph, head, names = snapshot_file.load(path)
        return cls(graph, taken_at=head["taken_at"], reason=head["reason"], names=names)


def _largest(values: array[int], n: int) -> list[int]:
    return nlargest(n, range(1, len(values)), key=values.__getitem__)


def heap_snapshot(
    *, timeout_s: float | None = None, max_objects: int | None = None, fork: bool = False
) -> HeapSnapshot:
    """Take a snapshot of all objects that are alive.

    Neither Pympler's own objects nor what only they lead to are part of it. No code of the program
    is run, nothing is collected, and nothing is kept alive afterwards.

    Args:
        timeout_s: end the walk after so many seconds; :attr:`HeapSnapshot.complete` tells.
        max_objects: end it after so many objects.
        fork: walk in a forked process, so that this one goes on after a pause of some
            milliseconds. What only C code holds is then not part of the snapshot.

    Raises:
        ValueError: for a limit below 0.
        SnapshotError: if the forked process failed, or there can be none.

    Example:
        >>> snapshot = heap_snapshot()
        >>> snapshot.objects > 1000, snapshot.complete
        (True, True)
        >>> "dict" in [row.type for row in snapshot.summary()]
        True
    """
    for name, limit in (("timeout_s", timeout_s), ("max_objects", max_objects)):
        if limit is not None and not limit >= 0:
            raise ValueError(f"{name} is {limit!r}: give a number from 0 up, or None for no limit")
    taken_at = time.time()
    beginning = begin()
    try:
        if fork:
            graph, reason = forked_graph(beginning, timeout_s, max_objects)
        elif extension() is not None:
            graph, reason = compiled_graph(beginning, timeout_s, max_objects)
        else:
            walk = PureWalk(timeout_s, max_objects)
            graph, reason = walk.run(beginning), walk.reason
    finally:
        beginning.let_go()
    return HeapSnapshot(graph, taken_at=taken_at, reason=reason)
