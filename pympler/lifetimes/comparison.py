"""What changed between two runs: which classes grew or shrank."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from pympler.lifetimes.picture import Picture
from pympler.lifetimes.snapshots import Snapshot
from pympler.lifetimes.stats import Stats
from pympler.util.sizes import format_bytes

__all__ = ["ClassChange", "Comparison", "compare"]


@dataclass(frozen=True, slots=True)
class ClassChange:
    """One class in two runs; 0 where it was not tracked.

    Attributes:
        count_before, count_after: instances alive in the snapshots that are compared.
        bytes_before, bytes_after: what they took.
        births_before, births_after: instances made in the whole run.
        peak_before, peak_after: the most bytes in any snapshot.
    """

    name: str
    count_before: int = 0
    count_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    births_before: int = 0
    births_after: int = 0
    peak_before: int = 0
    peak_after: int = 0

    @property
    def count_diff(self) -> int:
        """How many more instances are alive."""
        return self.count_after - self.count_before

    @property
    def bytes_diff(self) -> int:
        """How many more bytes they take."""
        return self.bytes_after - self.bytes_before


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs side by side, the class that changed most first.

    Attributes:
        before, after: labels of the snapshots that are compared.
    """

    before: str
    after: str
    rows: tuple[ClassChange, ...]

    @property
    def bytes_diff(self) -> int:
        """How many more bytes all classes take."""
        return sum(row.bytes_diff for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """The comparison as a dictionary that JSON can carry."""
        return asdict(self)

    def format(self) -> str:
        """The comparison as a table of text."""
        head = ("class", "alive before", "after", "bytes before", "after", "change")
        lines = [_line(head), _line(["-" * 30, *["-" * 16] * 5])]
        lines += [
            _line(
                [
                    row.name,
                    str(row.count_before),
                    str(row.count_after),
                    format_bytes(row.bytes_before),
                    format_bytes(row.bytes_after),
                    _change(row.bytes_before, row.bytes_after),
                ]
            )
            for row in self.rows
        ]
        total = sum(row.bytes_before for row in self.rows)
        lines.append(
            _line(
                [
                    "all",
                    str(sum(row.count_before for row in self.rows)),
                    str(sum(row.count_after for row in self.rows)),
                    format_bytes(total),
                    format_bytes(total + self.bytes_diff),
                    _change(total, total + self.bytes_diff),
                ]
            )
        )
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.format()


def compare(
    before: Stats | str | os.PathLike[str],
    after: Stats | str | os.PathLike[str],
    snapshot: str | None = None,
) -> Comparison:
    """Compare two runs: did the change of the program help?

    Args:
        before: statistics of the first run, or the name of a dump.
        after: likewise of the second.
        snapshot: the description of the snapshots to compare, the last of that name; the last of
            all if ``None``.

    Raises:
        ValueError: if a run has no snapshot, or none of that name.
        DumpError: if a file holds no statistics that this version can read.
    """
    first, second = _picture(before), _picture(after)
    one, other = _chosen(first, snapshot, "before"), _chosen(second, snapshot, "after")
    names = {*first.classes, *one.classes, *second.classes, *other.classes}
    rows = [_row(name, (first, one), (second, other)) for name in names]
    rows.sort(key=lambda row: (-abs(row.bytes_diff), -abs(row.count_diff), row.name))
    return Comparison(one.label, other.label, tuple(rows))


def _picture(run: Stats | str | os.PathLike[str]) -> Picture:
    return run.picture if isinstance(run, Stats) else Stats(filename=run).picture


def _chosen(picture: Picture, wanted: str | None, which: str) -> Snapshot:
    found = [each for each in picture.snapshots if wanted is None or each.desc == wanted]
    if found:
        return found[-1]
    if wanted is None:
        raise ValueError(f"the run {which} has no snapshot: call create_snapshot() in it")
    known = ", ".join(repr(each.desc) for each in picture.snapshots) or "none"
    raise ValueError(f"the run {which} has no snapshot called {wanted!r}, only: {known}")


def _row(
    name: str, before: tuple[Picture, Snapshot], after: tuple[Picture, Snapshot]
) -> ClassChange:
    one, other = _figures(name, *before), _figures(name, *after)
    pairs = [number for pair in zip(one, other, strict=True) for number in pair]
    return ClassChange(name, *pairs)


def _figures(name: str, picture: Picture, snapshot: Snapshot) -> tuple[int, int, int, int]:
    """Alive, bytes, births and most bytes."""
    row = snapshot.classes.get(name, {"active": 0, "sum": 0})
    births = picture.classes[name].births if name in picture.classes else 0
    peak = max(each.classes.get(name, {"sum": 0})["sum"] for each in picture.snapshots)
    return row["active"], row["sum"], births, peak


def _change(before: int, after: int) -> str:
    if before == after:
        return "0"
    share = f" ({(after - before) / before:+.0%})" if before else ""
    sign = "+" if after > before else ""
    return f"{sign}{format_bytes(after - before)}{share}"


def _line(cells: Iterable[str]) -> str:
    name, *rest = cells
    return f"{name:<30} " + " ".join(f"{cell:>16}" for cell in rest)
