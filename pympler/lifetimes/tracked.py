"""A tracked instance as plain data, for those who look at it."""

from __future__ import annotations

import linecache
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from pympler.lifetimes.records import Record, Site
from pympler.sizing.asized import Asized
from pympler.util.text import safe_repr

__all__ = ["TraceLine", "TrackedObject"]

TraceLine = tuple[str, int, str, list[str] | None, int | None]
"""File, line, function, the text of the line in a list, and 0: as :func:`inspect.stack` has it."""

_CLIP = 128


class TrackedObject:
    """What is known of an instance: when it was made and died, where, and how big it was.

    Attributes:
        id: of the instance, which another may have after its death; name: what it is counted
            under.
        birth: seconds; death: seconds, ``None`` while it lives.
        adopted: whether it was found by a scan, and not by its constructor.
        site: file, line and function of the frames that made it, ``None`` if not asked for.
        sizes: times of snapshots and sizes, where the size was another than before.
        basic: bytes of the fixed part, which is its size at birth.
        tsize: its bytes in the largest snapshot, once :meth:`Stats.sort_stats` has sorted it.
    """

    def __init__(
        self,
        *,
        name: str,
        id: int,
        birth: float,
        death: float | None,
        adopted: bool,
        site: Site | None,
        sizes: Sequence[tuple[float, Asized]],
        times: Sequence[float],
        basic: int,
        text: str = "",
        ref: Callable[[], Any] | None = None,
    ) -> None:
        self.name = name
        self.id = id
        self.birth = birth
        self.death = death
        self.adopted = adopted
        self.site = site
        self.sizes = sizes
        self.basic = basic
        self.tsize = 0
        self._times = times
        self._text = text
        self._ref = ref

    @classmethod
    def of(cls, record: Record, times: Sequence[float]) -> TrackedObject:
        """What a record says.

        Args:
            record: of an instance, alive or not.
            times: of the snapshots so far.
        """
        target = record.target
        return cls(
            name=target.series.name,
            id=record.id,
            birth=record.birth,
            death=getattr(record, "death", None),
            adopted=target.adopted,
            site=getattr(record, "site", None),
            sizes=getattr(record, "sizes", ()),
            times=times,
            basic=target.basic,
            ref=record,
        )

    @property
    def classname(self) -> str:
        """What it is counted under, as its name."""
        return self.name

    @property
    def size(self) -> int:
        """The most bytes that were seen."""
        return self.get_max_size()

    def ref(self) -> Any:
        """The instance, ``None`` if it is dead or comes from a dump."""
        return None if self._ref is None else self._ref()

    @property
    def repr(self) -> str:
        """The guarded ``repr`` of the instance; of a dead one, what a dump has noted."""
        item = self.ref()
        return self._text if item is None else safe_repr(item, _CLIP)

    @property
    def trace(self) -> list[TraceLine] | None:
        """Where it was made, the outermost frame first; ``None`` if that was not asked for."""
        if self.site is None:
            return None
        return [
            (file, line, function, [text] if text else None, 0 if text else None)
            for file, line, function in self.site
            for text in [linecache.getline(file, line)]
        ]

    @property
    def snapshots(self) -> list[tuple[float, Asized]]:
        """Times and sizes: at its birth, and at each snapshot while it lived."""
        first = (self.birth, Asized(self.basic, self.basic))
        if not self.sizes:
            return [first]
        start = bisect_left(self._times, self.sizes[0][0])
        end = len(self._times) if self.death is None else bisect_left(self._times, self.death)
        return [first, *((time, self._size_at(time)) for time in self._times[start:end])]

    def _size_at(self, time_s: float) -> Asized:
        place = bisect_right(self.sizes, time_s, key=lambda pair: pair[0])
        return self.sizes[place - 1][1]

    def get_size_at_time(self, timestamp: float) -> int:
        """Its bytes at a time: as the last snapshot before found it, 0 before birth and after."""
        if timestamp < self.birth or (self.death is not None and timestamp >= self.death):
            return 0
        if not self.sizes or timestamp < self.sizes[0][0]:
            return self.basic
        return self._size_at(timestamp).size

    def get_max_size(self) -> int:
        """The most bytes that a snapshot has found, or those at its birth."""
        return max([self.basic, *(size.size for _, size in self.sizes)])

    def __repr__(self) -> str:
        state = "alive" if self.death is None else "dead"
        return f"<{type(self).__name__} {self.name} at {self.id:#x}, {state}>"
