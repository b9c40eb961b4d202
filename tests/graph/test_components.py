"""Connected parts and cycles of graphs, against a slow and simple way to find them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pympler.graph.components import find_components, find_cycles

GRAPHS = st.integers(0, 12).flatmap(
    lambda size: st.fixed_dictionaries(
        {node: st.sets(st.integers(0, size - 1)) for node in range(size)}
    )
)


def reachable(edges: dict[int, set[int]]) -> dict[int, set[int]]:
    found = {node: set(targets) for node, targets in edges.items()}
    for _ in edges:
        for targets in found.values():
            targets.update(*[found[target] for target in targets])
    return found


@given(GRAPHS)
def test_cycles_are_what_reaches_itself(edges: dict[int, set[int]]) -> None:
    ways = reachable(edges)
    expected = {
        frozenset(other for other in ways[node] if node in ways[other])
        for node in edges
        if node in ways[node]
    }

    cycles = find_cycles(edges)

    assert {frozenset(cycle) for cycle in cycles} == expected
    assert sum(map(len, cycles)) == sum(map(len, expected))


@given(GRAPHS)
def test_components_are_what_is_reached_both_ways(edges: dict[int, set[int]]) -> None:
    both = {node: targets | {node} for node, targets in edges.items()}
    for node, targets in edges.items():
        for target in targets:
            both[target].add(node)

    components = find_components(edges)

    assert {frozenset(part) for part in components} == set(map(frozenset, reachable(both).values()))
    assert sorted(node for part in components for node in part) == sorted(edges)


def test_a_long_way_down() -> None:
    size = 200_000
    chain = {node: [node + 1] for node in range(size)} | {size: []}

    assert find_cycles(chain) == []
    assert [len(part) for part in find_components(chain)] == [size + 1]
    assert [len(part) for part in find_cycles(chain | {size: [0]})] == [size + 1]
