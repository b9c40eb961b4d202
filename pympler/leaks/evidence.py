"""Evidence: when survivors make a route suspicious, and when lengths confirm it.

Pure functions and small values; what they judge was measured before.
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = [
    "BLOCKS",
    "LEAST_GROWTH",
    "LEAST_SHARED_GROWTH",
    "Lengths",
    "WindowResult",
    "confirmation_requests",
    "leaves_nothing",
    "often_left",
    "pack_ids",
    "unpack_ids",
]

WARM_UP_WINDOWS = 2
LEAST_WINDOWS = 5
BLOCKS = 4
_LEAST_CONFIRMATION = 400
_MOST_CONFIRMATION = 2000
_TIMES_LONGER = 6
LEAST_GROWTH = 0.05
LEAST_SHARED_GROWTH = 0.01
_SHARE_OF_WINDOWS = 0.25
_STRAY_WINDOWS = 0.2


@dataclass(frozen=True, slots=True)
class WindowResult:
    """What one re-checked window says about its route.

    Attributes:
        counts: number of survivors by type name.
        flat_bytes: sum of their flat sizes.
        exact: whether the request was alone.
        collected: whether gc has run between the request and the re-check, while there was
            something left.
        ids: ids of the survivors (of some, if there are very many), for the holder search;
            packed by :func:`pack_ids`, since many results are kept.
    """

    counts: dict[str, int]
    flat_bytes: int
    exact: bool
    collected: bool
    ids: bytes = b""


def pack_ids(ids: Iterable[int]) -> bytes:
    """Ids in little memory, and in none that gc would list."""
    return array("Q", ids).tobytes()


def unpack_ids(packed: bytes) -> frozenset[int]:
    """The ids that :func:`pack_ids` packed."""
    return frozenset(memoryview(packed).cast("Q"))


def often_left(results: Sequence[WindowResult]) -> dict[str, int]:
    """Types that many windows of a route left behind, with the number of those windows.

    Many are at least five, and a quarter of all: a leak need not be in every request (one branch,
    one kind of input). What is left often is only a reason to ask who holds it.
    """
    windows = Counter(name for result in results for name in result.counts)
    needed = max(LEAST_WINDOWS, _SHARE_OF_WINDOWS * len(results))
    return {name: count for name, count in windows.items() if count >= needed}


def leaves_nothing(results: Sequence[WindowResult], *, least: int = LEAST_WINDOWS) -> bool:
    """Whether enough windows were seen and hardly any of them left anything behind."""
    leaving = sum(bool(result.counts) for result in results)
    return len(results) >= least and leaving <= _STRAY_WINDOWS * len(results)


def confirmation_requests(requests_until_suspicion: int) -> int:
    """Requests of the route over which a suspect must keep growing to be confirmed.

    Far more than it took to suspect it, since only that tells a leak from a cache that fills.
    """
    wanted = _TIMES_LONGER * requests_until_suspicion
    return min(max(wanted, _LEAST_CONFIRMATION), _MOST_CONFIRMATION)


@dataclass(slots=True)
class Lengths:
    """Lengths of a suspect over blocks of requests.

    The least length of each block is what counts: a cache that empties now and then shows
    in it, a leak rises strictly, and rises above all that was ever seen.

    Attributes:
        block_requests: requests of the route per block.
        blocks: least and greatest length in each of the last blocks; the last is not complete.
        block: number of the last block.
        peak: greatest length in the blocks before those.
        least_growth: entries per request that a suspect has to gain.
    """

    block_requests: int
    first_requests: int
    first_length: int
    blocks: deque[tuple[int, int]] = field(default_factory=deque)
    block: int = -1
    peak: int = 0
    last_requests: int = 0
    last_length: int = 0
    most: int = 0
    least_growth: float = LEAST_GROWTH

    def read(self, requests: int, length: int) -> None:
        """Take a reading: requests of the route so far, and the length now."""
        block = (requests - self.first_requests) // self.block_requests
        if block != self.block or not self.blocks:  # a block without a reading does not count
            self.block = block
            self.blocks.append((length, length))
            if len(self.blocks) > BLOCKS + 1:
                self.peak = max(self.peak, self.blocks.popleft()[1])
        least, most = self.blocks[-1]
        self.blocks[-1] = (min(least, length), max(most, length))
        self.last_requests, self.last_length = requests, length
        self.most = max(self.most, length)

    @property
    def requests(self) -> int:
        """Requests over which the suspect was watched."""
        return max(self.last_requests - self.first_requests, 0)

    @property
    def growth_per_request(self) -> float:
        """Entries gained per request of the route."""
        return (self.last_length - self.first_length) / max(self.requests, 1)

    def judge(self) -> str | None:
        """``"growing"``, ``"bounded"``, or ``None`` while the blocks are too few."""
        if len(self.blocks) <= BLOCKS:
            return None
        complete = list(self.blocks)[:BLOCKS]
        minima = [least for least, _ in complete]
        rising = all(before < after for before, after in pairwise(minima))
        gained = minima[-1] - minima[0]
        enough = gained >= self.least_growth * self.block_requests * (BLOCKS - 1)
        # A cache that is emptied by half, read now and then, may rise in four blocks by chance;
        # but it does not rise above what it was before. The block before the last may overlap
        # with the last, where entries come and go besides.
        peak = max(self.peak, *(most for _, most in complete[:-2]))
        return "growing" if rising and enough and minima[-1] >= peak else "bounded"
