from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from pympler.graph.dominators import find_dominators, sum_retained

Edges = list[list[int]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Edges, list[int]]:
    count = draw(st.integers(1, 12))
    nodes = st.integers(1, count)
    edges = draw(st.lists(st.lists(nodes, max_size=4), min_size=count, max_size=count))
    return [[], *edges], draw(st.lists(nodes, max_size=3))


def rows(edges: Edges) -> tuple[array[int], array[int]]:
    starts, targets = array("Q", [0]), array("I")
    for targets_of_one in edges:
        targets.extend(targets_of_one)
        starts.append(len(targets))
    return starts, targets


def reached(edges: Edges, tops: list[int], without: int = 0) -> set[int]:
    found: set[int] = set()
    waiting = list(tops)
    while waiting:
        node = waiting.pop()
        if node != without and node not in found:
            found.add(node)
            waiting += edges[node]
    return found


@given(graphs())
def test_what_is_retained_is_what_cannot_be_reached_without(graph: tuple[Edges, list[int]]) -> None:
    edges, tops = graph
    sizes = array("Q", [0] + [1 << node for node in range(1, len(edges))])
    dominators, order = find_dominators(*rows(edges), tops)
    retained = sum_retained(sizes, dominators, order)
    everything = reached(edges, tops)
    assert set(order) == everything | {0}
    for node in everything:
        lost = everything - reached(edges, tops, without=node)
        assert retained[node] == sum(sizes[one] for one in lost)
    for node in set(range(1, len(edges))) - everything:
        assert (dominators[node], retained[node]) == (0, sizes[node])


def test_a_chain_as_deep_as_a_heap_can_be() -> None:
    edges = [[], *([node + 1] for node in range(1, 50_000)), []]
    dominators, order = find_dominators(*rows(edges), [1])
    assert dominators.tolist() == [0, *range(50_000)]
    assert sum_retained(array("Q", [1] * 50_001), dominators, order)[1] == 50_000
