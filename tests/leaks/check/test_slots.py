"""Slots whose value is replaced by a larger one."""

from __future__ import annotations

from typing import Any

import pytest

from pympler.leaks.check.slots import growing_slots, read_slots, slot_readers


class Holder:
    value: Any = None


@pytest.mark.parametrize(
    "values",
    [
        ["x" * 200, "x" * 300, "x" * 400],
        [b"x" * 200, b"x" * 300, b"x" * 400],
        [1 << 2000, 1 << 3000, 1 << 4000],
        [(0,) * 20, (0,) * 30, (0,) * 40],
        [dict.fromkeys(range(20)), dict.fromkeys(range(30)), dict.fromkeys(range(40))],
        [frozenset(range(20)), frozenset(range(30)), frozenset(range(40))],
    ],
)
@pytest.mark.parametrize("with_dict", [False, True])
@pytest.mark.integration  # scans the heap of the whole test run three times for each case
def test_an_attribute_that_grows_is_found_and_read_again(
    values: list[Any], with_dict: bool
) -> None:
    holder = Holder()
    if with_dict:
        vars(holder)["value"] = None
    scans = []
    for value in values:
        holder.value = value
        scans.append(read_slots())
    growing = growing_slots(*scans)
    readers = slot_readers(growing)
    assert any(read() is holder.value for read in readers.values())
    assert all(gained > 0 for gained in growing.values())


def test_what_does_not_grow_in_each_scan_is_left_out() -> None:
    scans = [{(1, 2): 200}, {(1, 2): 300}, {(1, 2): 250}]
    assert growing_slots(*scans) == {}
    assert growing_slots({(1, 2): 200}, {}) == {}


def test_a_slot_of_an_owner_that_is_gone_has_no_reader() -> None:
    assert slot_readers([(1, 0)]) == {}
