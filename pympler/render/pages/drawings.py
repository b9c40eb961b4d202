"""Curves and bars as inline SVG; colours come from the style sheet, so that any ground suits them.

The charts of :mod:`pympler.charts` carry their style within them, which the policy of the pages
forbids, and count seconds from a start; these count back from now.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from markupsafe import Markup, escape

from pympler.util.sizes import format_bytes

__all__ = ["MOST_SERIES", "bar", "time_chart"]

MOST_SERIES = 8
"""Curves in one chart; there are as many colours."""

_WIDTH, _HEIGHT = 640, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 12, 24
_MOST_POINTS = 240
_LONGEST_MARK = 16
_SPANS = (10, 30, 60, 300, 600, 1800, 3600, 7200, 14400, 43200, 86400, 172800, 604800)

Points = Sequence[tuple[float, float]]


def time_chart(
    title: str,
    series: Mapping[str, Points],
    now: float,
    *,
    in_bytes: bool = True,
    marks: Sequence[tuple[float, str]] = (),
    end: str = "now",
) -> Markup:
    """Values over time up to now, one curve for each name.

    Args:
        title: what the chart shows, for who cannot see it.
        series: for each name, moments (seconds since the epoch) and values, in order of time.
        now: the right edge.
        in_bytes: whether values are sizes; otherwise they are counts.
        end: what the right edge is called.
        marks: moments to mark with a line and a word, such as the start of a release.

    Returns:
        A figure with its legend; empty if there is nothing to draw.
    """
    drawn = {name: _thinned(points) for name, points in series.items() if points}
    names = list(drawn)[:MOST_SERIES]
    if not names:
        return Markup("")
    first = min(drawn[name][0][0] for name in names)
    last = max(now, max(drawn[name][-1][0] for name in names))
    span = max(last - first, 1.0)
    values = [value for name in names for _, value in drawn[name]]
    base, top, step = _scale(min(values), max(values), in_bytes)

    def x(moment: float) -> float:
        return _LEFT + (moment - first) / span * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - base) / (top - base) * (_HEIGHT - _TOP - _BOTTOM)

    label: Callable[[float], str] = format_bytes if in_bytes else lambda value: f"{value:,.0f}"
    parts = [
        f'<svg class="chart" role="img" aria-label="{escape(_described(title, drawn, label))}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="xMidYMid meet">'
    ]
    for place in range(round((top - base) / step) + 1):
        value = base + place * step
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(value):.1f}" '
            f'y2="{y(value):.1f}"/><text class="tick" x="{_LEFT - 8}" y="{y(value) + 4:.1f}" '
            f'text-anchor="end">{escape(label(value))}</text>'
        )
    parts += _times(first, last, x, end)
    for moment, word in marks:
        if first <= moment <= last:
            at = f"{x(moment):.1f}"
            parts.append(
                f'<line class="mark" x1="{at}" x2="{at}" y1="{_TOP}" y2="{_HEIGHT - _BOTTOM}"/>'
                f'<text class="tick" x="{at}" y="{_TOP - 3}" text-anchor="middle">'
                f"{escape(word[:_LONGEST_MARK])}</text>"
            )
    for place, name in enumerate(names):
        path = " ".join(f"{x(moment):.1f},{y(value):.1f}" for moment, value in drawn[name])
        parts.append(f'<polyline class="curve s{place}" points="{path}"/>')
        moment, value = drawn[name][-1]
        parts.append(f'<circle class="s{place}" cx="{x(moment):.1f}" cy="{y(value):.1f}" r="3"/>')
    parts.append("</svg>")
    return Markup("".join(parts)) + _legend(names, drawn, label)


def bar(share: float) -> Markup:
    """A bar of so many per cent, for a cell of a table."""
    width = min(max(share, 0), 100)
    return Markup(
        '<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect width="{width:.1f}" height="6" rx="1"/></svg>'
    )


def _described(title: str, drawn: Mapping[str, Points], label: Callable[[float], str]) -> str:
    latest = "; ".join(
        f"{name} from {label(points[0][1])} to {label(points[-1][1])}"
        for name, points in list(drawn.items())[:MOST_SERIES]
    )
    return f"{title}: {latest}"


def _legend(
    names: Sequence[str], drawn: Mapping[str, Points], label: Callable[[float], str]
) -> Markup:
    items = Markup("").join(
        Markup('<li><span class="dot s{}"></span>{} <b>{}</b></li>').format(
            place, name, label(drawn[name][-1][1])
        )
        for place, name in enumerate(names)
    )
    left_out = len(drawn) - len(names)
    if left_out > 0:
        items += Markup("<li>and {} more</li>").format(left_out)
    return Markup('<ul class="legend">{}</ul>').format(items)


def _times(first: float, last: float, x: Callable[[float], float], end: str) -> list[str]:
    step = next((each for each in _SPANS if (last - first) / each <= 6), (last - first) / 5)
    found = []
    for place in range(7):
        moment = last - place * step
        if moment < first:
            break
        anchor = "end" if place == 0 else "middle"
        text = escape(end) if place == 0 else f"-{_span(place * step)}"
        found.append(
            f'<text class="tick" x="{x(moment):.1f}" y="{_HEIGHT - 6}" '
            f'text-anchor="{anchor}">{text}</text>'
        )
    return found


def _span(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}".replace(".0 ", " ")
    return f"{seconds:.0f} s"


def _scale(lowest: float, highest: float, in_bytes: bool) -> tuple[float, float, float]:
    """The lower and the upper edge, and the distance of the lines, in round numbers.

    Sizes that are all far from zero get an edge of their own below, or their growth would not show.
    """
    if highest <= 0:
        return 0.0, 1.0, 1.0
    from_zero = not in_bytes or lowest < highest / 2
    unit = 1024.0 ** max(math.floor(math.log(highest, 1024)), 0) if in_bytes else 1.0
    raw = (highest if from_zero else max(highest - lowest, highest / 20)) / 4 / unit
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= raw * 0.999) * unit
    if not in_bytes:
        step = max(step, 1.0)
    base = 0.0 if from_zero else math.floor(lowest / step) * step
    return base, max(math.ceil(highest / step) * step, base + step), step


def _thinned(points: Points) -> Points:
    """Few enough points to draw: of each part the highest, and the very last."""
    size = math.ceil(len(points) / _MOST_POINTS)
    if size <= 1:
        return points
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    return [*(max(part, key=lambda point: point[1]) for part in parts), points[-1]]
