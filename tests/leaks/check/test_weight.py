"""What new entries of containers keep alive."""

from __future__ import annotations

import gc
import sys
from typing import Any

from pympler.leaks.check.weight import left_behind
from pympler.leaks.containers import tracked_ids


def test_left_behind_counts_new_objects_and_what_only_they_hold() -> None:
    shared = "shared by everybody " * 10
    container: list[Any] = []
    old = tracked_ids()
    for number in range(10):
        container.append({"text": f"only in here {number} " * 10, "shared": shared, "list": []})
    left = left_behind([lambda: list(container)], old)[0]
    expected = container + [row["list"] for row in container] + [row["text"] for row in container]
    assert left.objects == len(expected)
    assert left.flat_bytes == sum(map(sys.getsizeof, expected))


def test_left_behind_counts_what_two_share_for_the_first() -> None:
    old = tracked_ids()
    both: list[list[str]] = [[f"text {number}"] for number in range(5)]
    first, second = list(both), list(both)
    left = left_behind([lambda: gc.get_referents(first), lambda: gc.get_referents(second)], old)
    assert [row.objects for row in left] == [10, 0]
