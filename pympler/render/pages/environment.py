"""The templates: one Jinja2 environment that escapes everything, and how values are written."""

from __future__ import annotations

import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING

try:
    import jinja2
except ImportError as error:
    raise ImportError('the pages need Jinja2: pip install "pympler[web]"') from error

from pympler import __version__
from pympler.leaks.verdict import gained, plural
from pympler.render.pages import cyclegraph, drawings
from pympler.sizing.compiled import extension
from pympler.util.sizes import format_bytes, format_number

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FOLDER", "environment", "format_ago", "format_duration"]

FOLDER = Path(__file__).resolve().parent

_VERDICTS = {
    "leak": "leaks",
    "native": "native growth",
    "cyclic-garbage": "cyclic garbage",
    "allocator": "allocator",
    "bounded": "bounded",
    "clean": "clean",
    None: "no verdict yet",
}


@functools.cache
def environment() -> jinja2.Environment:
    """The environment, made when the first page is asked for."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., object]] = {
        "ago": format_ago,
        "bytes": format_bytes,
        "count": lambda number: f"{number:,}",
        "duration": format_duration,
        "gained": gained,
        "moment": _format_moment,
        "number": format_number,
        "plural": plural,
        "share": lambda part, whole: round(100 * part / whole) if whole > 0 else 0,
        "signed_bytes": lambda size: f"+{format_bytes(size)}" if size > 0 else format_bytes(size),
        "signed_count": lambda number: f"{number:+,}" if number else "0",
        "verdict": lambda verdict: _VERDICTS.get(verdict, str(verdict)),
    }
    made.filters.update(filters)
    made.globals.update(
        bar=drawings.bar,
        cycle_graph=cyclegraph.draw,
        time_chart=drawings.time_chart,
        version=__version__,
        walk_pause=_walk_pause,
    )
    return made


def format_duration(seconds: float) -> str:
    """Seconds for people.

    Example:
        >>> [format_duration(s) for s in (0.00004, 0.0123, 0.5, 3.21, 200, 7300)]
        ['40 us', '12.3 ms', '500 ms', '3.2 s', '3 min', '2 h']
    """
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} us"
    if seconds < 1:
        return f"{seconds * 1e3:.1f} ms".replace(".0 ", " ")
    if seconds < 120:
        return f"{seconds:.1f} s".replace(".0 ", " ")
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 172800 else f"{seconds / 86400:.0f} days"


def format_ago(then: float, now: float) -> str:
    """How long ago something was.

    Example:
        >>> format_ago(95.0, 100.0), format_ago(100.0, 100.0)
        ('5 s ago', 'just now')
    """
    seconds = now - then
    return "just now" if seconds < 1 else f"{format_duration(round(seconds))} ago"


def _walk_pause() -> str:
    """How long a walk of a million objects takes, with the walk that is used here."""
    return "some tenths of a second" if extension() is not None else "some seconds"


def _format_moment(then: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(then))
    except (OverflowError, ValueError, OSError):
        return "at an unknown time"
