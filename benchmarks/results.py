"""RESULTS.md, a section per benchmark, and the processes in which benchmarks measure."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = [
    "arguments",
    "environment",
    "in_child",
    "options",
    "run_child",
    "table",
    "verdict",
    "write_section",
]

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "RESULTS.md"
TITLE = "# Results of the benchmarks\n"
ORDER = (
    "Accuracy",
    "Sizing",
    "Heap walk",
    "Heap walk, soak",
    "Class tracking",
    "Cost per request",
    "Peers",
    "Collector",
    "Budget",
    "Traces",
    "Footprint",
    "Pages",
    "Store",
    "Fleet",
    "Soak",
    "Corpus",
    "In flight",
    "In flight, once",
)
CHILD = "--measure"
_STATE = tempfile.TemporaryDirectory(prefix="pympler-benchmarks-")  # for the default store


def arguments(description: str | None) -> argparse.Namespace:
    """The command line that all benchmarks share."""
    return options(description).parse_args()


def options(description: str | None) -> argparse.ArgumentParser:
    """The same, for those that have options of their own besides."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="date to write")
    parser.add_argument(
        "--quick", action="store_true", help="a short run, to try it; writes no results"
    )
    return parser


def environment(distributions: Iterable[str], date: str, script: str) -> str:
    """The line that says how a section was made; no names of machines or folders."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("pympler", *distributions))
    return (
        f"`python benchmarks/{script}`, {date}, CPython {platform.python_version()} on "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores; {packages}."
    )


def in_child(measure: Callable[..., Any]) -> bool:
    """Whether this process was started by :func:`run_child`; then it measures and answers."""
    if sys.argv[1:2] != [CHILD]:
        return False
    json.dump(measure(**json.loads(sys.argv[2])), sys.stdout)
    return True


def run_child(script: str, *, timeout_s: float = 600.0, **parameters: object) -> Any:
    """Measure in a process of its own; returns what the ``measure`` of the script returned."""
    done = subprocess.run(
        [sys.executable, str(FOLDER / script), CHILD, json.dumps(parameters)],
        stdout=subprocess.PIPE,
        timeout=timeout_s,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "0", "XDG_STATE_HOME": _STATE.name},
    )
    return json.loads(done.stdout)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; numbers are shown with as many digits as they deserve."""
    lines = [list(head), ["---"] + ["---:"] * (len(head) - 1)]
    lines += [[_shown(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shown(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:.2f}" if abs(cell) < 10 else f"{cell:,.0f}" if cell >= 1e3 else f"{cell:.1f}"
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)


def verdict(held: bool) -> str:
    """How a target came out."""
    return "holds" if held else "**FALLS SHORT**"


def write_section(title: str, body: str) -> None:
    """Replace one section of RESULTS.md and leave the others as they are."""
    sections = {}
    if RESULTS.exists():
        for part in RESULTS.read_text(encoding="utf-8").split("\n## ")[1:]:
            name, _, text = part.partition("\n")
            sections[name] = text.strip()
    sections[title] = body.strip()
    known = sorted(sections, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    parts = [f"## {name}\n\n{sections[name]}\n" for name in known]
    RESULTS.write_text("\n".join([TITLE, *parts]), encoding="utf-8")
    print(f"{title}: written to {RESULTS.name}")
