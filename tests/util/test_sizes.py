"""Bytes for people."""

from __future__ import annotations

import pytest

from pympler.util.sizes import format_bytes, format_number


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1023.7, "1.0 KB"),
        (1024, "1.0 KB"),
        (10_240, "10.0 KB"),
        (102_400, "100 KB"),
        (1024**2, "1.0 MB"),
        (1024**3, "1.0 GB"),
        (1024**4, "1.0 TB"),
        (5000 * 1024**4, "5000 TB"),
        (-4301, "-4.2 KB"),
    ],
)
def test_bytes(size: float, text: str) -> None:
    assert format_bytes(size) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (1, "1"),
        (0.25, "0.2"),
        (99.96, "100"),
        (0.0123, "0.012"),
        (-2.5, "-2.5"),
        (-0.001, "-0.001"),
    ],
)
def test_numbers(number: float, text: str) -> None:
    assert format_number(number) == text
