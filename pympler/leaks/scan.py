"""The growth scan of a monitor: containers that keep growing although no window shows it.

What gc does not track (texts, numbers, dictionaries of them) is in no window, nor is what a thread
of the application's own keeps. The allocator counts its blocks, though: when their number rises
with the requests, three walks over the heap tell which containers become longer from each to the
next.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pympler.graph.containers import list_without_tuples
from pympler.graph.frozen import is_frozen
from pympler.graph.paths import Chains, find_chains
from pympler.leaks.budget import WalkCost
from pympler.leaks.containers import read_lengths, tracked_objects
from pympler.leaks.evidence import LEAST_SHARED_GROWTH, Lengths
from pympler.leaks.holders import Holder, describe_holder
from pympler.leaks.lengths import length_reader
from pympler.sizing.compiled import extension
from pympler.util.gc_callbacks import before_full_collections

__all__ = ["GrowthScan"]

_FIRST_BLOCK, _LONGEST_BLOCK = 100, 10_000
_LEAST_GAP = 200
_LEAST_LENGTH = 16
_MOST_TRACKED = 200_000
_MOST_LOOKED_FOR = 40
_MOST_FOUND = 5
_RESTARTS = 3
_MOST_GROWING = 5000
_MOST_SPREAD = 200
_LEAST_SPREAD = 3
_LONGEST_SPREAD = 4  # owner, entry, the dictionary of its attributes, container


class GrowthScan:
    """Looks for evidence in the number of blocks, and then for what grows.

    Not thread-safe: the background thread of a monitor calls it. Holds no object of the
    application, only ids and lengths.

    Attributes:
        walk_cost: of a walk.
    """

    def __init__(self) -> None:
        self._block_requests = _FIRST_BLOCK
        self._trend: Lengths | None = None
        self._began = self._next_walk = 0
        self._walked: list[int] = []
        self._ids, self._first = array("Q"), array("Q")
        self._grown: dict[int, tuple[int, int]] = {}
        self.walk_cost = WalkCost()

    def note(self, requests: int, blocks: int) -> None:
        """Take a reading of the allocator's blocks after so many requests."""
        if self._next_walk:
            return
        if self._trend is None:
            self._began = requests
            self._trend = Lengths(
                self._block_requests, requests, blocks, least_growth=LEAST_SHARED_GROWTH
            )
        self._trend.read(requests, blocks)
        judged = self._trend.judge()
        if judged == "growing":
            self._next_walk = requests
        elif judged is not None:
            self._begin_anew()

    def is_due(self, requests: int) -> bool:
        """Whether it is time for a walk over the heap."""
        return 0 < self._next_walk <= requests

    def walk(self, requests: int, known: Collection[str] = ()) -> tuple[list[Holder], int]:
        """Read the lengths of all containers, after so many requests.

        Args:
            requests: so far.
            known: paths of the containers that are watched already, and need not be found.

        Returns:
            The containers that grew from each of three walks to the next, those that grew most
            first, and the number of requests that it took to find them; nothing before the third.
        """
        try:
            with self.walk_cost.measured():
                return self._walk(requests, known)
        except BaseException:
            self._begin_anew()
            raise

    def _walk(self, requests: int, known: Collection[str]) -> tuple[list[Holder], int]:
        gap = max(2 * self._block_requests, _LEAST_GAP)
        lengths = _lengths()
        if lengths is None:
            self._next_walk = requests + gap // 4
            return [], 0
        self._next_walk = requests + gap
        self._walked.append(requests)
        if len(self._walked) == 1:
            self._keep(lengths)
            return [], 0
        if len(self._walked) == 2:
            tracks = zip(self._ids, self._first, strict=True)
            grown = {
                key: (first, lengths[key]) for key, first in tracks if lengths.get(key, 0) > first
            }
            most = sorted(grown, key=lambda key: grown[key][1] - grown[key][0], reverse=True)
            self._grown = {key: grown[key] for key in most[:_MOST_GROWING]}
            return [], 0
        least = LEAST_SHARED_GROWTH * (requests - self._walked[0])
        growth = {
            key: lengths[key] - first
            for key, (first, second) in self._grown.items()
            if lengths.get(key, 0) > second
        }
        taken = requests - self._began
        self._begin_anew()
        return _holders(growth, max(least, 2.0), known), taken

    def _keep(self, lengths: Mapping[int, int]) -> None:
        """Keep the lengths in little memory; of too many containers the longest."""
        chosen: Collection[int] = lengths
        if len(chosen) > _MOST_TRACKED:
            chosen = sorted(lengths, key=lengths.__getitem__, reverse=True)[:_MOST_TRACKED]
        self._ids = array("Q", chosen)
        self._first = array("Q", map(lengths.__getitem__, chosen))

    def _begin_anew(self) -> None:
        # Over more requests than before, so that evidence shows above what comes and goes, and
        # what was found in vain costs less and less.
        self._block_requests = min(2 * self._block_requests, _LONGEST_BLOCK)
        self._trend, self._next_walk = None, 0
        self._walked, self._grown = [], {}
        self._ids, self._first = array("Q"), array("Q")


def _lengths() -> dict[int, int] | None:
    """The lengths of all containers but short ones, ``None`` if a collection interfered."""
    if extension() is not None and not is_frozen():
        return read_lengths(least=_LEAST_LENGTH)  # lists and reads within one call into C
    objects = tracked_objects(list_without_tuples)
    with before_full_collections(objects.clear):
        lengths = read_lengths(objects, least=_LEAST_LENGTH)
        return lengths if objects else None


def _holders(growth: Mapping[int, int], least: float, known: Collection[str] = ()) -> list[Holder]:
    """The holders among the containers that grew.

    Args:
        growth: by how much, by id.
        least: how much is enough; of those that grew by less, several may have one owner.
        known: paths of those that need not be found.
    """
    order = sorted(growth, key=growth.__getitem__, reverse=True)
    most = [key for key in order if growth[key] >= least][:_MOST_LOOKED_FOR]
    less = [key for key in order if growth[key] < least][:_MOST_SPREAD]
    if len(less) < _LEAST_SPREAD and not most:
        return []
    chains = find_chains([*most, *less], restarts=_RESTARTS, with_atoms=False)
    owners = _owners(chains, [*most, *less])
    ways = [way for way, keys in owners.items() if sum(growth[key] for key in keys) >= least]
    found: list[Holder | None] = []
    spread: set[int] = set()  # what counts among the entries of its owner
    for way in ways:
        owner = describe_holder(chains, way, spread=True)
        if owner is not None and owner.parts:
            found.append(owner)
            spread |= owners[way]
    alone = [chains.ids[key] for key in most if key in chains.ids and key not in spread]
    found += [describe_holder(chains, way) for way in alone]
    holders: list[Holder] = []
    for holder in found:
        # What cannot be found again cannot be watched; Pympler's own are not found at all.
        if holder is None or holder.handle is None or holder.length is None:
            continue
        if holder.path not in known and all(holder.path != other.path for other in holders):
            holders.append(holder)
    return holders[:_MOST_FOUND]


def _owners(chains: Chains, keys: Sequence[int]) -> dict[tuple[int, ...], set[int]]:
    """The ways to containers that lead to several of these, and which those are.

    Directly, or to attributes of their entries; the last that leads to the same ones.
    """
    found: dict[tuple[int, ...], set[int]] = {}
    for key in keys:
        way = chains.ids.get(key, ())
        objects = chains.objects(way) if way else None
        for place in range(max(len(way) - _LONGEST_SPREAD, 1), len(way) - 1):
            if objects is not None and _holds_entries(objects[place]):
                found.setdefault(way[: place + 1], set()).add(key)
    several = {way: keys for way, keys in found.items() if len(keys) >= _LEAST_SPREAD}
    return {
        way: keys
        for way, keys in several.items()
        if not any(len(way) < len(other) and keys == several[other] for other in several)
    }


def _holds_entries(item: Any) -> bool:
    return type(item) is tuple or length_reader(type(item)) is not None
