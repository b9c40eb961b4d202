"""Sizes of many objects, each without the others."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from pympler.sizing.asized import Asized, break_down
from pympler.sizing.kinds import Kind, Rules
from pympler.sizing.marks import MARK_SHIFT, marks_of, shared_ids
from pympler.sizing.python_walk import Budget, Outcome, Walk, aligned

__all__ = ["asized_each"]

_ALIGN = 8
_CLIP = 80


def asized_each(items: Sequence[Any], levels: Sequence[int]) -> list[Asized]:
    """The size of each of some objects, without references from one to another.

    What they share counts for the first of them, as in :func:`pympler.asizeof.asizesof`.

    Args:
        items: the objects, each once.
        levels: for each, how many levels of referents are told one by one.
    """
    walk = _walk(items)
    found = _in_one_go(walk, items)
    if not any(levels):
        return found
    parts = _walk(items)
    parts.namespaces = walk.namespaces
    return [
        break_down(parts, item, level, _CLIP) for item, level in zip(items, levels, strict=True)
    ]


def _walk(items: Iterable[Any]) -> Walk:
    seen = marks_of(shared_ids())
    seen |= marks_of(map(id, items))
    return Walk(Rules(), _ALIGN, None, Budget(), seen)


def _in_one_go(walk: Walk, items: Sequence[Any]) -> list[Asized]:
    """The sizes without parts.

    A tracked instance has a handful of referents, for which the steps of a walk by type cost ten
    times what they save; so only what needs them goes through them.
    """
    totals: list[int] = []
    outcomes: dict[int, Outcome] = {}
    for place, item in enumerate(items):
        total, special = _size(walk, [item])
        totals.append(total)
        if special:
            outcome = outcomes[place] = Outcome()
            walk.spread(special, outcome)
    walk.finish(list(outcomes.values()))
    flats = _flat_sizes(walk, items)
    sizes: dict[tuple[int, int], Asized] = {}
    found = []
    for place, total in enumerate(totals):
        flat = flats[place]
        outcome_bytes = outcomes[place].total if place in outcomes else 0
        key = (total + outcome_bytes, flat)
        # Most objects of a class have one of a few sizes: one value object serves them all.
        found.append(sizes.get(key) or sizes.setdefault(key, Asized(*key)))
    return found


def _size(walk: Walk, todo: list[Any]) -> tuple[int, list[Any]]:
    """Bytes of marked objects and what they refer to, and those that the walk has to handle."""
    kinds, seen, shift = walk.kinds, walk.seen, MARK_SHIFT
    total = 0
    special: list[Any] = []
    while todo:
        item = todo.pop()
        kind = kinds.get(id(type(item))) or walk.kind(item)
        if kind.referents is None and not kind.late:
            if kind.counted:
                total += (sys.getsizeof(item) + 7) & -8
            continue
        size, referents = _plain(walk, kind, item)
        if referents is None:
            special.append(item)
            continue
        total += size
        for referent in referents:
            mark = id(referent) >> shift
            if mark not in seen:
                seen.add(mark)
                todo.append(referent)
    return total, special


def _plain(walk: Walk, kind: Kind, item: Any) -> tuple[int, Iterable[Any] | None]:
    """Size and referents of an object, ``None`` for the latter if it is no ordinary one."""
    if not kind.counted:
        return 0, ()
    if kind.late or kind.mapping or kind.keep is not None:
        return 0, None
    sizes, referents = kind.try_sizes([item]), kind.try_referents([item])
    if sizes is None or referents is None:
        return 0, None
    if kind.namespaces is not None:
        walk.namespaces.update(kind.namespaces([item]))
    return aligned(sizes[0], _ALIGN), referents


def _flat_sizes(walk: Walk, items: Sequence[Any]) -> list[int]:
    found = []
    for item in items:
        kind = walk.kind(item)
        sizes = kind.try_sizes([item])
        size = sizes[0] if sizes else kind.size_or_basic(item)[0]
        found.append(aligned(size, _ALIGN) if kind.counted else 0)
    return found
