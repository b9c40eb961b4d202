"""Containers that stay as long as they are while they are filled."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from pympler.leaks.check.places import filled, read_places

HELD: Any = None
NAME = f"{__name__}.HELD"


@pytest.mark.parametrize(
    "made",
    [
        [None] * 3000,
        # Each scans the heap of the whole test run.
        pytest.param(deque([None] * 3000, maxlen=3000), marks=pytest.mark.integration),
        pytest.param(dict.fromkeys(range(3000)), marks=pytest.mark.integration),
    ],
    ids=["list", "deque", "dict"],
)
def test_a_container_that_is_filled_is_bounded(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "HELD", made)
    before = read_places()
    for number in range(400):
        if type(made) is deque:
            made.append([number])
        else:
            made[number] = [number]

    found = [one for one in filled(before, 400, 0.5) if one.path == NAME]
    assert [(one.verdict, one.bound, one.growth) for one in found] == [("bounded", 3000, 1.0)]


def test_one_that_turns_over_is_not_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    made = [[number] for number in range(400)]
    monkeypatch.setitem(globals(), "HELD", made)
    before = read_places()
    made[:] = [[number] for number in range(400)]

    assert not any(one.path == NAME for one in filled(before, 400, 0.1))
