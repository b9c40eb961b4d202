"""The page on the plugin: each of its examples says what stands below it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.pytest_plugin.runs import QUICK, run

PAGE = Path(__file__).resolve().parents[2] / "docs" / "pytest.md"
EXAMPLE = re.compile(r"```python\n(.*?)```\n\n```text\n(.*?)```", re.DOTALL)
FILE = re.compile(r"(test_\w+)\.py")


@pytest.mark.integration
def test_the_examples_of_the_page(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))
    assert len(examples) == 6
    pytester.makeconftest(QUICK)
    for code, expected in examples:
        name = FILE.findall(expected)[0]
        pytester.makepyfile(**{name: code})
    result = run(pytester, monkeypatch, "--pympler")

    for _, expected in examples:
        lines = [line for line in expected.splitlines() if not line.startswith("*1 ")]
        result.stdout.fnmatch_lines_random(lines)
    result.assert_outcomes(failed=5, passed=5)
