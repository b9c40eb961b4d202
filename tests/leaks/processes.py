"""Code that is tried in an interpreter of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

__all__ = ["run_alone"]

ROOT = Path(__file__).resolve().parent.parent.parent


def run_alone(code: str, *arguments: object, timeout_s: float = 300.0) -> str:
    """What the code prints; whatever goes wrong in it fails the test."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout.strip()
