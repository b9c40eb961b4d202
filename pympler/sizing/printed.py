"""The statistics of an :class:`~pympler.asizeof.Asizer` as text."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pympler.sizing.tally import Large, Profile, Tally
from pympler.util.text import safe_repr

__all__ = ["headline", "largest_lines", "profile_lines", "summary_lines", "type_lines"]


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


def summary_lines(tally: Tally, seen: int, excluded: int, align: int, width: int) -> Iterator[str]:
    """How much was sized, a line each.

    Args:
        tally: what was found.
        seen: how many different objects were met.
        excluded: how many types were left out.
        align: sizes were rounded up to a multiple of this.
        width: of the numbers.
    """
    yield f"{tally.total:{width}d} bytes"
    if align > 1:
        yield f"{align:{width}d} byte aligned"
    yield f"{struct.calcsize('P'):{width}d} byte sizeof(void*)"
    yield _count(width, tally.given, "object given")
    yield _count(width, tally.sized, "object sized")
    yield _count(width, seen, "object seen")
    if tally.ranked:
        yield _count(width, tally.ranked, "object ranked")
    if excluded:
        yield _count(width, excluded, "type excluded")
    yield _count(width, tally.missed, "object missed")
    yield _count(width, len(tally.repeated), "duplicate")
    if tally.depth:
        yield f"{tally.depth:{width}d} deepest recursion"
    if tally.stopped:
        yield f"{'':{width}} stopped early: {tally.stopped}"


def type_lines(types: Mapping[str, str], width: int) -> Iterator[str]:
    """What was done with each type, a line each."""
    yield ""
    yield f"{len(types):{width}d} types"
    for name in sorted(types):
        yield f"{'':{width}} {name}: {types[name]}"


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


def _count(width: int, number: int, noun: str) -> str:
    """A number of things, right-aligned: ``  7 objects sized``."""
    first, _, rest = noun.partition(" ")
    return f"{number:{width}d} {first}{_s(number)}{' ' if rest else ''}{rest}"


def _or_units(size: int) -> str:
    if size < 1024:
        return ""
    power = min(4, (size.bit_length() - 1) // 10)
    return f" or {size / 1024**power:.1f} {'KMGT'[power - 1]}iB"


def _s(number: int) -> str:
    return "" if number == 1 else "s"
