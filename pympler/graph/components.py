"""Connected parts of a graph of ids, found in linear time and without recursion."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

__all__ = ["find_components", "find_cycles"]

Edges = Mapping[int, Collection[int]]
"""For each node the nodes that it refers to; all of these are nodes themselves."""


def find_components(edges: Edges) -> list[list[int]]:
    """The parts of a graph that no edge connects, whatever way the edges point.

    Example:
        >>> find_components({1: [3], 2: [3], 3: [], 4: []})
        [[1, 3, 2], [4]]
    """
    neighbours: dict[int, list[int]] = {node: list(targets) for node, targets in edges.items()}
    for node, targets in edges.items():
        for target in targets:
            neighbours[target].append(node)
    components: list[list[int]] = []
    seen: set[int] = set()
    for node in edges:
        if node in seen:
            continue
        seen.add(node)
        component = [node]
        for member in component:  # grows meanwhile
            for other in neighbours[member]:
                if other not in seen:
                    seen.add(other)
                    component.append(other)
        components.append(component)
    return components


def find_cycles(edges: Edges) -> list[list[int]]:
    """The strongly connected components that hold a cycle: every node in one reaches every other.

    A node that refers to itself is one too. Tarjan's algorithm, with a stack of its own.

    Example:
        >>> find_cycles({1: [2], 2: [1], 3: [1], 4: [4]})
        [[2, 1], [4]]
    """
    order: dict[int, int] = {}
    lowest: dict[int, int] = {}
    waiting: list[int] = []
    is_waiting: set[int] = set()
    found: list[list[int]] = []
    for start in edges:
        if start in order:
            continue
        calls: list[tuple[int, Iterator[int]]] = [(start, iter(edges[start]))]
        order[start] = lowest[start] = len(order)
        waiting.append(start)
        is_waiting.add(start)
        while calls:
            node, targets = calls[-1]
            for target in targets:
                if target not in order:
                    order[target] = lowest[target] = len(order)
                    waiting.append(target)
                    is_waiting.add(target)
                    calls.append((target, iter(edges[target])))
                    break
                if target in is_waiting:
                    lowest[node] = min(lowest[node], order[target])
            else:
                calls.pop()
                if calls:
                    caller = calls[-1][0]
                    lowest[caller] = min(lowest[caller], lowest[node])
                if lowest[node] == order[node]:
                    component = _pop_until(node, waiting)
                    is_waiting.difference_update(component)
                    if len(component) > 1 or node in edges[node]:
                        found.append(component)
    return found


def _pop_until(node: int, waiting: list[int]) -> list[int]:
    popped = [waiting.pop()]
    while popped[-1] != node:
        popped.append(waiting.pop())
    return popped
