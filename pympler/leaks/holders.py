"""Holders: what keeps the survivors of a route alive."""

from __future__ import annotations

import sys
import weakref
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from pympler.graph.paths import Chains, Handle, find_chains
from pympler.graph.roots import module_namespace
from pympler.leaks.bounds import NOTHING_DECLARED, Declared, declared_of
from pympler.leaks.lengths import LruCache, bound_of, length_of, parts_of, total_length, way_to_part
from pympler.leaks.listing import list_ids
from pympler.util.names import type_name

__all__ = ["Holder", "HolderSearch", "describe_holder", "find_holders"]

_SHARE_OF_WINDOWS = 0.6
_LEAST_WINDOWS = 3
_LONGEST_CHAIN = 5
_MOST_HOLDERS = 3
_RESTARTS = 3
_MOST_ENTRIES = 64  # of which the lengths may be added up: that is done again and again

_WEAK = (weakref.WeakSet, weakref.WeakKeyDictionary, weakref.WeakValueDictionary)

Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Holder:
    """An object that was there before the requests and through which their survivors live.

    Attributes:
        path: the way to it in words.
        type: name of its type.
        handle: finds it again, ``None`` if it cannot be found again without keeping it alive.
        length: number of its entries, ``None`` if it is no container.
        bound: most entries that it declares it will ever have.
        declared: what its owner or code declares about it.
        survivors: number of survivors found behind it.
        windows: number of the windows that these are of.
        parts: number of containers within it over which the survivors are spread, and whose
            entries count as its own; 0 if it holds them itself.
    """

    path: str
    type: str
    handle: Handle | None
    length: int | None
    bound: int | None
    survivors: int
    windows: int
    declared: Declared = NOTHING_DECLARED
    parts: int = 0

    def measure(self, item: Any) -> int | None:
        """The length of the holder, which its handle has found."""
        return total_length(item) if self.parts else length_of(item)


@dataclass(frozen=True, slots=True, eq=False)
class HolderSearch:
    """The outcome of one search.

    Attributes:
        holders: the one with the most survivors first.
        found: windows of which a survivor was reached from a root.
        unheld: windows of which a survivor still exists although no root leads to it: held by C,
            or garbage that was not collected yet.
        windows: windows whose survivors were looked for.
    """

    holders: tuple[Holder, ...]
    found: int
    unheld: int
    windows: int

    @property
    def released(self) -> bool:
        """Whether the survivors of most windows have been let go of meanwhile."""
        return self.found + self.unheld < 0.5 * self.windows


def find_holders(searches: Sequence[Sequence[Collection[int]]]) -> list[HolderSearch]:
    """Find what holds the survivors of several windows of each of some routes, in one walk.

    A holder is the last object on the way to a survivor that is no survivor itself, if it is the
    same for most windows. Where it is not (a linked list, a container per session), it is the
    last object that most ways share.

    Args:
        searches: for each route and each of its windows the ids of the survivors. Ids may have
            been reused meanwhile; what most windows agree on is not misled by a few.
    """
    wanted = {item for groups in searches for group in groups for item in group}
    chains = find_chains(wanted, restarts=_RESTARTS, with_atoms=False)
    existing = chains.ids.keys() | _listed(wanted - chains.ids.keys())
    return [_holders_of(groups, chains, existing) for groups in searches]


def _listed(ids: Collection[int]) -> set[int]:
    """Of these ids those that objects have which gc tracks."""
    wanted = frozenset(ids)
    if not wanted:
        return set()
    return {item for generation in range(3) for item in wanted.intersection(list_ids(generation))}


def _holders_of(
    groups: Sequence[Collection[int]], chains: Chains, existing: Collection[int]
) -> HolderSearch:
    survivors = {item for group in groups for item in group}
    ways = [
        [_before_survivors(chains.ids[item], survivors) for item in group if item in chains.ids]
        for group in groups
    ]
    ways = [way for way in ways if way]
    # Of the survivors of a few windows the ids may be those of anything by now.
    needed = max(min(_LEAST_WINDOWS, len(groups)), _SHARE_OF_WINDOWS * len(ways))
    holders: list[Holder] = []
    direct = _direct(ways, needed)
    for ids, count, windows in direct or _shared(ways, needed):
        holder = describe_holder(chains, ids, count, windows, spread=not direct)
        if holder is not None and all(holder.path != other.path for other in holders):
            holders.append(holder)
    held = sum(any(item in existing for item in group) for group in groups)
    found = len(ways)
    return HolderSearch(tuple(holders[:_MOST_HOLDERS]), found, held - found, len(groups))


def _before_survivors(ids: Ids, survivors: Collection[int]) -> Ids:
    for place, item in enumerate(ids):
        if item in survivors:
            return ids[:place]
    return ids


def _direct(ways: list[list[Ids]], needed: float) -> list[tuple[Ids, int, int]]:
    """Objects that directly hold survivors of most windows, with the way to them."""
    windows: Counter[int] = Counter()
    counts: Counter[int] = Counter()
    example: dict[int, Ids] = {}
    for group in ways:
        ends = [ids[-1] for ids in group if ids]
        windows.update(set(ends))
        counts.update(ends)
        example.update((ids[-1], ids) for ids in group if ids)
    direct = [item for item, _ in counts.most_common() if windows[item] >= needed]
    return [(example[item], counts[item], windows[item]) for item in direct]


def _shared(ways: list[list[Ids]], needed: float) -> list[tuple[Ids, int, int]]:
    """The last object that the ways of most windows share, the root itself left out."""
    windows: Counter[int] = Counter()
    example: dict[int, Ids] = {}
    for group in ways:
        windows.update({item for ids in group for item in ids[1:]})
        for ids in group:
            for place in range(1, len(ids)):
                example[ids[place]] = ids[: place + 1]
    common = [example[item] for item, count in windows.items() if count >= needed]
    if not common:
        return []
    last = max(common, key=len)
    return [(last, sum(map(len, ways)), windows[last[-1]])]


def describe_holder(
    chains: Chains, ids: Ids, survivors: int = 0, windows: int = 0, *, spread: bool = False
) -> Holder | None:
    """The holder at the end of a way.

    ``None`` if the way cannot be followed any more, or ends in a container that holds nothing.

    Args:
        chains: the ways.
        ids: this one.
        survivors: number of survivors found behind it.
        windows: number of the windows that these are of.
        spread: whether no container directly holds most of them.
    """
    objects = chains.objects(ids)
    if objects is None or _only_follows(objects):
        return None
    objects = _up_the_chain(_up_to_cache(objects))
    path = chains.describe_holder(objects)
    item = objects[-1]
    parts = parts_of(item) if spread and _may_have_parts(objects) else []
    bounds = [bound_of(part) for part in parts or [item]]
    own = (length_of(item) or 0) if parts else 0  # counts too, for as long as it stays as it is
    return Holder(
        path=path.text,
        type=_type_of(item),
        handle=path.handle,
        length=total_length(item) if parts else length_of(item),
        bound=None if None in bounds else own + sum(filter(None, bounds)),
        survivors=survivors,
        windows=windows,
        declared=_declared_within(chains, objects) if parts else declared_of(path.text, objects),
        parts=len(parts),
    )


def _declared_within(chains: Chains, objects: list[Any]) -> Declared:
    """What is declared about the parts of a container, by its owner or their own."""
    declared = declared_of(chains.describe(objects).text, objects, parts=True)
    way = way_to_part(objects[-1])
    if len(way) < 2:
        return declared
    objects = [*objects, *way]
    return declared.with_that_of(declared_of(chains.describe(objects).text, objects))


def _may_have_parts(objects: list[Any]) -> bool:
    item, owner = objects[-1], objects[-2:][0]
    if issubclass(type(owner), ModuleType) and module_namespace(owner) is item:
        return False
    return type(item) is tuple or 0 < (length_of(item) or 0) <= _MOST_ENTRIES


def _only_follows(objects: list[Any]) -> bool:
    # What is in a WeakSet, such as all tasks of asyncio, is held by somebody else.
    last = objects[-1]
    owners = (item for item in objects[-3:] if issubclass(type(item), _WEAK))
    if any(owner is last or object.__getattribute__(owner, "data") is last for owner in owners):
        return True
    # And what an event loop is about to run is let go of at once.
    asyncio = sys.modules.get("asyncio.base_events")
    loops = () if asyncio is None else (asyncio.BaseEventLoop,)
    owners = (item for item in objects[-3:-1] if issubclass(type(item), loops))
    return any(object.__getattribute__(owner, "_ready") is last for owner in owners)


def _type_of(item: Any) -> str:
    return "lru_cache" if type(item) is LruCache else type_name(type(item))


def _up_to_cache(objects: list[Any]) -> list[Any]:
    # The dict and the links inside an lru_cache are the cache.
    for place, item in enumerate(objects):
        if type(item) is LruCache and place + 1 < len(objects):
            return objects[: place + 1]
    return objects


def _up_the_chain(objects: list[Any]) -> list[Any]:
    # A chain of objects of one type is held by what holds its first one.
    kind = type(objects[-1])
    links = [place for place, item in enumerate(objects) if type(item) is kind]
    if len(links) < _LONGEST_CHAIN or links[0] == 0:
        return objects
    return objects[: links[0] + 1]
