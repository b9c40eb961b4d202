"""``pympler heap``: what a saved snapshot of the heap holds, or what came between two of them."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

from pympler.errors import SnapshotFileError
from pympler.graph import HeapSnapshot
from pympler.util.sizes import format_bytes

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Says what a snapshot of the heap holds: types, and the objects that keep most memory alive. With two
files, what came between the first and the second. Files are saved with heap_snapshot().save(path).
"""
_EPILOG = """\
exit status: 0; 2 for a wrong argument, or a file that is no snapshot or damaged.
"""


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    parser = commands.add_parser(
        "heap",
        help="say what a saved heap snapshot holds, or the difference of two",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", help="a snapshot")
    parser.add_argument("later", metavar="FILE2", nargs="?", help="one that was taken later")
    parser.add_argument(
        "--limit",
        type=_number,
        default=20,
        metavar="N",
        help="the most rows of a table (%(default)s)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object and nothing else"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print what the command line asks for; returns the exit code."""
    try:
        first = HeapSnapshot.load(arguments.file)
        later = HeapSnapshot.load(arguments.later) if arguments.later is not None else None
    except (OSError, SnapshotFileError) as error:
        said = str(error)
        if isinstance(error, OSError):
            said = f"{error.filename!r} cannot be read: {error.strerror}"
        if arguments.json:
            print(json.dumps({"schema": 1, "error": said}))
        print(f"pympler heap: error: {_printable(said)}", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps(_as_dict(first, later, arguments.limit)))
        return 0
    lines = (
        _summary(first, arguments.limit)
        if later is None
        else _difference(first, later, arguments.limit)
    )
    for line in lines:
        print(_printable(line))
    return 0


def _summary(snapshot: HeapSnapshot, limit: int) -> Iterable[str]:
    yield _headline(snapshot)
    yield ""
    rows = [
        (f"{row.count:,}", format_bytes(row.bytes), row.type) for row in snapshot.summary()[:limit]
    ]
    yield from _table(("objects", "size", "type"), rows)
    yield ""
    yield "What keeps most memory alive:"
    retainers = [
        (format_bytes(row.retained_bytes), format_bytes(row.size_bytes), row.type, row.name)
        for row in snapshot.top_retainers(limit)
    ]
    yield from _table(("retained", "itself", "type", "path"), retainers)


def _difference(first: HeapSnapshot, later: HeapSnapshot, limit: int) -> Iterable[str]:
    yield f"before: {_headline(first)}"
    yield f"after:  {_headline(later)}"
    yield ""
    rows = sorted(later.diff(first), key=lambda row: -abs(row.size_diff))
    if not rows:
        yield "No type has changed."
        return
    shown = [(f"{row.count_diff:+,}", _signed(row.size_diff), row.type) for row in rows[:limit]]
    yield from _table(("objects", "size", "type"), shown)
    yield ""
    yield "What keeps most memory alive now:"
    retainers = [
        (format_bytes(row.retained_bytes), row.type, row.name)
        for row in later.top_retainers(min(limit, 10))
    ]
    yield from _table(("retained", "type", "path"), retainers)


def _headline(snapshot: HeapSnapshot) -> str:
    taken = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(snapshot.taken_at))
    early = f", stopped early by {snapshot.reason}" if snapshot.reason else ""
    return f"{snapshot.objects:,} objects, {format_bytes(snapshot.total_bytes)}, {taken}{early}"


def _signed(size: int) -> str:
    return ("+" if size > 0 else "") + format_bytes(size)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Lines of a table: numbers to the right, the last columns, which are names, to the left."""
    numbers = len(head) - (2 if "path" in head else 1)
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        cells = [
            cell.rjust(width) if place < numbers else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _as_dict(first: HeapSnapshot, later: HeapSnapshot | None, limit: int) -> dict[str, Any]:
    shown = first if later is None else later
    found: dict[str, Any] = {
        "schema": 1,
        "error": None,
        "objects": shown.objects,
        "total_bytes": shown.total_bytes,
        "taken_at": shown.taken_at,
        "complete": shown.complete,
        "reason": shown.reason,
        "types": [row._asdict() for row in shown.summary()[:limit]],
        "retainers": [row._asdict() for row in shown.top_retainers(limit)],
    }
    if later is not None:
        found["diff"] = [row._asdict() for row in later.diff(first)[:limit]]
    return found


def _printable(text: str) -> str:
    # A file may come from anywhere, and a name in it may be made to steer a terminal.
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 up")
    return int(text)
