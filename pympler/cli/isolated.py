"""Checks each route in a process of its own, so that none sees what another did to it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence

from pympler.leaks.check import CheckResult, RouteResult
from pympler.leaks.plain import from_dict

__all__ = ["check_isolated"]


def check_isolated(
    routes: Sequence[tuple[str, str, Sequence[str]]],
    common: Sequence[str],
    progress: Callable[[str], None],
) -> CheckResult:
    """Run a check for each route, one after the other.

    Args:
        routes: method, path and the arguments of the command line that name it.
        common: the arguments that all have in common, the application first.
        progress: called with a few words on what is done now.
    """
    results: tuple[RouteResult, ...] = ()
    problem = None
    for method, path, arguments in routes:
        progress(f"{method} {path}".strip())
        found = _run([*common, *arguments])
        if isinstance(found, str):
            name = f"{method} {path}".strip()
            headline, error = f"{name} failed: {found}", f"{path} {found}"
            results += (RouteResult(path, method, None, 0, None, headline, error=error),)
            continue
        if not found.routes:
            return CheckResult(results, found.error)
        results += found.routes
        problem = problem or found.error
    return CheckResult(results, problem)


def _run(arguments: Sequence[str]) -> CheckResult | str:
    """The result of a check in another process, or how that process ended without one."""
    done = subprocess.run(
        [sys.executable, "-m", "pympler", "check", *arguments, "--whole-result"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=False,
    )
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    try:
        data = json.loads(lines[-1])
        return str(data["ended"]) if "ended" in data else from_dict(CheckResult, data)
    except (IndexError, ValueError):
        return f"ended the process: {_status(done.returncode)}"


def _status(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
