"""Graphs of references between given objects, as text for graphviz and as pictures.

Example:
    >>> from pympler.refgraph import ReferenceGraph
    >>> basket, orders = ["an egg"], {}
    >>> orders["basket"] = basket
    >>> graph = ReferenceGraph([basket, orders, ["alone"]])
    >>> [edge.label for edge in graph.edges]
    ['basket']
    >>> [part.count for part in graph.split_and_sort()]
    [2, 1]
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from os import PathLike
from types import FrameType, MethodType
from typing import Any

from pympler.asizeof import asizesof
from pympler.graph.components import find_components, find_cycles
from pympler.graph.containers import frame_referents, referents
from pympler.graph.references import name_references
from pympler.util.stringutils import trunc
from pympler.util.text import clip, safe_repr

__all__ = ["ReferenceGraph"]

_LONGEST_TEXT = 128
_LONGEST_LABEL = 48
_LOOK = (
    "-Nfontsize=10",
    "-Efontsize=10",
    "-Nstyle=filled",
    "-Nfillcolor=#E5EDB8",
    "-Ncolor=#CCCCCC",
)
_ESCAPES = str.maketrans(
    {
        "\\": r"\\",
        '"': r"\"",
        "\n": r"\n",
        "\r": r"\r",
        "{": r"\{",
        "}": r"\}",
        # graphviz replaces HTML entities in any label.
        "&": "&amp;",
    }
    | {chr(code): " " for code in range(32) if chr(code) not in "\n\r"}
)
_name_of = type.__dict__["__name__"].__get__


@dataclass(frozen=True, slots=True)
class Edge:
    """A reference between two objects.

    Attributes:
        src: id of the object that refers.
        dst: id of the object it refers to.
        label: name of the attribute, key or variable, empty if it has none.
    """

    src: int
    dst: int
    label: str


class MetaObject:
    """What is known of an object in a graph.

    Attributes:
        size: bytes of the object and of what only it refers to within the graph, as
            :func:`pympler.asizeof.asizesof` counts them.
        id: its id.
        type: the name of its type.
        group: the number of the part it is in, ``None`` until the graph has been split.
        cycle: whether it is known to be in a cycle of references.
    """

    __slots__ = ("_item", "_text", "cycle", "group", "id", "size", "type")

    def __init__(self, item: Any, size: int) -> None:
        self._item = item
        self._text: str | None = None
        self.size = size
        self.id = id(item)
        self.type: str = _name_of(type(item))
        self.group: int | None = None
        self.cycle = False

    @property
    def str(self) -> str:
        """The representation of the object, at most 128 characters."""
        if self._text is None:
            self._text = safe_repr(self._item, limit=_LONGEST_TEXT)
        return self._text


class ReferenceGraph:
    """The references between some objects.

    Args:
        objects: the objects; each is in the graph once. References to and from others are left
            out.
        reduce: whether to keep only those objects that are in cycles of references.

    Attributes:
        objects: the objects. The graph keeps them alive.
        count: their number.
        num_in_cycles: how many of them are in cycles, ``'N/A'`` until
            :meth:`reduce_to_cycles` has found out.
        edges: the references, at most one for each pair of objects.
        metadata: for each object its ``size``, ``id``, ``type``, ``str``, ``group`` and ``cycle``.
        total_size: bytes of all objects together.
        index: the place of a part among those that a graph was split into.
    """

    def __init__(self, objects: Iterable[Any], reduce: bool = False) -> None:
        self.objects: list[Any] = list({id(item): item for item in objects}.values())
        self.num_in_cycles: int | str = "N/A"
        self.index = 0
        self._reduced: ReferenceGraph | None = None
        self._is_reduced = reduce
        targets = _targets_of(self.objects)
        if reduce:
            cyclic = {node for cycle in find_cycles(targets) for node in cycle}
            self.objects = [item for item in self.objects if id(item) in cyclic]
            self.num_in_cycles = len(self.objects)
            targets = {node: targets[node] & cyclic for node in cyclic}
        self.count = len(self.objects)
        self.edges: set[Edge] = _edges_of(self.objects, targets)
        sizes = asizesof(*self.objects)
        self.metadata: list[MetaObject] = list(map(MetaObject, self.objects, sizes))
        self.total_size = sum(sizes)
        for meta in self.metadata:
            meta.cycle = reduce

    def reduce_to_cycles(self) -> ReferenceGraph | None:
        """The part of the graph that is in cycles of references, ``None`` if there are none.

        An object is in a cycle if references lead from it back to it. Objects that merely refer
        to a cycle, or that one refers to, are left out. ``num_in_cycles`` is known afterwards.
        """
        if self._is_reduced:
            return self if self.objects else None
        if self.num_in_cycles == "N/A":
            cyclic = {node for cycle in find_cycles(self._targets()) for node in cycle}
            self.num_in_cycles = len(cyclic)
            for meta in self.metadata:
                meta.cycle = meta.id in cyclic
            if cyclic:
                self._reduced = self._part(cyclic)
                self._reduced._is_reduced = True
        return self._reduced

    def split(self) -> Iterator[ReferenceGraph]:
        """The parts of the graph that no reference connects, each a graph with its ``index``."""
        parts = find_components(self._targets())
        groups = {node: group for group, part in enumerate(parts) for node in part}
        for meta in self.metadata:
            meta.group = groups[meta.id]
        members: list[list[int]] = [[] for _ in parts]
        edges: list[set[Edge]] = [set() for _ in parts]
        for place, item in enumerate(self.objects):
            members[groups[id(item)]].append(place)
        for edge in self.edges:
            edges[groups[edge.src]].add(edge)
        metadata = {meta.id: meta for meta in self.metadata}
        for index, places in enumerate(members):
            objects = [self.objects[place] for place in places]
            metas = [metadata[id(item)] for item in objects]
            yield self._copy(objects, metas, edges[index], index)

    def split_and_sort(self) -> list[ReferenceGraph]:
        """The parts of the graph, as :meth:`split` gives them, the one with most objects first."""
        graphs = sorted(self.split(), key=lambda graph: graph.count, reverse=True)
        for index, graph in enumerate(graphs):
            graph.index = index
        return graphs

    def render(
        self,
        filename: str | PathLike[str],
        cmd: str = "dot",
        format: str = "ps",
        unflatten: bool = False,
    ) -> bool:
        """Draw the graph into a file with graphviz.

        Args:
            filename: the file to write.
            cmd: the program of graphviz that arranges the graph.
            format: any format it can write: ``ps``, ``svg``, ``png``, ...
            unflatten: whether to send the graph through the ``unflatten`` program first, which
                makes wide graphs higher.

        Returns:
            whether the program has succeeded; ``False``, without starting it, if there are no
            objects.

        Raises:
            OSError: if the program cannot be started.
        """
        if not self.objects:
            return False
        data = self._dot().encode(errors="backslashreplace")
        if unflatten:
            flat = subprocess.run(("unflatten", "-l7"), input=data, stdout=subprocess.PIPE)
            if flat.returncode != 0:
                return False
            data = flat.stdout
        command = (cmd, f"-T{format}", "-o", str(filename), *_LOOK)
        return subprocess.run(command, input=data).returncode == 0

    def write_graph(self, filename: str | PathLike[str]) -> None:
        """Write the graph into a file, in the DOT language of graphviz and UTF-8."""
        with open(filename, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(self._dot())

    def _targets(self) -> dict[int, set[int]]:
        targets: dict[int, set[int]] = {id(item): set() for item in self.objects}
        for edge in self.edges:
            targets[edge.src].add(edge.dst)
        return targets

    def _part(self, ids: set[int]) -> ReferenceGraph:
        return self._copy(
            [item for item in self.objects if id(item) in ids],
            [meta for meta in self.metadata if meta.id in ids],
            {edge for edge in self.edges if edge.src in ids and edge.dst in ids},
            self.index,
        )

    def _copy(
        self, objects: list[Any], metadata: list[MetaObject], edges: set[Edge], index: int
    ) -> ReferenceGraph:
        graph = copy(self)
        graph.objects, graph.metadata, graph.edges, graph.index = objects, metadata, edges, index
        graph.count = len(objects)
        graph.total_size = sum(meta.size for meta in metadata)
        graph._reduced = None
        if self.num_in_cycles != "N/A":
            graph.num_in_cycles = sum(meta.cycle for meta in metadata)
        return graph

    def _dot(self) -> str:
        lines = ["// Process this file with graphviz", "digraph G {", "    node [shape=box];"]
        for meta in self.metadata:
            label = f"{_escape(trunc(meta.str, _LONGEST_LABEL))}\\n{_escape(meta.type)}"
            lines.append(f'    "{_node(meta.id)}" [ label = "{label}"{_color(meta)} ];')
        for edge in self.edges:
            weight = ",weight=100" if edge.label == "__dict__" else ""
            label = _escape(clip(edge.label, _LONGEST_LABEL))
            lines.append(f'    {_node(edge.src)} -> {_node(edge.dst)} [label="{label}"{weight}];')
        return "\n".join([*lines, "}", ""])


def _targets_of(objects: list[Any]) -> dict[int, set[int]]:
    ids = set(map(id, objects))
    return {id(item): ids.intersection(map(id, _referents(item))) for item in objects}


def _referents(item: Any) -> list[Any]:
    return frame_referents(item) if type(item) is FrameType else referents(item)


def _edges_of(objects: list[Any], targets: dict[int, set[int]]) -> set[Edge]:
    edges: set[Edge] = set()
    items = {id(item): item for item in objects}
    for src, found in targets.items():
        if found:
            names = name_references(items[src], [items[dst] for dst in found])
            edges.update(Edge(src, dst, names.get(dst, "")) for dst in found)
    return edges


def _node(key: int) -> str:
    return f"X{key:x}"


def _escape(text: str) -> str:
    return text.translate(_ESCAPES)


def _color(meta: MetaObject) -> str:
    colors = {MethodType.__name__: "red", FrameType.__name__: "orange"}
    color = colors.get(meta.type)
    return f", color={color}" if color else ""
