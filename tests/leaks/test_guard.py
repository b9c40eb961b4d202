"""Faults of our own stay with us; everything else passes."""

from __future__ import annotations

import logging

import pytest

from pympler.leaks import guard as guard_module
from pympler.leaks.guard import guard
from tests.doubles import faults_logged


def test_a_fault_is_swallowed_and_logged_once_per_kind() -> None:
    with faults_logged() as lines:
        for _ in range(3):
            with guard("open a window"):
                raise ZeroDivisionError
        with guard("open a window"):
            raise KeyError("x")
        with guard("close a window"):
            raise KeyError("x")

    assert [line.partition(";")[0] for line in lines] == [
        "pympler could not open a window (ZeroDivisionError)",
        "pympler could not open a window (KeyError)",
        "pympler could not close a window (KeyError)",
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_is_no_fault_passes(error: type[BaseException]) -> None:
    with faults_logged() as lines, pytest.raises(error), guard("open a window"):
        raise error

    assert lines == []


def test_a_log_handler_that_raises_does_no_harm() -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("disk full")

    handler = Broken()
    logger = logging.getLogger("pympler")
    with faults_logged():
        logger.addHandler(handler)
        try:
            with guard("open a window"):
                raise ZeroDivisionError
        finally:
            logger.removeHandler(handler)


def test_the_number_of_kinds_is_bounded() -> None:
    with faults_logged() as lines:
        for number in range(guard_module._MOST_KINDS + 10):
            with guard(f"do thing {number}"):
                raise ZeroDivisionError
        assert len(guard_module._reported) == guard_module._MOST_KINDS
        guard_module._reported.clear()

    assert len(lines) == guard_module._MOST_KINDS
