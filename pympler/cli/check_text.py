"""What ``pympler check`` prints for people: plain, or in colours where rich is installed."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

from pympler.leaks.check import RouteResult

__all__ = ["print_route", "progress_line"]

_COLOURS = {
    "leak": "bold red",
    "native": "bold red",
    "cyclic-garbage": "yellow",
    "allocator": "yellow",
    "bounded": "green",
    "clean": "green",
}


def print_route(route: RouteResult, *, varied: bool, known: bool) -> None:
    """Print the headline of a route, and in lines below it what the headline does not say."""
    _print_headline(route)
    for line in _details(route, varied=varied, known=known):
        print(f"    {line}")


def _print_headline(route: RouteResult) -> None:
    colour = _COLOURS.get(route.verdict or "", "")
    if _has_colours(sys.stdout):
        with contextlib.suppress(ImportError):
            from rich.console import Console
            from rich.text import Text

            # One line, as without rich: terminals wrap it, and it can be copied whole.
            Console(soft_wrap=True, highlight=False).print(Text(route.headline, style=colour))
            return
    print(route.headline)


def _has_colours(stream: TextIO) -> bool:
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _details(route: RouteResult, *, varied: bool, known: bool) -> Iterator[str]:
    """The evidence, further suspects, and hints."""
    for place, suspect in enumerate(route.suspects):
        stored = f", stored at {suspect.stored_at}" if suspect.stored_at else ""
        name = f"also {suspect.holder} ({suspect.type}){stored}: " if place else ""
        if suspect.evidence:
            yield f"{name}{suspect.evidence}"
    if known:
        yield "known from the baseline: no failure"
    if not varied and route.verdict == "clean":
        yield "each request was the same; with {n}, {uuid} or {red|green} in it, values would vary"


@contextlib.contextmanager
def progress_line() -> Iterator[Callable[[str], None]]:
    """A function that shows what is done now, on one line of the terminal if there is one."""
    stream = sys.stderr
    if not stream.isatty():
        yield lambda text: None
        return

    def show(text: str) -> None:
        try:
            columns = os.get_terminal_size(stream.fileno()).columns
        except OSError:
            columns = 80
        width = max(columns - 1, 20)
        stream.write(f"\r{text[:width]:<{width}}\r")
        stream.flush()

    try:
        yield show
    finally:
        show("")
