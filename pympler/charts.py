"""Charts as SVG, drawn without any library: areas, lines and bars.

>>> from pympler.charts import line_chart
>>> svg = line_chart("Alive", {"Document": [(0.0, 1), (2.0, 3)]}, "objects")
>>> svg.startswith("<svg ") and "Document" in svg
True
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import accumulate, pairwise
from math import ceil, floor, log, log10
from pathlib import Path
from typing import Any

from pympler.lifetimes.picture import Picture
from pympler.lifetimes.stats import Stats
from pympler.util.sizes import format_bytes

__all__ = [
    "Points",
    "bar_chart",
    "line_chart",
    "live_bytes",
    "live_counts",
    "stacked_area_chart",
    "tracker_timespace",
]

Points = Sequence[tuple[float, float]]
"""Seconds and values, in order of time."""

_WIDTH, _HEIGHT = 720, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 12, 34, 34
_ROW = 20
_MOST_SERIES = 8
_MOST_POINTS = 500
_OTHERS = "(others)"

# Told apart by people who see few colours, on white and on black (Okabe and Ito 2008).
_COLOURS = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#d55e00",
    "#f0e442",
    "#999999",
    "#7f6fd0",
)
_STYLE = (
    ".pympler-chart text{font:12px system-ui,sans-serif;fill:#222}"
    ".pympler-chart .title{font-weight:600}"
    ".pympler-chart .grid{stroke:#8884;stroke-width:1}"
    "@media (prefers-color-scheme:dark){.pympler-chart text{fill:#ddd}}"
)


def stacked_area_chart(
    title: str, times: Sequence[float], series: Mapping[str, Sequence[float]]
) -> str:
    """Bytes over time, one area on top of the other.

    Args:
        title: what the chart shows.
        times: seconds.
        series: for each name, bytes at these times.

    Returns:
        An ``<svg>`` element.
    """
    shown = _largest(series, len(times))
    sums = [sum(values) for values in zip(*shown.values(), strict=True)] or [0.0]
    frame = _Frame.around(times, max(sums), 1024)
    below = [0.0] * len(times)
    shapes = []
    for (name, values), colour in zip(shown.items(), _COLOURS, strict=False):
        above = [base + value for base, value in zip(below, values, strict=True)]
        there = [frame.point(time, value) for time, value in zip(times, above, strict=True)]
        back = [frame.point(time, value) for time, value in zip(times, below, strict=True)]
        points = " ".join([*there, *reversed(back)])
        shapes.append(
            f'<polygon points="{points}" fill="{colour}" fill-opacity="0.85">'
            f"<title>{escape(name)}</title></polygon>"
        )
        below = above
    return frame.svg(title, shapes, list(shown), format_bytes)


def line_chart(title: str, series: Mapping[str, Points], unit: str) -> str:
    """Counts over time that change at once, one line for each name.

    Args:
        title: what the chart shows.
        series: for each name, times and values.
        unit: what is counted.

    Returns:
        An ``<svg>`` element.
    """
    thinned = {name: _thinned(points) for name, points in series.items() if points}
    names = sorted(thinned, key=lambda name: -max(value for _, value in thinned[name]))
    shown = {name: thinned[name] for name in names[:_MOST_SERIES]}
    times = [time for points in shown.values() for time, _ in points]
    top = max((value for points in shown.values() for _, value in points), default=0.0)
    frame = _Frame.around(times, top)
    shapes = []
    for (name, points), colour in zip(shown.items(), _COLOURS, strict=False):
        steps = [points[0]]
        for (_, before), (time, value) in pairwise(points):
            steps += [(time, before), (time, value)]
        steps.append((frame.last, points[-1][1]))
        path = " ".join(frame.point(time, value) for time, value in steps)
        shapes.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2">'
            f"<title>{escape(name)}</title></polyline>"
        )
    return frame.svg(title, shapes, list(shown), lambda value: f"{value:g}", unit)


def bar_chart(title: str, bars: Sequence[tuple[str, float]], unit: str) -> str:
    """Counts as bars.

    Args:
        title: what the chart shows.
        bars: labels and values.
        unit: what is counted.

    Returns:
        An ``<svg>`` element.
    """
    frame = _Frame.around([0.0, float(max(len(bars), 1))], max([0.0, *(n for _, n in bars)]))
    width = frame.x(1.0) - frame.x(0.0)
    shapes = []
    for place, (label, value) in enumerate(bars):
        left, top = frame.x(place) + width * 0.1, frame.y(value)
        middle = frame.x(place + 0.5)
        shapes.append(
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{width * 0.8:.1f}" '
            f'height="{frame.y(0) - top:.1f}" fill="{_COLOURS[0]}">'
            f"<title>{escape(label)}: {value:g} {escape(unit)}</title></rect>"
            f'<text x="{middle:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">'
            f"{escape(label)}</text>"
        )
    return frame.svg(title, shapes, [], lambda value: f"{value:g}", unit, with_times=False)


def live_bytes(picture: Picture) -> str:
    """The bytes of each class over the snapshots of a picture, as areas."""
    times = [snapshot.timestamp for snapshot in picture.snapshots]
    series = {
        name: [
            float(snapshot.classes.get(name, {}).get("sum", 0)) for snapshot in picture.snapshots
        ]
        for name in picture.classes
    }
    return stacked_area_chart("Bytes of live instances", times, series)


def live_counts(picture: Picture) -> str:
    """How many instances of each class lived, as lines."""
    series = {name: history.history for name, history in picture.classes.items()}
    return line_chart("Live instances", series, "instances")


def tracker_timespace(filename: str | os.PathLike[str], stats: Stats) -> None:
    """Write a chart of the bytes of each class over time.

    Args:
        filename: where to. What ends in ``.png`` becomes a PNG by matplotlib; all else is SVG.
        stats: of a tracker or a dump.

    Raises:
        ImportError: for a PNG where matplotlib is missing.
    """
    picture = stats.picture
    if Path(filename).suffix.lower() == ".png":
        _write_png(filename, picture)
    else:
        Path(filename).write_text(live_bytes(picture), encoding="utf-8")


def _write_png(filename: str | os.PathLike[str], picture: Picture) -> None:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            f"{os.fspath(filename)} asks for a PNG, which needs matplotlib: install it, or use a "
            "name that ends in .svg"
        ) from error
    # No pyplot: the backend that the program has chosen stays as it is.
    figure = Figure(figsize=(8, 4))
    FigureCanvasAgg(figure)
    axes: Any = figure.add_subplot()
    times = [snapshot.timestamp for snapshot in picture.snapshots]
    names = sorted(picture.classes)
    if times and names:
        rows = [
            [each.classes.get(name, {}).get("sum", 0) for each in picture.snapshots]
            for name in names
        ]
        axes.stackplot(times, rows, labels=names)
        axes.legend(loc="upper left")
    axes.set_xlabel("seconds")
    axes.set_ylabel("bytes of live instances")
    figure.savefig(filename)


def _largest(series: Mapping[str, Sequence[float]], length: int) -> dict[str, list[float]]:
    """The series that reach highest, and all others in one."""
    names = sorted(series, key=lambda name: -max(series[name], default=0.0))
    shown = {name: list(series[name]) for name in names[:_MOST_SERIES]}
    rest = [series[name] for name in names[_MOST_SERIES:]]
    if rest:
        shown[_OTHERS] = [sum(each[place] for each in rest) for place in range(length)]
    return shown


def _thinned(points: Points) -> Points:
    """Few enough points to be drawn, with the last and the highest of those that are left out."""
    step = ceil(len(points) / _MOST_POINTS)
    if step <= 1:
        return points
    parts = [points[start : start + step] for start in range(0, len(points), step)]
    found = []
    for part in parts:
        highest = max(part, key=lambda pair: pair[1])
        found += [highest] if highest is part[-1] else [highest, part[-1]]
    return found


class _Frame:
    """Where values lie on the paper: seconds to the right, values upwards.

    With a ``base`` the grid has round numbers of units that are powers of it.
    """

    def __init__(self, first: float, last: float, top: float, base: int) -> None:
        self.first, self.last = first, last if last > first else first + 1.0
        unit = base ** max(0, floor(log(top, base))) if base and top > 0 else 1
        self.step = _nice(top / 4 / unit) * unit if top > 0 else 1.0
        self.top = self.step * max(ceil(top / self.step), 1)

    @classmethod
    def around(cls, times: Sequence[float], top: float, base: int = 0) -> _Frame:
        return cls(min(times, default=0.0), max(times, default=1.0), top, base)

    def x(self, time_s: float) -> float:
        share = (time_s - self.first) / (self.last - self.first)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - value / self.top * (_HEIGHT - _TOP - _BOTTOM)

    def point(self, time_s: float, value: float) -> str:
        return f"{self.x(time_s):.1f},{self.y(value):.1f}"

    def svg(
        self,
        title: str,
        shapes: Sequence[str],
        names: Sequence[str],
        label: Callable[[float], str],
        unit: str = "",
        *,
        with_times: bool = True,
    ) -> str:
        height = _HEIGHT + _ROW * len(names) + (8 if names else 0)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="pympler-chart" role="img" '
            f'aria-label="{escape(title)}" viewBox="0 0 {_WIDTH} {height}" '
            f'width="{_WIDTH}" height="{height}">',
            f"<style>{_STYLE}</style>",
            f'<text class="title" x="{_LEFT}" y="18">{escape(title)}</text>',
            *self._grid(label, unit),
            *shapes,
        ]
        if not shapes:
            parts.append(f'<text x="{_LEFT + 12}" y="{_HEIGHT / 2}">nothing was recorded</text>')
        if with_times:
            parts += self._times()
        for place, (name, colour) in enumerate(zip(names, _COLOURS, strict=False)):
            y = _HEIGHT + 4 + place * _ROW
            parts.append(
                f'<rect x="{_LEFT}" y="{y}" width="12" height="12" fill="{colour}"/>'
                f'<text x="{_LEFT + 20}" y="{y + 11}">{escape(name)}</text>'
            )
        return "".join([*parts, "</svg>"])

    def _grid(self, label: Callable[[float], str], unit: str) -> list[str]:
        steps = range(round(self.top / self.step))
        values = accumulate(steps, lambda value, _: value + self.step, initial=0.0)
        lines = []
        for value in values:
            y = self.y(value)
            text = escape(label(value))
            lines.append(
                f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" '
                f'y1="{y:.1f}" y2="{y:.1f}"/>'
                f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
            )
        if unit:
            lines.append(
                f'<text x="{_WIDTH - _RIGHT}" y="18" text-anchor="end">{escape(unit)}</text>'
            )
        return lines

    def _times(self) -> list[str]:
        span = self.last - self.first
        step = _nice(span / 6)
        digits = max(0, -floor(log10(step)))
        time_s = ceil(self.first / step) * step
        found = []
        while time_s <= self.last + step * 1e-6:
            found.append(
                f'<text x="{self.x(time_s):.1f}" y="{_HEIGHT - _BOTTOM + 18}" '
                f'text-anchor="middle">{time_s:.{digits}f} s</text>'
            )
            time_s += step
        return found


def _nice(step: float) -> float:
    """The next number of the form 1, 2 or 5 times a power of ten."""
    power: float = 10.0 ** floor(log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * 0.999)
