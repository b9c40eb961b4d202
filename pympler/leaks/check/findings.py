"""What a check found: the verdict on a route, and candidates after they were watched."""

from __future__ import annotations

from dataclasses import dataclass

from pympler.leaks.check.candidates import Candidate, Key
from pympler.leaks.check.meter import Window
from pympler.leaks.report import Suspect

__all__ = ["Findings", "Watched", "is_unexplained", "native_bytes"]

_LEAST_OBJECTS = 0.4
_LEAST_BLOCKS = 0.5
_LEAST_MALLOC_BYTES = 300.0
_LOOK_LONGER_MALLOC_BYTES = 200.0


@dataclass(frozen=True, slots=True)
class Findings:
    """What the requests of one route showed.

    Attributes:
        verdict: one of :data:`pympler.leaks.report.VERDICTS`; suspects: the most probable first.
        grown: what leaks, as it can be found again as long as it lives, and by how much a request
            makes it longer.
    """

    verdict: str
    bytes_per_request: float = 0.0
    objects_per_request: float = 0.0
    suspects: tuple[Suspect, ...] = ()
    grown: tuple[tuple[Key, float], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """Candidates after they were watched."""

    leaks: list[Candidate]
    bounded: list[Candidate]

    def findings(self, verdict: str, counted_bytes: float = 0.0) -> Findings:
        """What was found; what no object weighs is what the counters say."""
        candidates = self.leaks if verdict == "leak" else self.bounded
        weighed = sum(one.bytes_per_request for one in candidates)
        return Findings(
            verdict,
            round(weighed or counted_bytes, 1),
            round(sum(one.objects_per_request for one in candidates), 3),
            tuple(one.as_suspect() for one in candidates),
            tuple((one.key, one.growth) for one in self.leaks if one.key is not None),
        )

    def filling(self) -> Watched:
        """The same without the caches that are full."""
        return Watched(self.leaks, [one for one in self.bounded if not one.is_full()])

    def explains(self, window: Window) -> bool:
        """Whether caches that still fill take in what a window added."""
        if not self.bounded:
            return False
        objects = sum(one.objects_per_request for one in self.bounded)
        size = sum(one.bytes_per_request for one in self.bounded)
        return (
            window.objects <= objects + _LEAST_OBJECTS
            # An object takes one block, or two with a table of its own.
            and window.blocks <= 2.5 * objects + _LEAST_BLOCKS
            and window.malloc_bytes <= 2.5 * size + _LEAST_MALLOC_BYTES
        )


def is_unexplained(window: Window, watched: Watched) -> bool:
    """Whether a window grew by what no cache that was watched takes in."""
    # Accuses nobody yet, and so asks for less than what would: a text that grows by 300 bytes must
    # not pass for noise.
    grows = (
        window.objects >= _LEAST_OBJECTS
        or window.blocks >= _LEAST_BLOCKS
        or window.malloc_bytes >= _LOOK_LONGER_MALLOC_BYTES
    )
    return grows and not watched.explains(window)


def native_bytes(window: Window) -> float:
    """What a window added, by the counters alone."""
    # A block of Python's allocator is 64 bytes on average; what is larger comes from malloc.
    return round(max(window.malloc_bytes, 0.0) + 64 * max(window.blocks, 0.0), 1)
