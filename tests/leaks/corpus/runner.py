"""Runs cases of the corpus, each in a process of its own: ``python -m tests.leaks.corpus.runner``.

Results are lines of JSON. With ``--out`` they are added to a file, and what stands there already
is not run again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.leaks.corpus.cases import CASES, FOLDER, Case, expected_line, holds

__all__ = ["check_in_process", "faults", "run_cases"]

ROOT = FOLDER.parents[2]
TIMEOUT_S = 900.0
MOST_REQUESTS = 2000
LEAST_S = 5.0  # the default of a check
Result = dict[str, Any]

# In the child: what each case costs is measured there, without the start of the interpreter.
CHILD = """
import contextlib, json, os, sys, time
from pympler.leaks.check import Limits, check, load_application
name, least_s, paths = json.loads(sys.argv[1])
with contextlib.redirect_stdout(sys.stderr):
    application = load_application(name)
for path in paths:
    work, wall = time.process_time(), time.monotonic()
    with contextlib.redirect_stdout(sys.stderr):
        result = check(application, [path], limits=Limits(least_s=least_s))
    row = result.to_dict()["routes"][0] if result.routes else {"error": result.error}
    row["work_s"] = round(time.process_time() - work, 2)
    row["wall_s"] = round(time.monotonic() - wall, 2)
    row["evidence"] = [one.evidence for route in result.routes for one in route.suspects]
    print(json.dumps(row), flush=True)
os._exit(0)  # threads that a case leaves behind would keep the process
"""


def faults(case: Case, result: Result) -> str:
    """What is wrong with a result, empty if it is right."""
    verdict = result.get("verdict")
    if result.get("error"):
        return f"failed: {result['error']}"
    if not case.leaks:
        return f"accused: {result['headline']}" if verdict in ("leak", "native") else ""
    if verdict != "leak":
        return f"missed: {result['headline']}"
    suspect = result["suspects"][0]
    if not holds(case, suspect["holder"]):
        return f"holder: {suspect['holder']}"
    line = expected_line(case)
    if line is not None and suspect["stored_at"] != line:
        return f"line: {suspect['stored_at']}, not {line}"
    if result["requests"] > MOST_REQUESTS:
        return f"took {result['requests']} requests"
    return ""


def run_cases(
    names: Sequence[str], python: str = sys.executable, jobs: int = 1
) -> Iterator[tuple[Case, Result]]:
    """Run cases, each in a process of its own, and give their results as they come."""
    with ThreadPoolExecutor(jobs) as pool:
        cases = [CASES[name] for name in names]
        found = pool.map(lambda case: check_in_process([case], python, LEAST_S)[0], cases)
        yield from zip(cases, found, strict=True)


def check_in_process(
    cases: Sequence[Case], python: str = sys.executable, least_s: float = 0.0
) -> list[Result]:
    """Check some cases of one application, one after the other in one process."""
    given = [cases[0].application, least_s, [case.path for case in cases]]
    try:
        done = subprocess.run(
            [python, "-c", CHILD, json.dumps(given)],
            cwd=FOLDER,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(FOLDER), str(ROOT)])},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
        )
        lines, problem = done.stdout.splitlines(), f"no result: {done.stderr[-2000:]}"
    except subprocess.TimeoutExpired:
        lines, problem = [], f"took more than {TIMEOUT_S:.0f} s"
    rows: list[Result] = [json.loads(line) for line in lines]
    rows += [{"error": problem, "requests": 0} for _ in cases[len(rows) :]]
    return [{"case": case.name, **row} for case, row in zip(cases, rows, strict=True)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="cases, or the beginnings of their names")
    parser.add_argument("--out", type=Path, help="a file of lines of JSON, to be continued")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--python", default=sys.executable)
    arguments = parser.parse_args()
    names = [
        name
        for name in CASES
        if not arguments.names or any(name.startswith(given) for given in arguments.names)
    ]
    if arguments.out is not None and arguments.out.exists():
        done = {json.loads(line)["case"] for line in arguments.out.read_text().splitlines()}
        names = [name for name in names if name not in done]
    failed = 0
    for case, result in run_cases(names, arguments.python, arguments.jobs):
        fault = faults(case, result)
        failed += bool(fault)
        print(
            f"{case.name:32} {result.get('verdict')!s:15} {result.get('requests'):5} requests "
            f"{result.get('work_s', 0):6.2f} s  {fault or 'ok'}",
            flush=True,
        )
        if arguments.out is not None:
            with arguments.out.open("a") as file:
                file.write(json.dumps({**result, "fault": fault}) + "\n")
    print(f"{len(names) - failed} of {len(names)} are right")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
