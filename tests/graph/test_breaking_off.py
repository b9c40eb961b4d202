"""A walk over the heap and the full collections that start meanwhile."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from pympler.graph import ways_walk
from pympler.graph.roots import Root, children, root_phases
from pympler.util.gc_callbacks import before_full_collections

HELD = {"cart": ["an item"]}


@pytest.fixture(autouse=True)
def only_by_hand() -> Iterator[None]:
    """No full collection starts but those of the tests."""
    gc.disable()
    yield
    gc.enable()


class Node:
    def __init__(self) -> None:
        self.itself = self


class Collecting:
    """Starts a full collection within each of the first walks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, collections: int) -> None:
        self.walks = 0
        self.left = collections
        self.due = False
        monkeypatch.setattr(ways_walk, "root_phases", self.phases)
        monkeypatch.setattr(ways_walk, "children", self.children)

    def phases(self) -> Iterator[list[Root]]:
        self.walks += 1
        self.due = self.left > 0
        self.left -= 1
        return iter(root_phases())

    def children(self, item: Any) -> Iterable[Any]:
        if self.due and item is HELD:
            self.due = False
            gc.collect()
        return children(item)


@pytest.mark.parametrize(("collections", "walks"), [(0, 1), (1, 2), (2, 3), (9, 3)])
def test_a_walk_begins_again_after_a_full_collection(
    monkeypatch: pytest.MonkeyPatch, collections: int, walks: int
) -> None:
    collecting = Collecting(monkeypatch, collections)
    hooks = list(gc.callbacks)
    cart = HELD["cart"]

    ways = ways_walk.walk_ways(frozenset([id(cart)]), restarts=2)

    assert ways.ids[id(cart)][-2:] == (id(HELD), id(cart))
    assert collecting.walks == walks
    assert gc.callbacks == hooks


def test_a_walk_lets_go_before_a_full_collection_only() -> None:
    garbage = Node()
    watch = weakref.ref(garbage)
    walk = ways_walk._Walk(frozenset(), {})
    walk.levels = ([garbage], [])
    del garbage
    with before_full_collections(walk.break_off):
        gc.collect(1)
        assert watch() is not None
        assert not walk.broken_off
        gc.collect()
        assert watch() is None
        assert walk.broken_off
