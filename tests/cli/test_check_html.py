"""``pympler check --html FILE``: the verdicts as a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_check import errors, run

pytestmark = pytest.mark.integration  # a process for each check


def test_the_page_is_written_beside_what_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    code, out, _ = run("check", "bare_wsgi:app", "--path", "/ok", "--html", str(path))
    assert code == 0
    assert "GET /ok is clean" in out
    text = path.read_text(encoding="utf-8")
    assert "No leak in 1 path" in text
    assert "pympler check bare_wsgi:app" in text


def test_a_page_that_cannot_be_written_is_an_error_before_the_check(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "report.html"
    code, _, err = run("check", "bare_wsgi:app", "--path", "/ok", "--html", str(path))
    assert code == 2
    assert "cannot be written: No such file or directory" in errors(err)[0]
