"""How exact sizes are: ``asizeof`` beside the blocks that were allocated, shape by shape.

Thousands of objects of a shape are made in a list while ``tracemalloc`` watches; the sum of its
blocks, each rounded up to ``align``, is the truth. Every supported Python that is installed is
tried, Pympler 1.1 and objsize in environments of their own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from results import FOLDER, arguments, environment, table, verdict, write_section

sys.path.insert(0, str(FOLDER.parent))

from shapes import SHAPES

from tests.run_all_pythons import CONSTRAINTS, find_python

LIBRARIES = ("numpy", "pandas")
PEERS = {"pympler": "Pympler==1.1", "objsize": "objsize==0.8.0"}
PEER_PYTHON = "3.11"
WITHIN = 0.01
Outcome = Mapping[str, Mapping[str, Any]]


def main() -> None:
    args = arguments(__doc__)
    pythons = {version: find_python(version) for version in CONSTRAINTS}
    ours: dict[str, Outcome] = {}
    peers: dict[str, Outcome] = {}
    with tempfile.TemporaryDirectory() as folder:
        for version, python in pythons.items():
            if python is not None:
                own = _environment(python, Path(folder) / version, LIBRARIES)
                ours[version] = _measure(own, "ours")
                print(version, _summary(ours[version]))
        python = pythons[PEER_PYTHON]
        for name, requirement in PEERS.items() if python is not None else ():
            own = _environment(python or "", Path(folder) / name, (*LIBRARIES, requirement))
            peers[name] = _measure(own, name)
            print(name, _summary(peers[name]))
    body = _section(ours, peers, environment((), args.date, "accuracy.py"))
    print(body)
    if not args.quick:
        write_section("Accuracy", body)


def _environment(python: str, folder: Path, packages: tuple[str, ...]) -> str:
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    own = str(folder / "bin" / "python")
    command = [own, "-m", "pip", "install", "-q", "--only-binary", "numpy,pandas"]
    for package in packages:  # one by one: a library without a wheel is left out
        subprocess.run([*command, package], check=package not in LIBRARIES)
    return own


def _measure(python: str, tool: str) -> Outcome:
    done = subprocess.run(
        [python, "-W", "ignore", str(FOLDER / "accuracy_child.py"), tool],
        stdout=subprocess.PIPE,
        check=True,
        cwd=tempfile.gettempdir(),
    )
    found: Outcome = json.loads(done.stdout)
    return found


def _error(row: Mapping[str, Any], align: int) -> float | None:
    return row.get(f"error_{align}")


def _meets(row: Mapping[str, Any]) -> bool:
    errors = [_error(row, align) for align in (8, 1)]
    return all(error is not None and abs(error) <= WITHIN for error in errors)


def _summary(outcome: Outcome) -> str:
    return f"{sum(map(_meets, outcome.values()))} of {len(outcome)} shapes within 1 %"


def _cell(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return ""
    error, exact = _error(row, 8), _error(row, 1)
    if error is None or exact is None:
        return "fails"
    worst = max(error, exact, key=abs)
    return "0" if abs(worst) < 0.0005 else f"{100 * worst:+.1f} %"


def _section(ours: Mapping[str, Outcome], peers: Mapping[str, Outcome], made: str) -> str:
    names = list(SHAPES)
    for outcome in (*ours.values(), *peers.values()):
        names += [name for name in outcome if name not in names]
    rows = [
        [name]
        + [_cell(outcome.get(name)) for outcome in (*ours.values(), *peers.values())]
        + [SHAPES[name].reason if name in SHAPES else ""]
        for name in names
    ]
    head = ["shape", *ours, *(f"{name} ({PEER_PYTHON})" for name in peers), "why not"]
    counts = [f"CPython {version}: {_summary(found)}." for version, found in ours.items()]
    counts += [f"{PEERS[name]}: {_summary(found)}." for name, found in peers.items()]
    left = max(row.get("left", 0) for found in ours.values() for row in found.values())
    met = all(
        _meets(row) or bool(name not in SHAPES or SHAPES[name].reason)
        for found in ours.values()
        for name, row in found.items()
    )
    return "\n\n".join(
        [
            made,
            "Each shape some thousand times in a list; the larger of the errors with `align=8` and "
            "`align=1` against the blocks that tracemalloc saw. Functions count where the shape "
            "says so (`code=True`).",
            " ".join(counts),
            f"Within 1 % but for the shapes that say why: {verdict(met)}. After measuring, at most "
            f"{left:,} bytes were still allocated, whatever the number of objects.",
            table(head, rows),
        ]
    )


if __name__ == "__main__":
    main()
