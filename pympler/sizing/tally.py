"""What an :class:`~pympler.asizeof.Asizer` has found, as plain data: it keeps no object alive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pympler.sizing.kinds import Kind
from pympler.sizing.lengths import room_of
from pympler.sizing.marks import shared_ids
from pympler.sizing.options import Options
from pympler.sizing.python_walk import Measured
from pympler.sizing.record import Recorder, Row
from pympler.util.names import type_name
from pympler.util.text import clip, safe_repr

__all__ = ["Large", "Profile", "Tally", "described"]

_MOST_KEPT = 100


@dataclass(frozen=True, slots=True)
class Large:
    """An object with a large total: bytes, what it is, and where it was reached."""

    total: int
    text: str
    place: int
    depth: int
    parent: int


@dataclass(frozen=True, slots=True)
class Profile:
    """All objects of one type: how many, bytes, and the largest of them alone."""

    type: str
    number: int
    total: int
    high: int
    largest: str


@dataclass(slots=True, eq=False)
class Tally:
    """What was found since the last reset.

    Attributes:
        given: objects that were asked for; sized, missed: of :class:`Measured`.
        ranked: objects with more bytes than the option ``above``; largest: some of those.
        depth: references to the farthest object; stopped: why a walk stopped early.
        repeated: ids of what was met more than once.
        profiles: what each type takes; types: what was done with it.
    """

    given: int = 0
    sized: int = 0
    missed: int = 0
    total: int = 0
    ranked: int = 0
    depth: int = 0
    stopped: str = ""
    repeated: set[int] = field(default_factory=set)
    largest: list[Large] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)
    types: dict[str, str] = field(default_factory=dict)

    def add(self, given: int, measured: Measured, walk: Recorder, options: Options) -> None:
        """Add what a walk has found.

        Args:
            given: how many objects were asked for.
            measured: the outcome of the walk.
            walk: has recorded each object.
            options: of the sizer.
        """
        self.given += given
        self.sized += measured.objects
        self.missed += measured.missed
        self.total += sum(measured.sizes)
        self.depth = max(self.depth, measured.deepest)
        self.stopped = self.stopped or measured.stopped
        self.repeated |= walk.repeated - shared_ids()
        self.ranked += sum(row.total > options.above for row in walk.rows)
        large = large_objects(walk.rows, options.above, _MOST_KEPT, options.clip)
        self.largest = sorted([*self.largest, *large], key=lambda row: -row.total)[:_MOST_KEPT]
        self.profiles = merged(self.profiles, profiles(walk.rows, options.clip))
        for kind in walk.kinds.values():
            self.types[type_name(kind.type)] = treatment(kind)


def large_objects(rows: Sequence[Row], above: int, most: int, width: int) -> list[Large]:
    """The objects with the largest totals, the largest first.

    Args:
        rows: what was counted.
        above: leave out what is not larger than this.
        most: how many are given.
        width: the most characters of a ``repr``.
    """
    ranked = [(row.total, place) for place, row in enumerate(rows) if row.total > above]
    ranked.sort(key=lambda pair: (-pair[0], pair[1]))
    found = []
    for total, place in ranked[:most]:
        row = rows[place]
        found.append(Large(total, described(row.item, width), place, row.depth, row.parent))
    return found


def profiles(rows: Sequence[Row], width: int) -> list[Profile]:
    """What each type takes, the most bytes first."""
    by_type: dict[int, list[Row]] = {}
    for row in rows:
        by_type.setdefault(id(type(row.item)), []).append(row)
    found = []
    for of_type in by_type.values():
        largest = max(of_type, key=lambda row: row.flat)
        found.append(
            Profile(
                type_name(type(largest.item)),
                len(of_type),
                sum(row.flat for row in of_type),
                largest.flat,
                _valued(largest.item, width),
            )
        )
    return sorted(found, key=lambda profile: (-profile.total, profile.type))


def merged(before: Sequence[Profile], more: Sequence[Profile]) -> list[Profile]:
    """Profiles of two measurements added up, the most bytes first."""
    rows = {row.type: row for row in before}
    for row in more:
        old = rows.get(row.type)
        if old is not None:
            higher = max(old, row, key=lambda one: one.high)
            number, total = old.number + row.number, old.total + row.total
            row = Profile(row.type, number, total, higher.high, higher.largest)
        rows[row.type] = row
    return sorted(rows.values(), key=lambda row: (-row.total, row.type))


def treatment(kind: Kind) -> str:
    """What a walk does with the objects of a type, in words."""
    if not kind.counted:
        return "costs nothing"
    words = ["own __sizeof__" if kind.late else "sized in C"]
    if kind.referents is None:
        words.append("refers to nothing")
    if kind.mapping:
        words.append("with its keys")
    return ", ".join(words)


def described(item: Any, width: int) -> str:
    """The type of an object, its ``repr`` and its length."""
    return f"class {type_name(type(item))}: {_valued(item, width)}"


def _valued(item: Any, width: int) -> str:
    room = room_of(item)
    length = ""
    if room is not None:
        # An exclamation mark tells that there is more room than items.
        length = f" leng {room}!" if issubclass(type(item), (list, set, dict)) else f" leng {room}"
    return clip(safe_repr(item, width), width) + length
