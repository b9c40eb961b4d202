"""The corpus of leaks: what ``pympler check`` says of each handler, and what other tools say.

Part of ``make soak``: three times on this Python and once on each other that is installed. Results
are kept in a file that is continued when the run is started again. The other tools are asked
once, on this Python, in environments of their own with the same frameworks.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
import venv
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from results import FOLDER, environment, table, write_section  # noqa: E402

from tests.leaks.corpus.cases import CASES, Case, expected_line  # noqa: E402
from tests.leaks.corpus.cases import FOLDER as CORPUS  # noqa: E402
from tests.leaks.corpus.runner import run_cases  # noqa: E402
from tests.run_all_pythons import CONSTRAINTS, find_python, make_environment  # noqa: E402

SCRIPT = "corpus.py"
STATE = ROOT / "build" / "corpus.jsonl"
RUNS, JOBS, TIMEOUT_S = 3, 4, 120.0
QUICK = 12  # each twelfth case
LEAK_WORK_S, CLEAN_WORK_S = 20.0, 10.0
FRAMEWORKS = ("Django", "Flask", "starlette", "fastapi")
PEERS = {
    "objgraph": ("`objgraph.growth`", "objgraph==3.7.0"),
    "pympler": ("Pympler 1.1, `SummaryTracker`", "Pympler==1.1"),
    "tracemalloc": ("tracemalloc, by line", ""),
    "memray": ("pytest-memray, `limit_leaks`", "pytest-memray==1.11.0"),
}
Row = dict[str, Any]


class State:
    """Lines of JSON, one for each result, so that a run can be continued."""

    def __init__(self, file: Path) -> None:
        self._file = file
        file.parent.mkdir(exist_ok=True)
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        self.rows: list[Row] = [json.loads(line) for line in lines]

    def missing(self, tool: str, names: list[str]) -> list[str]:
        """The cases that this tool was not asked about yet."""
        done = {row["case"] for row in self.rows if row["tool"] == tool}
        return [name for name in names if name not in done]

    def add(self, row: Row) -> None:
        """Keep a result."""
        self.rows.append(row)
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def main() -> None:
    import argparse

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--date", default=time.strftime("%Y-%m-%d"))
    parser.add_argument("--quick", action="store_true", help="a twelfth of it, into no file")
    parser.add_argument("--fresh", action="store_true", help="forget what an earlier run has found")
    parser.add_argument("--only-this-python", action="store_true", help="once, without the others")
    parser.add_argument("--no-peers", action="store_true", help="do not ask the other tools")
    args = parser.parse_args()
    if args.fresh:
        STATE.unlink(missing_ok=True)
    state = State(STATE)
    names = list(CASES)[:: QUICK if args.quick else 1]
    version = platform.python_version()
    runs = 1 if args.quick or args.only_this_python else RUNS
    for run in range(1, runs + 1):
        _check(state, f"{version} run {run}", names, sys.executable)
    if runs == RUNS:
        for other, constraint in CONSTRAINTS.items():
            python = None if version.startswith(f"{other}.") else find_python(other)
            if python is not None:
                _check(state, other, names, make_environment(other, python, constraint))
    if not args.no_peers:
        for peer in PEERS:
            _ask(state, peer, names)
    body = _section(state.rows, environment(FRAMEWORKS, args.date, SCRIPT))
    print(body)
    if not args.quick:
        write_section("Corpus", body)


def _check(state: State, run: str, names: list[str], python: str) -> None:
    from tests.leaks.corpus.runner import faults

    for case, result in run_cases(state.missing(run, names), python, JOBS):
        state.add({**result, "tool": run, "fault": faults(case, result)})
        print(run, case.name, result.get("verdict"), state.rows[-1]["fault"], flush=True)


def _ask(state: State, peer: str, names: list[str]) -> None:
    missing = state.missing(peer, names)
    if not missing:
        return
    python = _environment(peer)
    with ThreadPoolExecutor(2) as pool:
        cases = [CASES[name] for name in missing]
        for case, said in zip(
            cases, pool.map(lambda case: _peer_says(peer, python, case), cases), strict=True
        ):
            state.add({"tool": peer, "case": case.name, **said})


def _environment(peer: str) -> str:
    folder = ROOT / "build" / f"corpus-{peer}"
    python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    if not Path(python).exists():
        venv.create(folder, with_pip=True)
        wanted = [*FRAMEWORKS, *filter(None, [PEERS[peer][1]])]
        pins = ["--constraint", str(ROOT / "constraints" / "stable.txt")]
        pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*pip, *pins, *wanted], check=True)
    return python


def _peer_says(peer: str, python: str, case: Case) -> Row:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    paths = os.pathsep.join([str(CORPUS), str(FOLDER)])
    given = {**clean, "PYTHONPATH": paths, "CORPUS_APPLICATION": case.application}
    given["CORPUS_PATH"] = case.path
    command = [python, str(FOLDER / "corpus_child.py"), peer, case.application, case.path]
    if peer == "memray":
        test = str(FOLDER / "corpus_memray_test.py")
        command = [python, "-m", "pytest", "-q", "-c", os.devnull, "--memray", test]
    try:
        done = subprocess.run(
            command, cwd=CORPUS, env=given, capture_output=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return {"accused": None}
    if peer == "memray":
        is_leak = b"leaking more memory than permitted" in done.stdout or done.returncode == 1
        return {"accused": is_leak if done.returncode in (0, 1) else None}
    try:
        said: Row = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return {"accused": None}
    return said


def _section(rows: list[Row], made_by: str) -> str:
    by_tool: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_tool[row["tool"]].append(row)
    ours = {tool: found for tool, found in by_tool.items() if tool not in PEERS}
    head = ["tool", "leaks flagged", "twins and clean ones accused", "holder first", "line"]
    lines: list[list[Any]] = [_our_line(tool, found) for tool, found in ours.items()]
    lines += [_peer_line(tool, by_tool[tool]) for tool in PEERS if tool in by_tool]
    faults = [
        f"- {row['tool']}: `{row['case']}`: {row['fault']}"
        for found in ours.values()
        for row in found
        if row["fault"]
    ]
    return "\n\n".join(
        [
            made_by,
            f"{sum(case.leaks for case in CASES.values())} leaking handlers, each with a fixed "
            f"twin, and {sum(name.startswith('innocent') for name in CASES)} clean ones that look "
            "guilty, each in a process of its own with default settings. Of the other tools: "
            f"{WARM_UP_TEXT}.",
            table(head, lines),
            *_times(ours),
            "What was not right:\n\n" + "\n".join(faults) if faults else "All were right.",
        ]
    )


WARM_UP_TEXT = (
    "100 requests to warm up, then three rounds of 100; accused is a handler of which a type or "
    "line gains an object in every second request of each round, and with pytest-memray one that "
    "keeps more than 1 KB at any place over 100 requests"
)


def _our_line(tool: str, found: list[Row]) -> list[Any]:
    leaks = [row for row in found if CASES[row["case"]].leaks]
    flagged = [row for row in leaks if row.get("verdict") == "leak"]
    held = [row for row in flagged if not row["fault"].startswith("holder")]
    lines = [row for row in held if not row["fault"].startswith("line")]
    clean = [row for row in found if not CASES[row["case"]].leaks]
    accused = [row for row in clean if row["fault"].startswith("accused")]
    return [
        f"`pympler check`, {tool}",
        f"{len(flagged)} of {len(leaks)}",
        f"{len(accused)} of {len(clean)}",
        f"{len(held)} of {len(leaks)}",
        f"{len(lines)} of {len(leaks)}",
    ]


def _peer_line(tool: str, found: list[Row]) -> list[Any]:
    leaks = [row for row in found if CASES[row["case"]].leaks]
    clean = [row for row in found if not CASES[row["case"]].leaks]
    flagged = sum(bool(row["accused"]) for row in leaks)
    named = "names none"
    if tool == "tracemalloc":
        right = [row for row in leaks if expected_line(CASES[row["case"]]) in row.get("lines", [])]
        named = f"{len(right)} of {len(leaks)}"
    unknown = sum(row["accused"] is None for row in found)
    return [
        PEERS[tool][0] + (f" ({unknown} not answered)" if unknown else ""),
        f"{flagged} of {len(leaks)}",
        f"{sum(bool(row['accused']) for row in clean)} of {len(clean)}",
        "names none",
        named,
    ]


def _times(ours: dict[str, list[Row]]) -> Iterator[str]:
    rows = [row for found in ours.values() for row in found if row.get("work_s")]
    leaks = [row["work_s"] for row in rows if row.get("verdict") == "leak"]
    clean = [row["work_s"] for row in rows if row.get("verdict") in ("clean", "bounded")]
    if leaks and clean:
        yield (
            f"CPU time of a check, median and worst: {median(leaks):.1f} s and {max(leaks):.1f} s "
            f"for a leak (at most {LEAK_WORK_S:.0f} s at the median are allowed), "
            f"{median(clean):.1f} s and {max(clean):.1f} s for a clean route "
            f"({CLEAN_WORK_S:.0f} s)."
        )


if __name__ == "__main__":
    main()
