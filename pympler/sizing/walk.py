"""The walk: objects in, sizes out; the compiled one where it is there and does the same.

No state outlives it and none is shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pympler.sizing.compiled import extension
from pympler.sizing.kinds import Rules
from pympler.sizing.marks import shared_marks
from pympler.sizing.python_walk import Budget, Measured, Walk

__all__ = ["walk"]


def walk(
    groups: Sequence[Sequence[Any]],
    rules: Rules,
    *,
    align: int = 8,
    limit: int | None = None,
    budget: Budget | None = None,
) -> Measured:
    """Measure groups of objects with everything that they refer to.

    Args:
        groups: objects to start from; each object counts for the first group that leads to it.
        rules: what is counted.
        align: each object's size is rounded up to a multiple of this power of two; 1 for none.
        limit: how many references away an object may be; ``None`` for no limit.
        budget: when to stop early.
    """
    if extension() is not None:
        from pympler.sizing.compiled_walk import CompiledWalk  # nobody else needs it

        measured = CompiledWalk(rules, align, limit, budget or Budget()).run(groups)
        most = budget.max_objects if budget is not None else None
        # Which objects a limit leaves out depends on their order: that is Python's.
        if most is None or measured.objects < most:
            return measured
    return Walk(rules, align, limit, budget or Budget(), set(shared_marks())).run(groups)
