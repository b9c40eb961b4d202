"""Chains: new objects that hang on old ones without a container, such as linked lists.

Objects of C code that hold many others are told by what gc sees in them, as nobody knows their
length.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from pympler.leaks.check.candidates import name_objects
from pympler.leaks.check.links import Link, find_hubs, find_links, reached
from pympler.leaks.check.weight import left_behind
from pympler.leaks.containers import tracked_ids
from pympler.leaks.report import Suspect
from pympler.leaks.tracing import StoreTracer
from pympler.util.names import type_name

__all__ = ["Chain", "find_chain"]

_MOST_TRACED = 50
_LEAST_ADDED = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """A chain that new objects are added to.

    Attributes:
        suspect: what holds it; without the line, which :meth:`tracer` finds.
        objects_per_request: objects in it, those included that gc does not track.
    """

    suspect: Suspect
    objects_per_request: float
    _watched: list[Callable[[], int]]

    def tracer(self) -> StoreTracer:
        """A tracer for the next requests; any line that it finds adds to the chain."""
        return StoreTracer(dict(enumerate(self._watched)))


def find_chain(old: Collection[int], requests: int, objects_per_request: float) -> Chain | None:
    """The chain that explains half of the new objects at least.

    Args:
        old: ids of the objects that were there before these requests.
        requests: how many there were.
        objects_per_request: objects that each of them left, as far as gc tracks them.
    """
    enough = 0.5 * requests * objects_per_request
    hub = _find_hub(old, requests, enough)
    if hub is not None:
        return hub
    links = find_links(old)
    heads = {id(link.child): link for link in links if link.reach >= enough}
    names = name_objects({key: link.child for key, link in heads.items()})
    if not names:
        return None
    key = min(names, key=lambda key: (not names[key].application, len(names[key].text)))
    head = heads[key].child
    kept = left_behind([lambda: [head]], old)[0]
    suspect = Suspect(
        holder=names[key].text,
        type=type_name(type(head)),
        growth_per_request=0.0,
        bytes_per_request=round(kept.flat_bytes / requests, 1),
        evidence=f"a chain of {kept.objects} objects, no end seen in {requests} requests",
    )
    # Also what points at the end of the chain, which is where the next one is put.
    inside = reached(head, tracked_ids() - frozenset(old))
    watched = [_changes(link) for link in links if id(link.child) in inside][:_MOST_TRACED]
    return Chain(suspect, round(kept.objects / requests, 3), watched)


def _find_hub(old: Collection[int], requests: int, enough: float) -> Chain | None:
    """The object that new ones hang on side by side."""
    hubs = {id(item): item for item in find_hubs(old, _LEAST_ADDED * requests)}
    names = name_objects(hubs)
    for key in sorted(names, key=lambda key: (not names[key].application, len(names[key].text))):
        hub = hubs[key]
        fresh = [item for item in gc.get_referents(hub) if id(item) not in old]
        added = len(fresh)
        kept = left_behind([fresh.copy], old)[0]
        if kept.objects < enough:
            continue
        suspect = Suspect(
            holder=names[key].text,
            type=type_name(type(hub)),
            growth_per_request=round(added / requests, 3),
            bytes_per_request=round(kept.flat_bytes / requests, 1),
            evidence=f"no bound seen in {requests:,} requests",
        )
        return Chain(suspect, round(kept.objects / requests, 3), [_referents(hub)])
    return None


def _referents(hub: Any) -> Callable[[], int]:
    return lambda: len(gc.get_referents(hub))


def _changes(link: Link) -> Callable[[], int]:
    """A function that counts how often another object has taken the place of a linked one."""
    read = link.read
    last, count = id(link.child), 0

    def changes() -> int:
        nonlocal last, count
        now = id(read())
        if now != last:
            last, count = now, count + 1
        return count

    return changes
