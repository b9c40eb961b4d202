"""Snapshots: how many instances lived at a moment, and what they took."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pympler.lifetimes.records import Record
from pympler.process import ProcessMemoryInfo
from pympler.sizing.asized import Asized

__all__ = ["Memory", "Snapshot", "merged", "summed"]


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of the process in bytes: virtual and resident; 0 where the system does not tell."""

    vsz: int = 0
    rss: int = 0

    @classmethod
    def now(cls) -> Memory:
        """The memory of this process."""
        info = ProcessMemoryInfo()
        return cls(info.vsz, info.rss)


@dataclass(slots=True, eq=False)
class Snapshot:
    """The tracked instances at one moment. All sizes are bytes.

    Attributes:
        timestamp: seconds on the tracker's clock; desc: what it was called.
        tracked_total: what the tracked instances took; overhead: what the tracker took for it.
        asizeof_total: what all objects took, 0 if that was not asked for.
        system_total: the memory of the process.
        classes: for each name ``active`` (how many lived), ``sum`` and ``avg`` (bytes), ``pct``
            (of :attr:`total`) and ``merged`` (an :class:`~pympler.asizeof.Asized` with the sizes
            of all instances in one).
    """

    timestamp: float
    desc: str = ""
    tracked_total: int = 0
    asizeof_total: int = 0
    overhead: int = 0
    system_total: Memory = field(default_factory=Memory)
    classes: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """The most comprehensive of the totals that are known."""
        return self.system_total.vsz or self.asizeof_total or self.tracked_total

    @property
    def label(self) -> str:
        """The description and the time."""
        time = f"{self.timestamp:.3f}s"
        return f"{self.desc} ({time})" if self.desc else time


def summed(
    names: Iterable[str], sizes: Sequence[tuple[Record, Asized]], total: int
) -> dict[str, dict[str, Any]]:
    """What each class takes.

    Args:
        names: of the classes, also of those without an instance.
        sizes: the instances with their sizes.
        total: bytes that stand for 100 percent.
    """
    groups: dict[str, list[Asized]] = {name: [] for name in names}
    for record, size in sizes:
        groups.setdefault(record.target.series.name, []).append(size)
    found = {}
    for name, group in groups.items():
        whole = sum(size.size for size in group)
        found[name] = {
            "sum": whole,
            "avg": whole / len(group) if group else 0,
            "pct": whole * 100.0 / total if total else 0.0,
            "active": len(group),
            "merged": merged(group),
        }
    return found


def merged(sizes: Sequence[Asized], name: str | None = None) -> Asized:
    """Many sizes in one: sums, and referents of the same name together.

    The value of an entry is no part of a name: ``[V] a: 'x'`` and ``[V] a: 'y'`` are one.
    """
    groups: dict[str, list[Asized]] = {}
    for size in sizes:
        for ref in size.refs:
            groups.setdefault((ref.name or "").partition(":")[0], []).append(ref)
    refs = [merged(group, key) for key, group in groups.items()]
    refs.sort(key=lambda ref: (-ref.size, ref.name or ""))
    return Asized(
        sum(size.size for size in sizes), sum(size.flat for size in sizes), tuple(refs), name
    )
