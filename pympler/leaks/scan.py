"""The growth scan of a monitor: containers that keep growing although no window shows it.

What gc does not track (texts, numbers, dictionaries of them) is in no window, nor is what a thread
of the application's own keeps. The allocator counts its blocks, though: when their number rises
with the requests, three walks over the heap tell which containers become longer from each to the
next.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping

from pympler.graph.containers import list_without_tuples
from pympler.graph.frozen import is_frozen
from pympler.graph.paths import find_chains
from pympler.leaks.budget import WalkCost
from pympler.leaks.containers import read_lengths, tracked_objects
from pympler.leaks.evidence import LEAST_SHARED_GROWTH, Lengths
from pympler.leaks.holders import Holder, describe_holder
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
        least = LEAST_SHARED_GROWTH * (requests - self._walked[-2])
        if len(self._walked) == 2:
            tracks = zip(self._ids, self._first, strict=True)
            self._grown = {
                key: (first, lengths[key])
                for key, first in tracks
                if lengths.get(key, 0) - first >= max(least, 1)
            }
            return [], 0
        growth = {
            key: lengths[key] - first
            for key, (first, second) in self._grown.items()
            if lengths.get(key, 0) - second >= max(least, 1)
        }
        taken = requests - self._began
        self._begin_anew()
        return _holders(growth, known), taken

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


def _holders(growth: Mapping[int, int], known: Collection[str]) -> list[Holder]:
    most = sorted(growth, key=growth.__getitem__, reverse=True)[:_MOST_LOOKED_FOR]
    if not most:
        return []
    chains = find_chains(most, restarts=_RESTARTS, with_atoms=False)
    holders: list[Holder] = []
    for key in most:
        way = chains.ids.get(key)
        holder = None if way is None else describe_holder(chains, way)
        # What cannot be found again cannot be watched; Pympler's own are not found at all.
        if holder is None or holder.handle is None or holder.length is None:
            continue
        if holder.path not in known and all(holder.path != other.path for other in holders):
            holders.append(holder)
    return holders[:_MOST_FOUND]
