"""Holders: what keeps survivors alive, and what only follows them."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any

import pytest

from pympler.leaks.holders import find_holders

HERE = __name__


class Task:
    pass


KEPT: list[Task] = []
SHARDS: list[list[tuple[int, list[int]]]] = [[] for _ in range(6)]
LOOPS: dict[str, asyncio.AbstractEventLoop] = {}
ALL: weakref.WeakSet[Task] = weakref.WeakSet()
NOTES: weakref.WeakKeyDictionary[Task, list[object]] = weakref.WeakKeyDictionary()


def test_a_weak_set_holds_nothing_of_what_is_in_it() -> None:
    groups = []
    try:
        for _ in range(6):
            task = Task()
            KEPT.append(task)
            ALL.add(task)
            groups.append([id(task), *map(id, weakref.getweakrefs(task))])
        (found,) = find_holders([groups])
    finally:
        KEPT.clear()

    assert [holder.path for holder in found.holders] == [f"{HERE}.KEPT"]


def test_what_a_loop_is_about_to_run_is_held_by_nobody() -> None:
    loop = LOOPS["main"] = asyncio.new_event_loop()
    try:
        soon = [[id(loop.call_soon(Task))] for _ in range(6)]
        later = [[id(loop.call_later(60.0, Task))] for _ in range(6)]
        found = find_holders([soon, later])
    finally:
        LOOPS.pop("main").close()

    holders = [[holder.path for holder in one.holders] for one in found]
    assert holders == [[], [f"{HERE}.LOOPS['main']._scheduled"]]


def test_what_belongs_to_the_key_of_a_weak_dictionary_does_hold() -> None:
    owner = Task()
    NOTES[owner] = []
    groups = []
    for _ in range(6):
        NOTES[owner].append([object()])
        groups.append([id(NOTES[owner][-1])])
    (found,) = find_holders([groups])

    assert [holder.type for holder in found.holders] == ["list"]


def test_what_is_spread_over_several_containers_is_held_by_their_owner() -> None:
    groups = []
    try:
        for number in range(12):
            row = (number, [number])
            SHARDS[number % 6].append(row)
            groups.append([id(row), id(row[1])])
        (found,) = find_holders([groups])
        (holder,) = found.holders
        SHARDS[0].append((0, [0]))

        assert (holder.path, holder.type, holder.parts) == (f"{HERE}.SHARDS", "list", 6)
        assert holder.handle is not None
        assert holder.measure(holder.handle.resolve()) == (holder.length or 0) + 1
    finally:
        for shard in SHARDS:
            shard.clear()


class Shard:
    def __init__(self) -> None:
        self.rows: list[list[int]] = []

    def add(self, row: list[int]) -> None:
        self.rows.append(row)
        if len(self.rows) > 300:
            del self.rows[0]


OBJECTS = [Shard() for _ in range(6)]


def last_few(number: int, row: list[int]) -> None:
    rows = LAST_OF_EACH[number % 6]
    rows.append(row)
    if len(rows) > 200:
        rows.pop(0)


LAST_OF_EACH: dict[int, list[list[int]]] = {number: [] for number in range(6)}


@pytest.mark.parametrize(
    ("name", "add", "bound"),
    [
        ("LAST_OF_EACH", last_few, 200),
        ("OBJECTS", lambda number, row: OBJECTS[number % 6].add(row), 300),
    ],
)
def test_a_bound_in_the_code_of_the_parts_counts(name: str, add: Any, bound: int) -> None:
    groups = []
    for number in range(12):
        row = [number]
        add(number, row)
        groups.append([id(row)])
    (found,) = find_holders([groups])
    (holder,) = found.holders

    assert (holder.path, holder.parts) == (f"{HERE}.{name}", 6)
    assert holder.declared.code == (bound,)
