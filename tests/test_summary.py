"""summary: objects by type, as tables."""

from __future__ import annotations

import gc
import io
import sys
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from pympler import summary


def make_class() -> type:
    class Twin:
        pass

    return Twin


class Meta(type):
    def __eq__(cls, other: object) -> bool:
        raise AssertionError("compared")

    def __hash__(cls) -> int:
        raise AssertionError("hashed")


class Hostile(metaclass=Meta):
    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(name)

    def __repr__(self) -> str:
        raise AssertionError("printed")

    def __sizeof__(self) -> int:
        raise AssertionError("sized")


@pytest.fixture
def own_representation() -> Iterator[None]:
    summary.representations[int] = [lambda number: "even" if number % 2 == 0 else "odd"]
    yield
    del summary.representations[int]


def test_objects_are_counted_by_type() -> None:
    rows = summary.summarize([[], [], "text", 1000])
    assert [list(row) for row in rows] == [
        ["list", 2, 2 * sys.getsizeof([])],
        ["str", 1, sys.getsizeof("text")],
        ["int", 1, sys.getsizeof(1000)],
    ]


def test_two_classes_of_one_name_have_a_row_each() -> None:
    one, other = make_class(), make_class()
    rows = summary.summarize([one(), one(), other()])
    assert [row[1] for row in rows] == [2, 1]
    assert rows[0][0] == rows[1][0]
    found = summary.get_diff(rows, summary.summarize([one(), other(), other()]))
    assert [row[1] for row in found] == [-1, 1]


def test_a_summary_keeps_no_class_alive() -> None:
    twin = make_class()
    gone = weakref.ref(twin)
    rows = summary.summarize([twin()])
    del twin
    gc.collect()
    assert gone() is None
    assert rows[0][1] == 1


def test_what_is_gone_is_negative_and_what_stays_is_zero() -> None:
    left = summary.summarize([[], "a"])
    right = summary.summarize(["a", 2.5])
    assert sorted([list(row) for row in summary.get_diff(left, right)]) == [
        ["float", 1, 24],
        ["list", -1, -sys.getsizeof([])],
        ["str", 0, 0],
    ]
    plain = summary.get_diff([["list", 1, 56]], [["list", 3, 168], ["dict", 1, 64]])
    assert [list(row) for row in plain] == [["list", 2, 112], ["dict", 1, 64]]


def test_hostile_objects_are_counted() -> None:
    rows = summary.summarize([Hostile(), Hostile(), []])
    assert [row[1] for row in rows] == [2, 1]


def test_the_table() -> None:
    rows = [["dict", 2, 560], ["list", 10, 2048]]
    assert list(summary.format_(rows)) == [
        "  types |   # objects |   total size",
        "======= | =========== | ============",
        "   list |          10 |      2.00 KB",
        "   dict |           2 |    560     B",
    ]
    assert next(iter(list(summary.format_(rows, sort="#", order="ascending"))[2:])).startswith(
        "   dict"
    )
    assert len(list(summary.format_(rows, limit=1))) == 3
    assert list(summary.format_(rows, sort="type"))[2].startswith("   list")
    out = io.StringIO()
    summary.print_(rows, stream=out)
    assert len(out.getvalue().splitlines()) == 4


@pytest.mark.parametrize("options", [{"sort": "weight"}, {"order": "any"}])
def test_a_wrong_word_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="should be"):
        summary.print_([], **options)  # type: ignore[arg-type]


def test_representations_can_be_extended(own_representation: None) -> None:
    rows = summary.summarize([1001, 1002, 1003])
    assert [(row[0], row[1]) for row in rows] == [("odd", 2), ("even", 1)]


def test_representations() -> None:
    assert summary._repr({}) == "dict"
    assert summary._repr({1: 2}, verbosity=2) == "dict, len=1"
    assert summary._repr(make_class) == "function (make_class)"
    assert summary._repr(make_class, 2).endswith("test_summary.make_class)")
    assert summary._repr(sys) == "module(sys)"
    assert summary._repr(int) == "int"
    assert " at 0x" not in summary._repr(make_class()())
    assert "raised" in summary._repr(Hostile())
