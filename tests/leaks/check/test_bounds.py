"""Bounds that are read from attributes and from code, none of which is called."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pympler.leaks.bounds import code_bounds, lifetime_s, owner_bound
from pympler.leaks.check.candidates import name_objects

MOST = 7000
CLEARED: dict[int, int] = {}
REPLACED: list[int] = []
DELETED: dict[int, int] = {}
COUNTED: dict[int, int] = {}
LOOKED_AT: dict[int, int] = {}


def clears(n: int) -> None:
    if len(CLEARED) > MOST:
        CLEARED.clear()
    CLEARED[n] = n


def replaces(n: int) -> None:
    global REPLACED
    if len(REPLACED) >= 6000:
        REPLACED = REPLACED[-10:]
    REPLACED.append(n)


def deletes(n: int) -> None:
    while len(DELETED) >= 5000:
        del DELETED[next(iter(DELETED))]
    DELETED[n] = n


def counts(n: int) -> bool:
    COUNTED[n] = n
    return len(COUNTED) > 9000  # and takes nothing away


def looks(n: int) -> None:
    LOOKED_AT[n] = n
    if n > 9000:  # another number than its length
        LOOKED_AT.pop(n)


class Owner:
    limit = 4000

    def __init__(self) -> None:
        self._rows: OrderedDict[int, int] = OrderedDict()

    def add(self, n: int) -> None:
        self._rows[n] = n
        self._trim()

    def _trim(self) -> None:
        while len(self._rows) > self.limit:
            self._rows.popitem(last=False)


OWNER = Owner()


def remembering(function: Callable[[int], int]) -> Callable[[int], int]:
    known: dict[int, int] = {}

    def look(n: int) -> int:
        if len(known) == 2500:
            known.popitem()
        return known.setdefault(n, function(n))

    return look


REMEMBERED = remembering(abs)


@pytest.mark.parametrize(
    ("container", "bounds"),
    [
        (CLEARED, (7000,)),
        (REPLACED, (6000,)),
        (DELETED, (5000,)),
        (COUNTED, ()),
        (LOOKED_AT, ()),
        (OWNER._rows, (4000,)),
        (REMEMBERED.__closure__[1].cell_contents, (2500,)),  # type: ignore[index]
    ],
)
def test_what_code_compares_a_length_with(container: Any, bounds: tuple[int, ...]) -> None:
    name = name_objects({id(container): container})[id(container)]

    assert name.declared.code == bounds, name.text


class Properties:
    @property
    def maxsize(self) -> int:
        raise AssertionError

    ttl = maxsize


class Mangled:
    def __init__(self) -> None:
        self.__ttl = timedelta(minutes=1)
        self._max_entries = 3


@pytest.mark.parametrize(
    ("owner", "bound", "seconds"), [(Properties(), None, 0.0), (Mangled(), 3, 60.0)]
)
def test_what_the_owner_declares(owner: Any, bound: int | None, seconds: float) -> None:
    objects = [sys, owner, {}]

    assert (owner_bound(objects), lifetime_s(objects)) == (bound, seconds)


def test_what_has_no_name_has_no_bound_in_code() -> None:
    assert code_bounds("shop.rows[0]", [sys, [], {}]) == ()
