"""Growth that no container explained in the rounds: whether it persists, and what it is."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import dataclass

from pympler.graph.paths import find_chains
from pympler.graph.roots import is_own
from pympler.leaks.check.candidates import Candidate, container_candidates, name_objects
from pympler.leaks.check.confirm import lifetime_s
from pympler.leaks.check.copies import Copies
from pympler.leaks.check.meter import Meter, Window, middle
from pympler.leaks.check.slots import Slots, growing_slots, read_slots, slot_candidates
from pympler.leaks.containers import fetch, read_lengths
from pympler.leaks.growth import advance, growing, start_tracks
from pympler.leaks.lengths import bound_of, length_of
from pympler.sizing.flat import flat_size
from pympler.util.names import type_name

__all__ = ["Lifetimes", "Persisting", "lasts", "look_longer", "persists", "shared_way"]

_REQUESTS = 100
_ROUNDS = 3
_LEAST_COUNT = 0.3
_LEAST_MALLOC_BYTES = 100.0
_LEAST_ENTRIES = 0.003
_LEAST_SHARE = 0.1
_MOST_SPREAD = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Persisting:
    """Growth that did not end.

    Attributes:
        window: what each of the windows added.
        candidates: what may hold it, to be confirmed; empty if nothing was found.
    """

    window: Window
    candidates: list[Candidate]


def look_longer(meter: Meter) -> Persisting | None:
    """Look at more and larger windows; ``None`` if the growth has ended."""
    first = read_lengths()
    tracks = start_tracks(first)
    scans: tuple[Slots, ...] = (read_slots(),)
    copies = Copies(scans[0])
    windows: tuple[Window, ...] = ()
    for number in range(_ROUNDS):
        windows = (*windows, meter.window(_REQUESTS))
        tracks = advance(tracks, read_lengths())
        scans = (*scans, read_slots())
        if number < _ROUNDS - 1:
            copies.look(scans[-1])
    window = middle(*windows)
    if not persists(window):
        return None
    candidates = container_candidates(growing(tracks, _REQUESTS, least=_LEAST_ENTRIES))
    # A slot may seem to last because the next owner lies where the one before it lay.
    found = copies.candidates(scans[-1], _REQUESTS)
    known = {one.path for one in found}
    slots = slot_candidates(growing_slots(*scans), _REQUESTS * _ROUNDS)
    candidates += found + [one for one in slots if one.path not in known]
    spread = _spread_candidates(first)
    # A few of many containers may happen to grow in each window; they are not the whole.
    if spread and spread[0].growth > 2 * max((one.growth for one in candidates), default=0):
        candidates = spread
    return Persisting(window, candidates)


def persists(window: Window) -> bool:
    """Whether a window of many requests still shows growth."""
    return (
        window.blocks >= _LEAST_COUNT
        or window.objects >= _LEAST_COUNT
        or window.malloc_bytes >= _LEAST_MALLOC_BYTES
    )


def lasts(window: Window, whole: Window) -> bool:
    """Whether half of what windows add is still there after all of them.

    Whatever was emptied once meanwhile has lost more than half of it, at any time.

    Example:
        >>> lasts(Window(blocks=11.0), Window(blocks=10.8))
        True
        >>> lasts(Window(blocks=11.0), Window(blocks=4.0))
        False
    """
    return persists(
        Window(
            blocks=window.blocks if 2 * whole.blocks >= window.blocks else 0.0,
            objects=window.objects if 2 * whole.objects >= window.objects else 0.0,
            malloc_bytes=(
                window.malloc_bytes if 2 * whole.malloc_bytes >= window.malloc_bytes else 0.0
            ),
        )
    )


class Lifetimes:
    """How long the entries live of what grows from now on.

    A cache that the clock empties as fast as slow requests fill it grows again when they are
    faster, and is made anew each time it is emptied: no single container of it grows.
    """

    def __init__(self) -> None:
        self._lengths = read_lengths()
        self._slots = read_slots()

    def longest_s(self, requests: int) -> float:
        """The seconds after which what was added first must be gone, 0.0 if nothing declares it.

        Args:
            requests: how many there were since then.
        """
        least = _LEAST_SHARE * requests
        now = read_lengths()
        gained = {key: now.get(key, 0) - length for key, length in self._lengths.items()}
        grown = {key: more / requests for key, more in gained.items() if more >= least}
        slots = growing_slots(self._slots, read_slots())
        candidates = container_candidates(grown)
        candidates += slot_candidates(
            {key: more for key, more in slots.items() if more >= least}, requests
        )
        return max(map(lifetime_s, candidates), default=0.0)


def _spread_candidates(first: Mapping[int, int]) -> list[Candidate]:
    """What holds many containers of which each grows now and then (a list for each user)."""
    now = read_lengths()
    gained = {key: now[key] - length for key, length in first.items() if now.get(key, 0) > length}
    growth = sum(gained.values()) / (_REQUESTS * _ROUNDS)
    if growth < _LEAST_COUNT:
        return []
    most = sorted(gained, key=lambda key: -gained[key])[:_MOST_SPREAD]
    items = [
        item for item in fetch(set(most)).values() if bound_of(item) is None and not is_own(item)
    ]
    chains = find_chains(id(item) for item in items)
    ways = list(chains.ids.values())
    shared = shared_way(ways)
    objects = chains.objects(shared) if len(shared) > 1 else None
    if objects is None:
        return []
    holder = objects[-1]
    name = name_objects({id(holder): holder}).get(id(holder))
    if name is None:
        return []
    watched = [item for item in items if id(item) in chains.ids]
    # Those that have not had their turn yet stand next to the others.
    beside = [one for one in gc.get_referents(holder) if type(one) is type(watched[0])]
    if {id(one) for one in watched} <= {id(one) for one in beside}:
        watched = beside
    return [
        Candidate(
            path=name.text,
            type=type_name(type(holder)),
            application=name.application,
            length=lambda: sum(length_of(item) or 0 for item in watched),
            entries=lambda: gc.get_referents(*watched),
            table_bytes=lambda: sum(map(flat_size, watched)),
            growth=sum(gained.get(id(item), 0) for item in watched) / (_REQUESTS * _ROUNDS),
            patient=True,
        )
    ]


def shared_way(ways: list[tuple[int, ...]]) -> tuple[int, ...]:
    """The beginning that most of these ways have in common."""
    if not ways:
        return ()
    ways = sorted(ways, key=len)
    middle = ways[len(ways) // 2]
    for end in range(len(middle) - 1, 0, -1):
        if sum(way[:end] == middle[:end] for way in ways) >= 0.6 * len(ways):
            return middle[:end]
    return ()
