"""What holds most as a treemap: areas in areas, each as large as what would be freed with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from pympler.store.results import Retainer
from pympler.util.sizes import format_bytes

__all__ = ["Area", "laid_out", "treemap"]

_WIDTH, _HEIGHT = 960.0, 360.0
_HEAD, _EDGE = 18.0, 3.0
_LETTER = 7.0
_COLOURS = 8


class Area(NamedTuple):
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float


def laid_out(sizes: Sequence[float], within: Area) -> list[Area]:
    """Areas in proportion to sizes that fill a rectangle, none longer than it has to be.

    Args:
        sizes: positive numbers, the largest first.
        within: the rectangle.
    """
    areas: list[Area] = []
    left, rest = within, list(sizes)
    while rest:
        scale = left.width * left.height / sum(rest)
        short = min(left.width, left.height)
        count = 1
        while count < len(rest) and (
            _longest(rest[: count + 1], scale, short) <= _longest(rest[:count], scale, short)
        ):
            count += 1
        row, rest = rest[:count], rest[count:]
        depth = sum(row) * scale / short if short else 0.0
        along = 0.0
        for size in row:
            length = size * scale / depth if depth else 0.0
            if left.width >= left.height:
                areas.append(Area(left.x, left.y + along, depth, length))
            else:
                areas.append(Area(left.x + along, left.y, length, depth))
            along += length
        if left.width >= left.height:
            left = Area(left.x + depth, left.y, max(left.width - depth, 0.0), left.height)
        else:
            left = Area(left.x, left.y + depth, left.width, max(left.height - depth, 0.0))
    return areas


def _longest(row: Sequence[float], scale: float, short: float) -> float:
    """How many times as long as wide the worst area of a row beside the short side is."""
    total = sum(row) * scale
    if not total or not short:
        return 1.0
    worst = (max(row) * scale * short**2 / total**2, total**2 / (min(row) * scale * short**2))
    return max(worst)


def treemap(retainers: Sequence[Retainer], total_bytes: int) -> Markup:
    """The retainers as areas of the whole heap, those within others inside them.

    Args:
        retainers: what holds most, the largest first.
        total_bytes: of the whole heap.

    Returns:
        A picture; empty if there is nothing to draw.
    """
    outer = [row for row in retainers if not row.within and row.retained_bytes > 0]
    if not outer:
        return Markup("")
    others = max(total_bytes - sum(row.retained_bytes for row in outer), 0)
    described = "; ".join(f"{_name(row)} {format_bytes(row.retained_bytes)}" for row in outer[:8])
    label = f"What holds most of {format_bytes(total_bytes)}: {described}"
    parts = [
        f'<svg class="treemap" role="img" aria-label="{escape(label)}" '
        f'viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}" preserveAspectRatio="xMidYMid meet">'
    ]
    sizes = [float(row.retained_bytes) for row in outer]
    drawn = sorted([*sizes, float(others)], reverse=True) if others else sizes
    areas = laid_out(drawn, Area(0, 0, _WIDTH, _HEIGHT))
    if others:
        area = areas.pop(drawn.index(float(others)))
        parts += _tile(f"everything else, {format_bytes(others)}", area, "rest")
    for place, (row, area) in enumerate(zip(outer, areas, strict=True)):
        parts += _tiles(row, area, retainers, place % _COLOURS)
    parts.append("</svg>")
    return Markup("".join(parts))


def _tiles(row: Retainer, area: Area, all_of: Sequence[Retainer], colour: int) -> Iterable[str]:
    """A retainer and, inside, those that it dominates next."""
    x, y, width, height = area
    yield from _tile(f"{_name(row)}, {format_bytes(row.retained_bytes)}", area, f"s{colour}")
    inner = [each for each in all_of if each.within == row.node and each.retained_bytes > 0]
    held = sum(each.retained_bytes for each in inner)
    room = Area(x + _EDGE, y + _HEAD, width - 2 * _EDGE, height - _HEAD - _EDGE)
    if not inner or min(room.width, room.height) < 2 * _EDGE or held > row.retained_bytes:
        return
    # Its own share, and that of what is not in the list, stays free at the end.
    sizes = [float(each.retained_bytes) for each in inner]
    free = float(row.retained_bytes - held)
    drawn = sorted([*sizes, free], reverse=True) if free else sizes
    areas = laid_out(drawn, room)
    if free:
        areas.pop(drawn.index(free))
    for each, place in zip(inner, areas, strict=True):
        yield from _tiles(each, place, all_of, colour)


def _tile(text: str, area: Area, style: str) -> Iterable[str]:
    x, y, width, height = area
    yield (
        f'<g><title>{escape(text)}</title><rect class="{style}" x="{x:.1f}" y="{y:.1f}" '
        f'width="{width:.1f}" height="{height:.1f}"/>'
    )
    letters = int((width - 2 * _EDGE) / _LETTER)
    if height >= _HEAD and letters >= 4:
        shown = text if len(text) <= letters else text[: letters - 1] + "…"
        yield f'<text x="{x + _EDGE:.1f}" y="{y + _HEAD - 5:.1f}">{escape(shown)}</text>'
    yield "</g>"


def _name(row: Retainer) -> str:
    return row.label or row.type
