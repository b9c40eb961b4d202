"""Graphs of garbage, and the collector's settings around them."""

from __future__ import annotations

import gc
import io
import re
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from pympler import garbagegraph
from pympler.garbagegraph import GarbageGraph, end_debug_garbage, start_debug_garbage


class Node:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def no_garbage() -> Iterator[None]:
    start_debug_garbage()
    yield
    end_debug_garbage()
    assert garbagegraph._started == []
    assert gc.garbage == []


def make_garbage(size: int = 2) -> None:
    first: list[Any] = []
    last = first
    for _ in range(size - 1):
        last = [last]
    first.append(last)


def test_the_garbage_and_its_cycles() -> None:
    make_garbage(3)
    straight: list[Any] = []
    loop: list[Any] = [straight]
    loop.append(loop)
    del straight, loop

    graph = GarbageGraph()

    assert graph.count == 5
    assert not isinstance(graph.num_in_cycles, int)
    reduced = graph.reduce_to_cycles()
    assert reduced is not None
    assert (reduced.count, reduced.num_in_cycles) == (4, 4)
    assert [part.count for part in graph.split_and_sort()] == [3, 2]


def test_reduced() -> None:
    make_garbage(3)

    assert GarbageGraph(reduce=True).count == 3


def test_no_garbage_at_all() -> None:
    graph = GarbageGraph()

    assert graph.count == 0
    assert graph.reduce_to_cycles() is None


def test_the_collector_is_as_before() -> None:
    thresholds, callbacks = gc.get_threshold(), list(gc.callbacks)
    make_garbage()

    for collectable in (True, False):
        GarbageGraph(collectable=collectable)
        assert gc.get_debug() == 0
        assert gc.garbage == []
        assert not gc.isenabled()
        assert (gc.get_threshold(), gc.callbacks) == (thresholds, callbacks)


def test_debug_flags_of_the_application_stay() -> None:
    gc.set_debug(gc.DEBUG_UNCOLLECTABLE)
    try:
        GarbageGraph()
        assert gc.get_debug() == gc.DEBUG_UNCOLLECTABLE
    finally:
        gc.set_debug(0)


def test_garbage_that_the_application_saves_stays_where_it_is() -> None:
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        make_garbage(2)
        graph = GarbageGraph()
        assert gc.get_debug() == gc.DEBUG_SAVEALL
        assert len(gc.garbage) == graph.count == 2
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


def test_what_was_in_gc_garbage_before_is_shown_and_stays() -> None:
    kept: list[Any] = ["kept"]
    gc.garbage.append(kept)
    make_garbage(2)
    try:
        assert GarbageGraph(collectable=False).objects == [kept]
        make_garbage(2)
        assert GarbageGraph().count == 3
        assert gc.garbage == [kept]
    finally:
        gc.garbage.clear()


def test_objects_live_as_long_as_the_graph() -> None:
    node = Node()
    kept = [Node()]
    kept[0].itself = kept[0]
    del node

    graph = GarbageGraph(reduce=True)
    found = [weakref.ref(item) for item in graph.objects if type(item) is Node]

    assert len(found) == 1
    del graph
    gc.collect()
    assert [ref() for ref in found] == [None] * len(found)


def test_the_table() -> None:
    loop: list[Any] = ["x" * 200]
    loop.append(loop)
    del loop
    stream = io.StringIO()
    graph = GarbageGraph(reduce=True)

    graph.print_stats(stream)

    header, row, footer = stream.getvalue().splitlines()
    assert header == "id             size type         representation" + " " * 32
    assert re.fullmatch(r"0x[0-9a-f]{8,} +\d+ list {9}\['x+\.\.\..*", row)
    assert row.split()[1] == str(graph.total_size)
    assert re.fullmatch(
        r"Garbage:        1 collected objects \(1 in cycles\): +\d+(\.\d+)? +\w+", footer
    )


def test_the_table_has_the_largest_first(capsys: pytest.CaptureFixture[str]) -> None:
    for size in (10, 1000, 100):
        loop: list[Any] = [None] * size
        loop[0] = loop
    del loop

    GarbageGraph().print_stats()

    sizes = [int(line.split()[1]) for line in capsys.readouterr().out.splitlines()[1:-1]]
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == 3


def test_starting_frees_what_there_is() -> None:
    make_garbage()

    start_debug_garbage()

    assert not gc.isenabled()
    assert GarbageGraph().count == 0
    end_debug_garbage()


def test_starting_twice() -> None:
    start_debug_garbage()
    end_debug_garbage()
    assert not gc.isenabled()  # as it was before the second start


def test_ending_without_a_start() -> None:
    end_debug_garbage()  # of the fixture
    assert gc.isenabled()

    end_debug_garbage()

    assert gc.isenabled()
    gc.disable()
    end_debug_garbage()
    assert not gc.isenabled()
    gc.enable()
    start_debug_garbage()
