"""The graph of a heap as plain numbers: nodes, their types and sizes, and who refers to whom."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["HeapGraph", "Top"]


@dataclass(frozen=True, slots=True)
class Top:
    """Where the heap is held from: a node, what that place is called, and of whom it is.

    Attributes:
        node: number of the node.
        label: what a developer calls it, such as the name of a module.
        phase: ways from tops with a lower number are preferred.
        is_machinery: whether it belongs to the standard library or the interpreter.
    """

    node: int
    label: str
    phase: int = 0
    is_machinery: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class HeapGraph:
    """All objects of a heap and their references. Node 0 is none of them: it holds the tops.

    Attributes:
        types: names of the types.
        kinds: for each node the place of its type in ``types``.
        sizes: for each node the bytes of the object alone.
        ids: for each node the address that the object had.
        starts: where the references of each node begin in ``targets``; one more than nodes.
        targets: the nodes that are referred to, each as often as it is.
        tops: what lives by itself: modules, frames, hooks.
        loose: nodes that no top leads to: held by C code or a running expression, or garbage.
        hidden: nodes that are what a reader knows already: modules and their namespaces.
    """

    types: list[str]
    kinds: array[int] = field(default_factory=lambda: array("I", [0]))
    sizes: array[int] = field(default_factory=lambda: array("Q", [0]))
    ids: array[int] = field(default_factory=lambda: array("Q", [0]))
    starts: array[int] = field(default_factory=lambda: array("Q", [0, 0]))
    targets: array[int] = field(default_factory=lambda: array("I"))
    tops: list[Top] = field(default_factory=list)
    loose: array[int] = field(default_factory=lambda: array("I"))
    hidden: array[int] = field(default_factory=lambda: array("I"))

    def __len__(self) -> int:
        """How many nodes there are, node 0 included."""
        return len(self.kinds)

    def referents(self, node: int) -> Sequence[int]:
        """The nodes that a node refers to."""
        if node == 0:
            return [*dict.fromkeys([*(top.node for top in self.tops), *self.loose])]
        return self.targets[self.starts[node] : self.starts[node + 1]]
