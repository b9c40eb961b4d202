"""The statistics of an :class:`~pympler.asizeof.Asizer` as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pympler.sizing.kinds import Kind
from pympler.sizing.lengths import room_of
from pympler.sizing.record import Row
from pympler.util.names import type_name
from pympler.util.text import clip, safe_repr

__all__ = [
    "Large",
    "Profile",
    "count",
    "headline",
    "large_objects",
    "largest_lines",
    "merged",
    "profile_lines",
    "profiles",
    "treatment",
]


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


def headline(
    objs: Sequence[Any], opts: Mapping[str, Any], sized: Any, sizes: Sequence[int], width: int
) -> Iterator[str]:
    """What was called, and what it gave."""
    name = "asizesof" if sizes else "asized" if sized else "asizeof"
    given = "".join(f", {key}={safe_repr(value, width)}" for key, value in opts.items())
    yield ""
    yield f"{name}({safe_repr(tuple(objs), width) if objs else 'all=True'}{given}) ..."
    if sizes:
        longest = len(str(max(sizes)))
        for item, size in zip(objs, sizes, strict=True):
            yield f"{size:{longest + 1}d} bytes{_or_units(size)}:  {safe_repr(item, width)}"
    if sized:
        parts = sized if isinstance(sized, tuple) else (sized,)
        for place, part in enumerate(parts):
            yield f"{place:3d}: {part}"


def largest_lines(rows: Sequence[Large], ranked: int, above: int, width: int) -> Iterator[str]:
    """The largest objects, a line each."""
    if not rows:
        return
    yield ""
    yield f"{len(rows):{width}d} largest object{_s(len(rows))} (of {ranked} over {above} bytes)"
    for row in rows:
        where = f"ix {row.place}"
        if row.parent >= 0:
            where += f" (at {row.depth}), pix {row.parent}"
        yield f"{row.total:{width}d} bytes{_or_units(row.total)}: {row.text}, {where}"


def profile_lines(rows: Sequence[Profile], cutoff: int, width: int) -> Iterator[str]:
    """What each type takes, a line each, without those below a share of the whole in percent."""
    whole = sum(row.total for row in rows)
    shown = [row for row in rows if not cutoff or 100 * row.total >= cutoff * whole]
    if not shown:
        return
    yield ""
    yield (
        f"{len(shown):{width}d} profile{_s(len(shown))}:  total (% of grand total), average, "
        "and largest flat size:  largest object"
    )
    for row in shown:
        share = f" ({100 * row.total // whole}%)" if whole else ""
        yield (
            f"{row.number:{width}d} class {row.type} object{_s(row.number)}:  "
            f"{row.total}{share}, {row.total // row.number}, {row.high}:  {row.largest}"
        )
    if len(rows) > len(shown):
        rest = rows[len(shown) :]
        yield f"{len(rest):{width}d} more profile{_s(len(rest))}, below {cutoff}%"


def count(width: int, number: int, noun: str, *, plural: bool = True) -> str:
    """A number of things, right-aligned: ``  7 objects sized``."""
    first, _, rest = noun.partition(" ")
    ending = _s(number) if plural else ""
    return f"{number:{width}d} {first}{ending}{' ' if rest else ''}{rest}"


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


def _or_units(size: int) -> str:
    if size < 1024:
        return ""
    power = min(4, (size.bit_length() - 1) // 10)
    return f" or {size / 1024**power:.1f} {'KMGT'[power - 1]}iB"


def _s(number: int) -> str:
    return "" if number == 1 else "s"
