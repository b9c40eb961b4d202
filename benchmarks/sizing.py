"""How fast sizes and summaries are: ours beside Pympler 1.1 and objsize, in one run.

Ours is the walk in pure Python; ``heapwalk.py`` measures the compiled one.
Each peer is in an environment of its own, with the same Python; each figure is the best of three
in a process of its own, but for the peers' ``diff``, which is asked once and ended at a cap.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from results import FOLDER, arguments, environment, table, verdict, write_section

CAP_S = 120.0
REQUIREMENTS = {"pympler": "Pympler==1.1", "objsize": "objsize==0.8.0"}
TASKS = {
    "instances": ("asizeof of 100,000 small instances", 100_000, 2.0),
    "integers": ("asizeof of 1 million integers", 1_000_000, 2.0),
    "summary": ("get_objects and summarize, 1 million objects", 1_000_000, 5.0),
    "diff": ("SummaryTracker.diff, 1 million objects", 1_000_000, 100.0),
}
MOST_GROWTH = 1.3


def main() -> None:
    args = arguments(__doc__)
    share = 10 if args.quick else 1
    with tempfile.TemporaryDirectory() as folder:
        pythons = {"ours": sys.executable}
        for name, requirement in REQUIREMENTS.items():
            venv.create(Path(folder) / name, with_pip=True)
            pythons[name] = str(Path(folder) / name / "bin" / "python")
            subprocess.run([pythons[name], "-m", "pip", "install", "-q", requirement], check=True)
        found: dict[str, dict[str, float | None]] = {}
        for task, (_, objects, _) in TASKS.items():
            tools = [name for name in pythons if name != "objsize" or task in list(TASKS)[:2]]
            found[task] = {
                name: _measure(pythons[name], name, task, objects // share) for name in tools
            }
            print(task, found[task])
        large = _measure(sys.executable, "ours", "integers", 10_000_000 // share)
    body = _section(found, large, environment((), args.date, "sizing.py"))
    print(body)
    if not args.quick:
        write_section("Sizing", body)


def _measure(python: str, tool: str, task: str, objects: int) -> float | None:
    """Seconds, ``None`` if it takes longer than the cap."""
    command = [python, str(FOLDER / "sizing_child.py"), tool, task, str(objects)]
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            timeout=CAP_S,
            check=True,
            cwd=tempfile.gettempdir(),
            env={**os.environ, "PYMPLER_NO_EXTENSIONS": "1"},
        )
    except subprocess.TimeoutExpired:
        return None
    return float(json.loads(done.stdout))


def _section(found: dict[str, dict[str, float | None]], large: float | None, made: str) -> str:
    rows = []
    for task, (name, _, target) in TASKS.items():
        ours, peer = found[task]["ours"], found[task]["pympler"]
        other = found[task].get("objsize")
        assert ours is not None
        least = (peer if peer is not None else CAP_S) / ours
        ratio = f"{least:.1f}" if peer is not None else f"more than {least:.0f} (capped)"
        rows.append(
            [
                name,
                f"{ours:.2f} s",
                f"{peer:.2f} s" if peer is not None else f"over {CAP_S:.0f} s",
                f"{other:.2f} s" if other is not None else "",
                ratio,
                f"{target:.0f}",
                verdict(least >= target),
            ]
        )
    head = ["task", "ours", "Pympler 1.1", "objsize 0.8.0", "times as fast", "wanted", ""]
    parts = [made, table(head, rows)]
    small = found["integers"]["ours"]
    if large is not None and small:
        growth = large / small / 10
        parts.append(
            f"Time per object at ten times as many integers: {growth:.2f} times that at a tenth "
            f"(at most {MOST_GROWTH} wanted): {verdict(growth <= MOST_GROWTH)}."
        )
    return "\n\n".join(parts)


if __name__ == "__main__":
    main()
