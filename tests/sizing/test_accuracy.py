"""Sizes are what was allocated, for all the shapes of the benchmark."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parent.parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def outcome() -> dict[str, dict[str, Any]]:
    # In a process of its own: what else is allocated while objects are made is not theirs.
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "accuracy_child.py"), "ours"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tempfile.gettempdir(),
    )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


def test_sizes_are_within_one_percent(outcome: dict[str, dict[str, Any]]) -> None:
    wrong = {
        name: row
        for name, row in outcome.items()
        if not row.get("reason")
        and max(abs(row.get("error_8", 1)), abs(row.get("error_1", 1))) > 0.01
    }
    assert wrong == {}
    assert len(outcome) > 100


def test_measuring_leaves_nothing_allocated(outcome: dict[str, dict[str, Any]]) -> None:
    # Up to 3.10 a frame stays with its code for the next call, whatever was measured.
    assert {name: row["left"] for name, row in outcome.items() if row["left"] > 4000} == {}
