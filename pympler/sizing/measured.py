"""Sizes with their profile by type, and the comparison of two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pympler.sizing.kinds import Rules
from pympler.sizing.options import Options
from pympler.sizing.python_walk import Budget, Measured
from pympler.sizing.registry import handlers, mapped_share
from pympler.sizing.walk import walk
from pympler.util.names import type_name
from pympler.util.sizes import format_bytes

__all__ = ["Comparison", "Measurement", "Profile", "budget_of", "compare", "measure", "rules_of"]


@dataclass(frozen=True, slots=True)
class Profile:
    """What the objects of one type take: its name, how many there are, and bytes."""

    type: str
    objects: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """The size of objects with everything that they refer to, as plain data.

    Attributes:
        size: bytes; objects: how many objects that is.
        missed: how many of them could not be sized and count with what their type tells.
        deepest: how many references away the farthest is.
        stopped: ``""`` if everything was counted, else the limit that ended it early.
        profile: what each type takes, the most bytes first.
    """

    size: int
    objects: int
    missed: int
    deepest: int
    stopped: str
    profile: tuple[Profile, ...]

    @property
    def complete(self) -> bool:
        """Whether everything was counted."""
        return not self.stopped

    def to_dict(self) -> dict[str, Any]:
        """The measurement as a dictionary that JSON can carry."""
        return {
            "size": self.size,
            "objects": self.objects,
            "missed": self.missed,
            "deepest": self.deepest,
            "stopped": self.stopped,
            "profile": [
                {"type": row.type, "objects": row.objects, "bytes": row.bytes}
                for row in self.profile
            ],
        }

    def __str__(self) -> str:
        lines = [f"{format_bytes(self.size)} in {self.objects:,} objects"]
        if self.stopped:
            lines[0] = f"more than {lines[0]} (stopped early by {self.stopped})"
        if self.missed:
            lines.append(f"{self.missed:,} of them could not be sized")
        width = max([len(row.type) for row in self.profile], default=0)
        for row in self.profile:
            lines.append(f"  {row.type:<{width}} {row.objects:>11,} {format_bytes(row.bytes):>9}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two measurements beside each other.

    Attributes:
        before: the first; after: the second.
        rows: for each type its name, objects before and after, bytes before and after, the
            largest change of bytes first.
    """

    before: Measurement
    after: Measurement
    rows: tuple[tuple[str, int, int, int, int], ...]

    @property
    def size_diff(self) -> int:
        """Bytes that the second takes more than the first."""
        return self.after.size - self.before.size

    def __str__(self) -> str:
        width = max([len(row[0]) for row in self.rows] + [len("all objects")])
        lines = [f"{'':<{width}} {'objects':>23} {'size':>19}"]
        whole = ("all objects", self.before.objects, self.after.objects)
        for name, objects, more, size, larger in (
            *self.rows,
            (*whole, self.before.size, self.after.size),
        ):
            lines.append(
                f"{name:<{width}} {objects:>11,} {more:>11,} "
                f"{format_bytes(size):>9} {format_bytes(larger):>9}"
            )
        if self.before.size:
            share = 100 * self.size_diff / self.before.size
            lines.append(f"the second takes {self.after.size:,} bytes, {share:+.1f} %")
        return "\n".join(lines)


def rules_of(options: Options, excluded: frozenset[int] = frozenset()) -> Rules:
    """The rules of a walk with these options."""
    return Rules(
        code=options.code,
        frames=options.frames,
        ignored=options.ignored,
        excluded=excluded,
        mapped=mapped_share(),
        handlers=handlers(),
    )


def budget_of(options: Options) -> Budget:
    """When a walk with these options stops early."""
    return Budget(options.max_objects, options.timeout_s)


def measure(*objs: Any, **opts: Any) -> Measurement:
    """Measure objects together, with a profile by type.

    Args:
        objs: the objects; what they share counts once.
        opts: ``align``, ``code``, ``frames``, ``ignored``, ``limit``, and the budget:
            ``max_objects`` and ``timeout_s``, after which :attr:`Measurement.stopped` says so.

    Raises:
        KeyError: for an unknown option; ValueError: for a value that makes no sense.

    Example:
        >>> found = measure(["one", "two"])
        >>> found.objects, [row.type for row in found.profile]
        (3, ['str', 'list'])
    """
    options = Options().changed("measure", opts)
    found = walk(
        [objs],
        rules_of(options),
        align=options.align,
        limit=options.limit,
        budget=budget_of(options),
    )
    return _as_measurement(found)


def compare(before: Any, after: Any, **opts: Any) -> Comparison:
    """Compare two objects by size, such as two implementations of one structure.

    Args:
        before: the first object.
        after: the second. Each is measured by itself.
        opts: as in :func:`measure`.

    Example:
        >>> found = compare([(1000, 2.5)], [{"id": 1000, "price": 2.5}])
        >>> found.size_diff > 0
        True
    """
    first, second = measure(before, **opts), measure(after, **opts)
    old = {row.type: row for row in first.profile}
    new = {row.type: row for row in second.profile}
    nothing = Profile("", 0, 0)
    rows = []
    for name in {**old, **new}:
        one, other = old.get(name, nothing), new.get(name, nothing)
        rows.append((name, one.objects, other.objects, one.bytes, other.bytes))
    rows.sort(key=lambda row: (-abs(row[4] - row[3]), row[0]))
    return Comparison(first, second, tuple(rows))


def _as_measurement(found: Measured) -> Measurement:
    # Two classes may have one name: their rows are added up, as plain data cannot tell them apart.
    rows: dict[str, Profile] = {}
    for row in found.types:
        name = type_name(row.type)
        before = rows.get(name, Profile(name, 0, 0))
        rows[name] = Profile(name, before.objects + row.objects, before.bytes + row.bytes)
    return Measurement(
        sum(found.sizes),
        found.objects,
        found.missed,
        found.deepest,
        found.stopped,
        tuple(rows.values()),
    )
