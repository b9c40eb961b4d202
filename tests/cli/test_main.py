"""The command as a whole."""

from __future__ import annotations

import argparse

import pytest

from pympler import cli


def test_a_fault_of_ours_does_not_pass_for_a_leak(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(arguments: argparse.Namespace) -> int:
        raise LookupError("no such thing")

    monkeypatch.setattr(cli, "run_parsed", run)
    assert cli.main(["heap", "x"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback")
    assert lines[-2:] == [
        "LookupError: no such thing",
        "pympler: this is a fault of Pympler, not of the application",
    ]
