"""Slots whose value is replaced by a larger one."""

from __future__ import annotations

from typing import Any

import pytest

from pympler.leaks.check.slots import growing_slots, read_slots, slot_readers


class Holder:
    value: Any = None


VALUES: list[list[Any]] = [
    ["x" * 200, "x" * 300, "x" * 400],
    [b"x" * 200, b"x" * 300, b"x" * 400],
    [1 << 2000, 1 << 3000, 1 << 4000],
    [(0,) * 20, (0,) * 30, (0,) * 40],
    [dict.fromkeys(range(20)), dict.fromkeys(range(30)), dict.fromkeys(range(40))],
    [frozenset(range(20)), frozenset(range(30)), frozenset(range(40))],
]


@pytest.mark.parametrize("with_dict", [False, True])
@pytest.mark.integration  # scans the heap of the whole test run
def test_attributes_that_grow_are_found_and_read_again(with_dict: bool) -> None:
    holders = [Holder() for _ in VALUES]
    if with_dict:
        for holder in holders:
            vars(holder)["value"] = None
    scans = []
    for values in zip(*VALUES, strict=True):
        for holder, value in zip(holders, values, strict=True):
            holder.value = value
        scans.append(read_slots())
    growing = growing_slots(*scans)
    found = [read() for read in slot_readers(growing).values()]
    for holder in holders:
        assert any(value is holder.value for value in found)
    assert all(gained > 0 for gained in growing.values())


def test_what_does_not_grow_in_each_scan_is_left_out() -> None:
    scans = [{(1, 2): 200}, {(1, 2): 300}, {(1, 2): 250}]
    assert growing_slots(*scans) == {}
    assert growing_slots({(1, 2): 200}, {}) == {}


def test_a_slot_of_an_owner_that_is_gone_has_no_reader() -> None:
    assert slot_readers([(1, 0)]) == {}
