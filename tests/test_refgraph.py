"""Graphs of references: edges, parts, cycles, and what graphviz makes of them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pympler.asizeof import asizesof
from pympler.refgraph import ReferenceGraph
from tests.support import require


class Node:
    def __init__(self, **references: Any) -> None:
        self.__dict__.update(references)


class Slotted:
    __slots__ = ("first", "second")
    first: Any
    second: Any


def forbidden(*_: object) -> Any:
    raise AssertionError("code of the application was run")


class HostileMeta(type):
    __eq__ = __hash__ = __getattr__ = __len__ = __bool__ = __iter__ = forbidden
    __instancecheck__ = __subclasscheck__ = forbidden


class Hostile(metaclass=HostileMeta):
    __eq__ = __hash__ = __len__ = __bool__ = __iter__ = __getattr__ = forbidden
    __class__ = property(forbidden)

    def __repr__(self) -> str:
        raise ValueError


def edges(graph: ReferenceGraph, objects: list[Any]) -> set[tuple[int, int, str]]:
    places = {id(item): place for place, item in enumerate(objects)}
    return {(places[edge.src], places[edge.dst], edge.label) for edge in graph.edges}


def counts(graphs: list[ReferenceGraph]) -> list[int]:
    return [graph.count for graph in graphs]


# Edges.


def test_names_of_references() -> None:
    target: list[Any] = []
    slotted = Slotted()
    slotted.first = target

    def function(word: Any = target) -> list[Any]:
        return target or word

    cell = (function.__closure__ or ())[0]
    objects = [
        target,
        {"orders": target, 7: slotted, ("a", 1): function},
        slotted,
        [target],
        {"key"}.__class__,
        function,
        cell,
        function.__defaults__,
        sys.modules[__name__],
        vars(sys.modules[__name__]),
        target.append,
    ]

    found = edges(ReferenceGraph(objects), objects)

    assert found == {
        (1, 0, "orders"),
        (1, 2, "7"),
        (1, 5, "('a', 1)"),
        (2, 0, "first"),
        (3, 0, ""),
        (5, 7, "__defaults__"),
        (5, 9, "__globals__"),
        (6, 0, "cell_contents"),
        (7, 0, ""),
        (8, 9, "__dict__"),
        (10, 0, ""),
    }


def test_attributes() -> None:
    inner = Node()
    outer = Slotted(), Node(inner=inner, word="x")

    objects = [inner, outer[1], outer[1].__dict__]
    found = edges(ReferenceGraph(objects), objects)

    # Since 3.13 the dictionary of an instance shows neither itself nor its values to gc.
    assert found in ({(1, 2, "__dict__"), (2, 0, "inner")}, {(1, 0, "")}, {(1, 0, "inner")})


def test_variables_of_frames_and_generators() -> None:
    basket: list[Any] = []

    def generate() -> Any:
        order = basket
        yield order

    generator = generate()
    next(generator)
    # Up to Python 3.10 the frame of a generator stands between it and its variables.
    objects = [basket, sys._getframe(), generator, generator.gi_frame]

    found = edges(ReferenceGraph(objects), objects)

    assert {(1, 0, "basket"), (1, 2, "generator"), (3, 0, "order")} <= found
    objects.clear()


def test_a_subclass_of_a_container_with_attributes() -> None:
    class Basket(list[Any]):
        def __init__(self, *items: Any) -> None:
            super().__init__(items)
            self.owner: Any = None

    egg, owner = Node(), Node()
    basket = Basket(egg)
    basket.owner = owner
    objects = [basket, egg, owner]

    found = edges(ReferenceGraph(objects), objects)

    assert (0, 1, "") in found
    assert found <= {(0, 1, ""), (0, 2, "owner")}


def test_each_object_is_there_once() -> None:
    item: list[Any] = []

    graph = ReferenceGraph([item, item, [item]])

    assert graph.count == len(graph.objects) == len(graph.metadata) == 2


def test_no_objects() -> None:
    graph = ReferenceGraph([])

    assert (graph.count, graph.edges, graph.metadata, graph.total_size) == (0, set(), [], 0)
    assert graph.reduce_to_cycles() is None
    assert list(graph.split()) == []
    assert graph.render("nothing") is False


def test_what_is_known_of_the_objects() -> None:
    basket = [1, 2]
    objects = [basket, {"basket": basket}, "text" * 100]

    graph = ReferenceGraph(objects)

    assert [meta.id for meta in graph.metadata] == [id(item) for item in objects]
    assert [meta.type for meta in graph.metadata] == ["list", "dict", "str"]
    assert [meta.size for meta in graph.metadata] == list(asizesof(*objects))
    assert graph.metadata[0].str == "[1, 2]"
    assert len(graph.metadata[2].str) == 128
    assert graph.total_size == sum(asizesof(*objects))
    assert graph.num_in_cycles == "N/A"


# Parts.


def test_parts_are_connected_whatever_way_the_references_point() -> None:
    # Pympler 1.1 split a -> d <- c <- b in two.
    d: list[Any] = []
    a, c = [d], [d]
    b = [c]
    alone: list[Any] = []

    parts = list(ReferenceGraph([a, b, c, d, alone]).split())

    assert counts(parts) == [4, 1]
    assert [part.index for part in parts] == [0, 1]
    assert [len(part.edges) for part in parts] == [3, 0]
    assert [meta.group for meta in parts[0].metadata] == [0] * 4


def test_the_largest_part_first() -> None:
    small, large = [[]], [[[], []]]  # type: ignore[var-annotated]
    objects = [small, small[0], large, large[0], *large[0]]

    parts = ReferenceGraph(objects).split_and_sort()

    assert counts(parts) == [4, 2]
    assert [part.index for part in parts] == [0, 1]
    assert parts[1].objects[0] is small
    assert sum(part.total_size for part in parts) == ReferenceGraph(objects).total_size


def test_parts_have_their_own_cycles() -> None:
    loop: list[Any] = []
    loop.append(loop)
    straight: list[Any] = [[]]
    graph = ReferenceGraph([loop, straight, straight[0]])
    graph.reduce_to_cycles()

    first, second = graph.split()

    assert (first.num_in_cycles, second.num_in_cycles) == (1, 0)
    assert (first.reduce_to_cycles() or graph).objects[0] is loop
    assert second.reduce_to_cycles() is None


# Cycles.


def test_only_cycles_remain() -> None:
    a: list[Any] = []
    b = [a]
    a.append(b)
    towards, itself = [a], []  # type: ignore[var-annotated]
    itself.append(itself)
    behind: list[Any] = []
    a.append(behind)
    graph = ReferenceGraph([a, b, towards, itself, behind])

    reduced = graph.reduce_to_cycles()

    assert reduced is not None
    assert [id(item) for item in reduced.objects] == [id(a), id(b), id(itself)]
    assert reduced.count == reduced.num_in_cycles == graph.num_in_cycles == 3
    assert len(reduced.edges) == 3
    assert [meta.cycle for meta in graph.metadata] == [True, True, False, True, False]
    assert graph.reduce_to_cycles() is reduced
    assert reduced.reduce_to_cycles() is reduced
    assert graph.count == 5


def test_reduced_from_the_beginning() -> None:
    a: list[Any] = []
    a.append(a)

    graph = ReferenceGraph([a, [a]], reduce=True)

    assert (graph.count, graph.num_in_cycles, len(graph.edges)) == (1, 1, 1)
    assert graph.reduce_to_cycles() is graph
    straight = ReferenceGraph([[]], reduce=True)
    assert (straight.count, straight.num_in_cycles) == (0, 0)
    assert straight.reduce_to_cycles() is None


def test_a_long_chain() -> None:
    chain: list[Any] = [[]]
    while len(chain) < 20_000:
        chain.append([chain[-1]])

    graph = ReferenceGraph(chain)

    assert counts(list(graph.split())) == [20_000]
    assert graph.reduce_to_cycles() is None
    chain[0].append(chain[-1])
    assert ReferenceGraph(chain, reduce=True).count == 20_000
    chain[0].clear()


# Graphviz.


def nasty() -> list[Any]:
    target: list[Any] = []
    keys = ['quo"te', "back\\slash", "two\nlines", "{braces|and<ports>}", "&lt;", "ünï ☃", "\x00"]
    return [target, *[{key: target} for key in keys], {"\udc80": target}, Hostile()]


def test_the_text_for_graphviz(tmp_path: Path) -> None:
    one: list[Any] = []
    objects = [one, {"a": one}]

    ReferenceGraph(objects).write_graph(tmp_path / "graph.dot")

    first, second = (f"X{id(item):x}" for item in objects)
    assert (tmp_path / "graph.dot").read_text() == (
        "// Process this file with graphviz\n"
        "digraph G {\n"
        "    node [shape=box];\n"
        f'    "{first}" [ label = "[]\\nlist" ];\n'
        f'    "{second}" [ label = "\\{{\'a\': []\\}}\\ndict" ];\n'
        f'    {second} -> {first} [label="a"];\n'
        "}\n"
    )


def test_special_characters_are_escaped(tmp_path: Path) -> None:
    ReferenceGraph(nasty()).write_graph(tmp_path / "graph.dot")

    text = (tmp_path / "graph.dot").read_text(encoding="utf-8")

    for label in (r"quo\"te", r"back\\slash", r"\{braces|and<ports>\}", "&amp;lt;", "ünï ☃"):
        assert f'[label="{label}"]' in text
    assert "\x00" not in text
    assert r'[label="two\nlines"]' in text
    assert "Hostile at 0x" in text


def test_colors_of_methods_and_frames_and_weights() -> None:
    def method(self: object) -> object:
        return self

    bound = method.__get__([])
    text = ReferenceGraph([bound, sys._getframe(), sys, vars(sys)])._dot()

    assert text.count(", color=red ];") == 1
    assert text.count(", color=orange ];") == 1
    assert '[label="__dict__",weight=100];' in text


@pytest.mark.parametrize("unflatten", [False, True])
def test_drawing(tmp_path: Path, unflatten: bool) -> None:
    require("graphviz", shutil.which("dot") and shutil.which("unflatten"), "graphviz")
    graph = ReferenceGraph(nasty())

    assert graph.render(tmp_path / "graph.svg", format="svg", unflatten=unflatten) is True

    drawn = (tmp_path / "graph.svg").read_text(encoding="utf-8")
    for label in ("quo&quot;te", "back\\slash", "{braces|and&lt;ports&gt;}", "&amp;lt;", "ünï ☃"):
        assert f">{label}</text>" in drawn
    assert drawn.count('class="node"') == 10
    assert drawn.count('class="edge"') == 8


def test_what_is_written_is_valid(tmp_path: Path) -> None:
    require("graphviz", shutil.which("dot"), "graphviz")
    ReferenceGraph(nasty()).write_graph(str(tmp_path / "graph.dot"))

    done = subprocess.run(
        ["dot", "-Tcanon", str(tmp_path / "graph.dot")], capture_output=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, b"")


def test_a_program_that_fails(tmp_path: Path) -> None:
    graph = ReferenceGraph([[]])

    assert graph.render(str(tmp_path / "x"), cmd=sys.executable) is False
    with pytest.raises(OSError, match="no-such-program"):
        graph.render(str(tmp_path / "x"), cmd="no-such-program")
