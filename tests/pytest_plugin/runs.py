"""Runs of pytest in a process of its own, with a small heap and no plugins but ours."""

from __future__ import annotations

from pathlib import Path

import pytest

__all__ = ["QUICK", "run", "run_here"]

# Suspects are watched for a short time: how long that must be is the procedure's to test.
QUICK = """
from dataclasses import fields, replace

from pympler_pytest import repetition

wanted = {"least": 250, "most": 500, "total": 1000, "extra_s": 0.0, "least_s": 0.0}
known = {field.name for field in fields(repetition.LIMITS)}
repetition.LIMITS = replace(
    repetition.LIMITS, **{name: value for name, value in wanted.items() if name in known}
)
"""


def run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *arguments: str | Path
) -> pytest.RunResult:
    """What pytest says, run in the folder of ``pytester`` with our plugin."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return pytester.runpytest_subprocess("-p", "pympler_pytest.plugin", *arguments, timeout=120)


def run_here(pytester: pytest.Pytester, *arguments: str | Path) -> pytest.RunResult:
    """What pytest says, run in this process, which takes a tenth of the time."""
    without = [
        "-p",
        "no:randomly",
        "-p",
        "no:asyncio",
        "-p",
        "no:xdist",
        "-p",
        "no:hypothesispytest",
    ]
    return pytester.runpytest_inprocess(*without, *arguments)
