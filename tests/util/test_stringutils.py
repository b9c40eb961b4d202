"""The texts of Pympler 1.1's helpers."""

from __future__ import annotations

import pytest

from pympler.util.stringutils import pp, pp_timestamp, safe_repr, trunc
from pympler.util.text import clip
from pympler.util.text import safe_repr as clipped_repr


class Raises:
    def __repr__(self) -> str:
        raise ValueError("no")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "   0     B"),
        (1023, "1023     B"),
        (1024, "   1.00 KB"),
        (-2048, "  -2.00 KB"),
        (1024**5, "   1.00 PB"),
        (1024**7, "1024.00 EB"),
    ],
)
def test_bytes_have_a_fixed_width(size: int, text: str) -> None:
    assert pp(size) == text


def test_the_base_may_be_another() -> None:
    assert pp(2000, base=1000) == "   2.00 KB"


def test_times() -> None:
    assert pp_timestamp(None) == ""
    assert pp_timestamp(0) == "00:00:00.00"
    assert pp_timestamp(86400 + 1.25) == "24:00:01.25"


def test_texts_are_cut() -> None:
    assert trunc("short", 10) == "short"
    assert trunc("two\nlines", 20) == "two|lines"
    assert trunc("abcdef", 2) == "..."
    assert trunc(Raises(), 10) == "N/A"
    assert safe_repr(Raises()) == "N/A"
    assert safe_repr([1, 2]) == "[1, 2]"


def test_a_repr_that_raises_is_said() -> None:
    assert clipped_repr(Raises()).startswith("<tests.util.test_stringutils.Raises at 0x")
    assert "ValueError" in clipped_repr(Raises(), 0)
    assert clipped_repr("x" * 100, 20) == "'xxxxxxx....xxxxxxx'"
    assert clip("abc", 0) == "abc"
    assert clip("abcdef", 3) == "...."
