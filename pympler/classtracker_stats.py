"""Statistics of tracked classes: as text, as pages of HTML, in files, and of two runs compared.

>>> from pympler.classtracker import ClassTracker
>>> from pympler.classtracker_stats import ConsoleStats
>>> tracker = ClassTracker()
>>> tracker.create_snapshot("nothing yet")
>>> [snapshot.desc for snapshot in ConsoleStats(tracker=tracker).snapshots]
['nothing yet']
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from pympler.charts import bar_chart, line_chart, live_bytes, live_counts
from pympler.lifetimes.comparison import ClassChange, Comparison, compare
from pympler.lifetimes.picture import ClassHistory, Picture
from pympler.lifetimes.records import Site
from pympler.lifetimes.snapshots import Snapshot
from pympler.lifetimes.stats import ConsoleStats, Stats
from pympler.lifetimes.tracked import TrackedObject
from pympler.sizing.asized import Asized
from pympler.util.names import short_file
from pympler.util.sizes import format_bytes
from pympler.util.stringutils import pp_timestamp

__all__ = ["ClassChange", "Comparison", "ConsoleStats", "HtmlStats", "Stats", "compare"]

_MOST_ROWS = 1000
_MOST_SITES = 50
_MOST_PARTS = 200

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 0.5rem 0 1.5rem; display: block; overflow-x: auto; }
caption { text-align: left; font-weight: 600; padding: 0.25rem 0; }
th, td { padding: 0.2rem 0.8rem 0.2rem 0; text-align: left; vertical-align: top; }
th { border-bottom: 1px solid #8888; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
code { overflow-wrap: anywhere; }
svg.pympler-chart { max-width: 100%; height: auto; display: block; margin: 1rem 0; }
@media print { body { max-width: none; margin: 0; } nav { display: none; } }
"""


class HtmlStats(Stats):
    """Statistics as pages of HTML that need nothing else: no script, no picture, no network.

    Attributes:
        style: the style sheet of the pages.
    """

    style = _STYLE

    def create_html(
        self, fname: str | os.PathLike[str], title: str = "ClassTracker Statistics"
    ) -> None:
        """Write the report: one page with all classes, and one for each of them.

        Args:
            fname: the first page; the others go to a folder beside it, which is called like it
                with ``_files`` for its suffix.
            title: the heading of the first page.
        """
        path = Path(fname)
        folder = path.with_name(f"{path.stem}_files")
        folder.mkdir(parents=True, exist_ok=True)
        picture = self.picture
        files = _file_names(picture.classes)
        links = {name: f"{folder.name}/{file}" for name, file in files.items()}
        path.write_text(self._page(title, _overview(picture, title, links)), encoding="utf-8")
        for name, history in picture.classes.items():
            body = _class_page(picture, history, f"../{path.name}")
            (folder / files[name]).write_text(self._page(name, body), encoding="utf-8")

    def _page(self, title: str, body: str) -> str:
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(title)}</title>\n<style>{self.style}</style>\n</head>\n"
            f"<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
        )


def _file_names(names: Iterable[str]) -> dict[str, str]:
    """A file for each class, with a number where two would have the same one."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for name in names:
        stem = re.sub(r"[^A-Za-z0-9_-]", "_", name)[:100] or "_"
        file, number = f"{stem}.html", 1
        while file.lower() in taken:  # some file systems do not tell A from a
            number += 1
            file = f"{stem}_{number}.html"
        taken.add(file.lower())
        found[name] = file
    return found


def _overview(picture: Picture, title: str, links: dict[str, str]) -> str:
    parts = [f"<h1>{escape(title)}</h1>\n"]
    if not picture.classes:
        parts.append(
            "<p>No class was tracked: call <code>track_class()</code> before the instances are "
            "made, and <code>create_snapshot()</code> where their sizes are of interest.</p>\n"
        )
        return "".join(parts)
    rows = [
        [
            f'<a href="{escape(links[name])}">{escape(name)}</a>',
            str(found.births),
            str(found.adopted),
            str(found.deaths),
            str(found.live),
            str(found.peak),
            _seconds(found.mean_s),
        ]
        for name, found in sorted(picture.classes.items())
    ]
    head = ("Class", "Made", "of them adopted", "Died", "Alive", "Most at a time", "Mean lifetime")
    parts.append(_table("Classes", head, rows))
    parts += [live_bytes(picture), live_counts(picture), "\n<h2>Snapshots</h2>\n"]
    parts += [_snapshot(each, links) for each in picture.snapshots]
    if not picture.snapshots:
        parts.append("<p>None was made: sizes are known only at snapshots.</p>\n")
    return "".join(parts)


def _snapshot(snapshot: Snapshot, links: dict[str, str]) -> str:
    rows = []
    for name, row in sorted(snapshot.classes.items(), key=lambda pair: -pair[1]["sum"]):
        label = escape(name)
        if name in links:
            label = f'<a href="{escape(links[name])}">{label}</a>'
        size, mean = format_bytes(row["sum"]), format_bytes(row["avg"])
        rows.append([label, str(row["active"]), size, mean, f"{row['pct']:.1f} %"])
    memory = snapshot.system_total
    facts = [
        f"tracked {format_bytes(snapshot.tracked_total)}",
        f"the tracker itself {format_bytes(snapshot.overhead)}",
    ]
    if snapshot.asizeof_total:
        facts.append(f"all objects {format_bytes(snapshot.asizeof_total)}")
    if memory.vsz:
        facts.append(
            f"process {format_bytes(memory.rss)} resident of {format_bytes(memory.vsz)} virtual"
        )
    head = ("Class", "Alive", "Bytes", "Mean", "Share of the process")
    return _table(snapshot.label, head, rows) + f"<p>{escape(', '.join(facts))}</p>\n"


def _class_page(picture: Picture, history: ClassHistory, home: str) -> str:
    name = history.name
    adopted = f", {history.adopted} of them adopted" if history.adopted else ""
    parts = [
        f'<nav><a href="{escape(home)}">All classes</a></nav>\n<h1>{escape(name)}</h1>\n',
        f"<p>{history.births} instances made{adopted}; {history.deaths} died, {history.live} "
        f"are alive. Lifetime of the dead: {_seconds(history.mean_s)} on average, "
        f"{_seconds(history.longest_s)} at most.</p>\n",
        line_chart("Live instances", {name: history.history}, "instances"),
    ]
    if history.lifetimes:
        parts.append(_lifetimes(history.lifetimes))
    for title, sites in (
        ("Where those alive were made", picture.live_sites(name)),
        ("Where the dead were made", history.sites),
    ):
        if sites:
            parts.append(_sites(title, sites))
    parts += _merged(picture, name)
    parts.append(_instances(history))
    return "".join(parts)


def _lifetimes(lifetimes: dict[int, int]) -> str:
    # The exponents are of milliseconds; below one they are one bar.
    shown: dict[int, int] = {}
    for power, count in lifetimes.items():
        shown[max(power, 0)] = shown.get(max(power, 0), 0) + count
    powers = range(min(shown), max(shown) + 1)
    bars = [(f"<{_seconds(2**power / 1000)}", float(shown.get(power, 0))) for power in powers]
    return bar_chart("Lifetimes of the dead", bars, "instances")


def _sites(title: str, sites: dict[Site, int]) -> str:
    rows = [
        ["<br>".join(f"<code>{escape(_frame(frame))}</code>" for frame in site), str(count)]
        for site, count in sorted(sites.items(), key=lambda pair: -pair[1])[:_MOST_SITES]
    ]
    return _table(title, ("Place, the innermost frame last", "Instances"), rows)


def _frame(frame: tuple[str, int, str]) -> str:
    file, line, function = frame
    return f"{short_file(file)}:{line} in {function}"


def _merged(picture: Picture, name: str) -> list[str]:
    parts = []
    for snapshot in picture.snapshots:
        merged = snapshot.classes.get(name, {}).get("merged")
        if merged is not None and merged.refs:
            rows = list(_parts(merged, merged.size or 1, 0))[:_MOST_PARTS]
            head = ("Part", "Bytes", "Share")
            parts.append(_table(f"What they hold: {snapshot.label}", head, rows))
    return parts


def _parts(size: Asized, whole: int, depth: int) -> Iterable[list[str]]:
    for ref in size.refs:
        label = "&nbsp;" * 4 * depth + f"<code>{escape(str(ref.name))}</code>"
        yield [label, format_bytes(ref.size), f"{ref.size * 100 / whole:.0f} %"]
        yield from _parts(ref, whole, depth + 1)


def _instances(history: ClassHistory) -> str:
    found = sorted(history.objects, key=lambda item: -item.get_max_size())
    rows = [_instance(item) for item in found[:_MOST_ROWS]]
    head = ("Instance", "Born", "Died", "Largest size", "Made at")
    caption = "Instances, the largest first"
    if len(rows) < history.births:
        caption += f" ({len(rows)} of {history.births})"
    return _table(caption, head, rows, numbers=3)


def _instance(item: TrackedObject) -> list[str]:
    text = item.repr or f"{item.id:#x}"
    made = escape(_frame(item.site[-1])) if item.site else ""
    return [
        f"<code>{escape(text)}</code>" + (" (adopted)" if item.adopted else ""),
        pp_timestamp(item.birth),
        pp_timestamp(item.death) or "alive",
        format_bytes(item.get_max_size()),
        f"<code>{made}</code>" if made else "",
    ]


def _seconds(time_s: float) -> str:
    for limit, factor, unit in ((1e-3, 1e6, "us"), (1.0, 1e3, "ms"), (120.0, 1.0, "s")):
        if time_s < limit:
            return f"{time_s * factor:.3g} {unit}"
    return f"{time_s / 60:.3g} min"


def _table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], numbers: int | None = None
) -> str:
    # Cells are HTML, the caption and the head are text. ``numbers``: how many columns after the
    # first are numbers, all of them if it is None.
    last = len(head) if numbers is None else numbers + 1

    def kind(place: int) -> str:
        return ' class="number"' if 0 < place < last else ""

    cells = "".join(
        f'<th scope="col"{kind(place)}>{escape(text)}</th>' for place, text in enumerate(head)
    )
    lines = [f"<table>\n<caption>{escape(caption)}</caption>\n<thead><tr>{cells}</tr></thead>\n"]
    lines.append("<tbody>\n")
    for row in rows:
        cells = "".join(f"<td{kind(place)}>{text}</td>" for place, text in enumerate(row))
        lines.append(f"<tr>{cells}</tr>\n")
    return "".join([*lines, "</tbody>\n</table>\n"])
