"""What the demo prints: progress, and the summaries in short form."""

from __future__ import annotations

import os
import re
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from applications import Application, Route

from pympler.leaks import LeakSummary, RouteSummary
from pympler.leaks.report import VERDICTS, Suspect
from pympler.leaks.verdict import plural
from pympler.util.sizes import format_bytes, format_number

try:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
except ImportError:
    Progress = None  # type: ignore[assignment, misc]

__all__ = ["expected_of", "paint", "progress", "show_summary"]

_STYLES = {"bold": "1", "dim": "2", "red": "1;31", "green": "32", "yellow": "33"}
_COLOURS = {"leak": "red", "native": "red", "clean": "green", "bounded": "green"}
_COLOURFUL = sys.stdout.isatty() and "NO_COLOR" not in os.environ
_PARAMETER = re.compile(r"<[^>]*>|\{[^}]*\}")
_STEPS = 10
_COLUMNS = 100


def paint(text: str, style: str) -> str:
    """The text in a colour, if the terminal wants colours."""
    return f"\033[{_STYLES[style]}m{text}\033[0m" if _COLOURFUL else text


@contextmanager
def progress(names: Sequence[str], total: int) -> Iterator[Callable[[int], None]]:
    """A bar for each name; the function it gives advances the one with this number."""
    if Progress is not None and sys.stdout.isatty():
        columns = (TextColumn("  {task.description}"), BarColumn(40), MofNCompleteColumn())
        with Progress(*columns) as bars:
            tasks = [bars.add_task(name, total=total) for name in names]
            yield lambda number: bars.advance(tasks[number])
        return
    lock, done = threading.Lock(), [0] * len(names)

    def advance(number: int) -> None:
        with lock:
            done[number] += 1
            least = min(done)
            if done[number] == least and least % (total // _STEPS) == 0:
                print(f"  {least:,} of {total:,} requests to each application", flush=True)

    yield advance


def expected_of(application: Application, row: RouteSummary) -> Route | None:
    """The route of the demo that a row of the summary is about."""
    for route in application.routes:
        if (route.method, _shape(route.path)) == (row.method, _shape(row.route)):
            return route
    return None


def show_summary(application: Application, summary: LeakSummary) -> None:
    """Print the verdict on each route of one application, the worst first."""
    print(paint(f"\n{application.name} under {application.server}", "bold"))
    cost = f"{summary.overhead:.1%} of the time spent on watching"
    print(f"  {summary.requests:,} requests, {summary.windows:,} watched; {cost}\n")
    rows = sorted(summary.routes, key=_rank)
    width = max((len(_name(row)) for row in rows), default=0)
    print(paint(f"  verdict  {'route':<{width}}   per request", "dim"))
    for row in rows:
        indent = len("  verdict  ") + width + 3
        first, *more = textwrap.wrap(_growth(row), _COLUMNS - indent)
        text = "\n".join(
            [f"{_name(row):<{width}}   {first}", *(" " * indent + one for one in more)]
        )
        _show_row(row.verdict, text, row.suspects)
    if summary.unattributed:
        _show_row("leak", "of a route that is not known", summary.unattributed)


def _show_row(verdict: str | None, text: str, suspects: Sequence[Suspect]) -> None:
    word = verdict or "unknown"
    print(f"  {paint(f'{word:<8}', _COLOURS.get(word, 'yellow'))} {text}")
    for suspect in suspects:
        print(f"           held by   {suspect.holder} ({suspect.type})")
        if suspect.stored_at:
            print(f"           stored at {suspect.stored_at}")


def _growth(row: RouteSummary) -> str:
    """What a request of a route adds, in a few words."""
    suspect = row.suspects[0] if row.suspects else None
    if row.verdict == "clean":
        return "leaves nothing behind"
    if row.verdict is None:
        return row.headline.partition(": ")[2]
    if row.verdict == "bounded":
        bound = suspect.bound if suspect is not None else None
        return "stops growing" + (f" at {bound} entries" if bound is not None else "")
    left = plural(row.objects_per_request, "object") + ", " + format_bytes(row.bytes_per_request)
    if suspect is None:
        return left
    number = format_number(suspect.growth_per_request)
    return f"+{number} {'entry' if number == '1' else 'entries'}: {left}"


def _rank(row: RouteSummary) -> tuple[int, str]:
    return (VERDICTS.index(row.verdict) if row.verdict else len(VERDICTS), row.route)


def _name(row: RouteSummary) -> str:
    return f"{row.method} {row.route}"


def _shape(path: str) -> str:
    """A route template without what frameworks write differently."""
    return _PARAMETER.sub("*", path).strip("/")
