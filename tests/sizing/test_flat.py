"""Flat sizes of single objects."""

from __future__ import annotations

import sys
from collections import OrderedDict, deque
from typing import Any

import pytest

from pympler.sizing.flat import GC_HEADER_BYTES, flat_size


class Plain:
    pass


class Slotted:
    __slots__ = ("a", "b")


class MuchLarger(list):  # type: ignore[type-arg]
    def __sizeof__(self) -> int:
        raise AssertionError("asked the user's __sizeof__")


class EqRaises(type):
    def __eq__(cls, other: object) -> bool:
        raise AssertionError("compared with the user's class")

    def __hash__(cls) -> int:
        raise AssertionError("hashed the user's class")


class Odd(metaclass=EqRaises):
    pass


class OddSize:
    __sizeof__: Any = Odd()


@pytest.mark.parametrize(
    "item",
    [
        *([], [1] * 100, {}, dict.fromkeys(range(50)), set(range(50)), (1, 2)),
        *("text", b"x" * 99, 10**50, 1.5, deque(range(200)), OrderedDict.fromkeys(range(20))),
        *(Plain(), Slotted(), Plain, len),
    ],
    ids=lambda item: type(item).__name__,
)
def test_the_size_is_what_the_interpreter_says(item: object) -> None:
    assert flat_size(item) == sys.getsizeof(item)


@pytest.mark.parametrize("item", [MuchLarger([1, 2, 3]), OddSize()], ids=["raises", "odd"])
def test_a_sizeof_made_in_python_is_not_asked(item: object) -> None:
    assert flat_size(item) == type(item).__basicsize__ + GC_HEADER_BYTES
