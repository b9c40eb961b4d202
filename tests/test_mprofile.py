"""mprofile: memory at calls and returns."""

from __future__ import annotations

import sys

import pytest

from pympler.mprofile import MProfiler

SOURCE = """
def work():
    return [0] * 10

for _ in range(3):
    work()
"""


def rows_of(profiler: MProfiler, function: str) -> list[int]:
    (row,) = [row for place, row in profiler.memories.items() if place[1] == function]
    return row


def test_calls_and_returns_are_noted() -> None:
    profiler = MProfiler()
    assert profiler.run(SOURCE) is profiler
    events, least, most, _ = rows_of(profiler, "work")
    assert events == 6
    assert 0 < least <= most


def test_events_can_be_chosen() -> None:
    assert rows_of(MProfiler(events=["call"]).run(SOURCE), "work")[0] == 3


def test_places_can_be_chosen() -> None:
    profiler = MProfiler(codepoints=[(None, "work", None)]).run(SOURCE)
    assert [place[1] for place in profiler.memories] == ["work"]
    assert profiler.codepoint_included(("any.py", "work", 5))
    assert not profiler.codepoint_included(("any.py", "rest", 5))


def test_what_was_set_is_set_again() -> None:
    before = sys.getprofile()
    with pytest.raises(ZeroDivisionError):
        MProfiler().run("1 / 0")
    assert sys.getprofile() is before
