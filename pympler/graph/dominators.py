"""Dominators: for each node of a graph the one that all ways to it lead through.

If an object goes away, exactly what it dominates goes with it: the sum of that is its retained
size. The algorithm is that of Lengauer and Tarjan with compressed paths, without recursion, over
arrays of 4 bytes for each node.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from pympler.sizing.compiled import extension

__all__ = ["find_dominators", "sum_retained"]


def find_dominators(
    starts: Sequence[int], targets: Sequence[int], tops: Sequence[int]
) -> tuple[array[int], array[int]]:
    """The immediate dominator of each node, and the order in which they can be summed.

    Args:
        starts: where the edges of each node begin in ``targets``, and where those of the last end.
        targets: the nodes that the edges lead to.
        tops: nodes that node 0 leads to; it has no other edges.

    Returns:
        For each node its immediate dominator, 0 for the tops and for what none of them leads to;
        and all nodes that can be reached in an order in which each comes after its dominator.

    Example:
        >>> find_dominators([0, 0, 2, 3, 4, 4], [2, 3, 4, 4], [1])[0].tolist()
        [0, 0, 1, 1, 1]
    """
    count = len(starts) - 1
    module = extension()
    if module is not None:
        dominators, order = (array("I", bytes(4 * count)) for _ in range(2))
        total = module.dominators(
            _as_array("Q", starts), _as_array("I", targets), array("I", tops), dominators, order
        )
        del order[total:]
        return dominators, order
    number, order, parent = _search(starts, targets, tops, count)
    before_starts, before = _reversed(starts, targets, tops, number, order)
    total = len(order)
    semi = array("I", range(total))
    label = array("I", range(total))
    ancestor = array("I", bytes(4 * total))  # 0: none yet, else one more than the number
    bucket = array("I", bytes(4 * total))  # first node of a list, linked by ``following``
    following = array("I", bytes(4 * total))
    found = array("I", bytes(4 * total))
    path: list[int] = []
    for node in range(total - 1, 0, -1):
        least = semi[node]
        for place in range(before_starts[node], before_starts[node + 1]):
            one = before[place]
            if one > node:
                one = _evaluate(one, ancestor, label, semi, path)
            if semi[one] < least:
                least = semi[one]
        semi[node] = least
        following[node] = bucket[least]
        bucket[least] = node
        above = parent[node]
        ancestor[node] = above + 1
        waiting = bucket[above]
        bucket[above] = 0
        while waiting:
            best = _evaluate(waiting, ancestor, label, semi, path)
            found[waiting] = best if semi[best] < above else above
            waiting = following[waiting]
    for node in range(1, total):
        if found[node] != semi[node]:
            found[node] = found[found[node]]
    dominators = array("I", bytes(4 * count))
    for node in range(1, total):
        dominators[order[node]] = order[found[node]]
    return dominators, order


def sum_retained(
    sizes: Sequence[int], dominators: Sequence[int], order: Sequence[int]
) -> array[int]:
    """The retained size of each node: its own bytes and those of all that it dominates.

    Args:
        sizes: bytes of each node alone.
        dominators: the immediate dominator of each.
        order: nodes, each after its dominator.
    """
    retained = array("Q", sizes)
    module = extension()
    if module is not None:
        module.retained(retained, _as_array("I", dominators), _as_array("I", order))
        return retained
    for place in range(len(order) - 1, 0, -1):
        node = order[place]
        retained[dominators[node]] += retained[node]
    return retained


def _as_array(code: str, values: Sequence[int]) -> array[int]:
    return values if type(values) is array and values.typecode == code else array(code, values)


def _search(
    starts: Sequence[int], targets: Sequence[int], tops: Sequence[int], count: int
) -> tuple[array[int], array[int], array[int]]:
    """Depth first: the number of each node (0 if not met), the node of each number, the parents."""
    number = array("I", bytes(4 * count))
    order = array("I", [0])
    parent = array("I", [0])
    next_edge = array("Q", starts)
    for top in tops:
        if number[top] or top == 0:
            continue
        number[top] = len(order)
        order.append(top)
        parent.append(0)
        stack = array("I", [top])
        while stack:
            node = stack[-1]
            place, end = next_edge[node], starts[node + 1]
            while place < end and number[targets[place]]:
                place += 1
            next_edge[node] = place + 1
            if place >= end:
                stack.pop()
                continue
            child = targets[place]
            number[child] = len(order)
            order.append(child)
            parent.append(number[node])
            stack.append(child)
    return number, order, parent


def _reversed(
    starts: Sequence[int],
    targets: Sequence[int],
    tops: Sequence[int],
    number: array[int],
    order: array[int],
) -> tuple[array[int], array[int]]:
    """The edges the other way round, by the numbers of the search."""
    total = len(order)
    ends = array("Q", bytes(8 * (total + 1)))
    for node in order:
        for place in range(starts[node], starts[node + 1]):
            ends[number[targets[place]]] += 1
    for top in tops:
        ends[number[top]] += 1
    sofar = 0
    for place in range(total + 1):
        sofar += ends[place]
        ends[place] = sofar
    before = array("I", bytes(4 * sofar))
    for node in order:
        here = number[node]
        for place in range(starts[node], starts[node + 1]):
            there = number[targets[place]]
            ends[there] -= 1
            before[ends[there]] = here
    for top in tops:
        ends[number[top]] -= 1
        before[ends[number[top]]] = 0
    return ends, before


def _evaluate(
    node: int, ancestor: array[int], label: array[int], semi: array[int], path: list[int]
) -> int:
    """The node with the least semidominator between a node and the end of its known path."""
    if not ancestor[node]:
        return node
    one = node
    while ancestor[ancestor[one] - 1]:
        path.append(one)
        one = ancestor[one] - 1
    while path:
        one = path.pop()
        above = ancestor[one] - 1
        if semi[label[above]] < semi[label[one]]:
            label[one] = label[above]
        ancestor[one] = ancestor[above]
    return label[node]
