"""Trees: new objects that hang on many others, none of which grows by much, such as a trie."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Collection
from types import FrameType
from typing import Any

from pympler.graph.paths import find_chains
from pympler.graph.roots import is_own
from pympler.leaks.check.candidates import name_objects
from pympler.leaks.check.chains import Chain
from pympler.leaks.check.persist import shared_way
from pympler.leaks.check.weight import left_behind
from pympler.leaks.containers import tracked_objects
from pympler.leaks.report import Suspect
from pympler.util.names import type_name

__all__ = ["find_tree"]

_MOST = 5000
_MOST_WATCHED = 20_000
_PLAIN = frozenset(map(id, (dict, list, set, deque)))


def find_tree(old: Collection[int], requests: int) -> Chain | None:
    """What the ways to most of the new objects have in common.

    Args:
        old: ids of the objects that were there before these requests.
        requests: how many there were.
    """
    fresh = [
        item
        for item in tracked_objects()
        if id(item) not in old and type(item) is not FrameType and not is_own(item)
    ]
    share = min(_MOST / max(len(fresh), 1), 1.0)  # of all, and of the requests that made them
    fresh = fresh[:_MOST]
    chains = find_chains(map(id, fresh))
    ways = chains.ids
    shared = shared_way(list(ways.values())) if 2 * len(ways) > len(fresh) else ()
    objects = chains.objects(shared) if len(shared) > 1 else None
    if objects is None:
        return None
    holder = objects[-1]
    name = name_objects({id(holder): holder}).get(id(holder))
    inside = [item for item in fresh if ways.get(id(item), ())[: len(shared)] == shared]
    if name is None or 2 * len(inside) < len(fresh):
        return None
    kept = left_behind([inside.copy], old)[0]
    suspect = Suspect(
        holder=name.text,
        type=type_name(type(holder)),
        growth_per_request=0.0,
        bytes_per_request=round(kept.flat_bytes / (share * requests), 1),
        evidence=f"a tree of {kept.objects} new objects, no end seen in {requests} requests",
    )
    watched = _containers(holder, {id(type(item)) for item in inside})
    return Chain(
        suspect,
        round(kept.objects / (share * requests), 3),
        [lambda: sum(map(len, watched))],
    )


def _containers(root: Any, kinds: Collection[int]) -> list[Any]:
    """The containers of a tree, also those that have not had their turn yet.

    Args:
        root: where it begins.
        kinds: ids of the types that it is made of.
    """
    seen = {id(root)}
    level: list[Any] = [root]
    found: list[Any] = []
    while level and len(found) < _MOST_WATCHED:
        # Read at each step of a trace: only those whose length takes no time and no code.
        found += [item for item in level if id(type(item)) in _PLAIN]
        level = [
            item
            for item in gc.get_referents(*level)
            if (id(type(item)) in kinds or id(type(item)) in _PLAIN)
            and id(item) not in seen
            and not seen.add(id(item))  # type: ignore[func-returns-value]
        ]
    return found
