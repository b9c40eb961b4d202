"""Lengths of containers, read without code of the user's."""

from __future__ import annotations

import array
import functools
import queue
from collections import OrderedDict, defaultdict, deque
from io import BytesIO
from typing import Any

import pytest

from pympler.leaks.lengths import bound_of, length_of, parts_of, total_length


def forbidden(*_: object) -> Any:
    raise AssertionError("code of the application was run")


class TouchyDict(dict[Any, Any]):
    __len__ = __bool__ = __iter__ = forbidden


class Meta(type):
    __hash__ = __eq__ = forbidden


class WithMeta(list[Any], metaclass=Meta):
    pass


@functools.lru_cache(maxsize=7)
def cached(number: int) -> int:
    return number


@functools.cache
def unbounded(number: int) -> int:
    return number


@pytest.mark.parametrize(
    ("item", "length"),
    [
        ({1: 2}, 1),
        (OrderedDict.fromkeys("ab"), 2),
        (defaultdict(list, a=[]), 1),
        (TouchyDict(a=1, b=2), 2),
        (WithMeta([1, 2, 3]), 3),
        ({1, 2}, 2),
        (frozenset({1}), 1),
        (deque([1, 2]), 2),
        (bytearray(5), 5),
        (array.array("b", [1, 2]), 2),
        ("text", None),
        ((1, 2), None),
        (42, None),
        (object(), None),
    ],
    ids=lambda value: type.__dict__["__name__"].__get__(type(value)),
)
def test_the_number_of_entries(item: object, length: int | None) -> None:
    assert length_of(item) == length


def test_buffers_and_queues_grow() -> None:
    buffer, waiting = BytesIO(), queue.SimpleQueue[int]()
    before = length_of(buffer)
    buffer.write(b"x" * 5000)
    waiting.put(1)

    assert before is not None
    assert (length_of(buffer) or 0) - before >= 4900
    assert length_of(waiting) == 1


def test_a_cache_is_read_by_its_own_method() -> None:
    cached(1)
    cached(2)
    cached.cache_info = forbidden  # type: ignore[method-assign]
    try:
        assert (length_of(cached), bound_of(cached)) == (2, 7)
    finally:
        del cached.cache_info
    assert bound_of(unbounded) is None


def test_declared_bounds() -> None:
    assert bound_of(deque([1], maxlen=4)) == 4
    assert bound_of(deque([1])) is None
    assert bound_of({}) is None


COMMON = [1, 2, 3]


class Shard:
    def __init__(self) -> None:
        self.items: dict[int, str] = {}
        self.registry = COMMON


class Slotted:
    __slots__ = ("items",)

    def __init__(self) -> None:
        self.items: dict[int, object] = {}


@pytest.mark.parametrize(
    "owner",
    [
        [[1, 2], [3]],
        ([1, 2], [3]),
        {"a": deque([1, 2]), "b": {3: 4}},
    ],
    ids=["list", "tuple", "dict"],
)
def test_entries_of_what_a_container_holds(owner: Any) -> None:
    own = length_of(owner) or 0
    assert len(parts_of(owner)) == 2
    assert total_length(owner) == own + 3


@pytest.mark.parametrize("kind", [Shard, Slotted])
@pytest.mark.parametrize("value", ["text", [1, 2]])
def test_attributes_of_what_a_container_holds_but_those_in_common(kind: Any, value: Any) -> None:
    shards = [kind() for _ in range(4)]
    before = total_length(shards)
    for number in range(400):
        shards[number % 4].items[number] = value
    COMMON.append(4)

    assert total_length(shards) - before == 400
    assert vars(shards[0]) if kind is Shard else True  # and where it has a __dict__ by now
    assert total_length(shards) - before == 400


def test_no_parts_where_there_are_many_entries() -> None:
    many = [[number] for number in range(2000)]

    assert parts_of(many) == []
    assert len(parts_of(many[:500])) < 100
    assert total_length(many) == 2000
    assert parts_of([1, "text", None]) == []
