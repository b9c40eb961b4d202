"""Marks: which births stand within the steps of a request; listings written by hand."""

from __future__ import annotations

import pytest

from pympler.leaks.marks import Begun, Ended, Fence, Marks, between_marks
from pympler.leaks.window import Part, Window
from tests.leaks.values import capture, listing


def places(*marks: object) -> list[int]:
    return [id(mark) for mark in marks]


def test_what_stands_between_two_marks_is_of_the_request() -> None:
    marks: list[Begun | Ended] = [Begun(), Ended(), Begun(), Ended()]
    one, two, three, four = places(*marks)

    found = between_marks(listing(1, one, 2, 3, two, 4, three, 5, four, 6), marks, 0)

    assert (found.ids, len(found.types)) == ([2, 3, 5], 3)


def test_a_step_that_a_collection_cuts_goes_on_behind_it() -> None:
    marks: list[Begun | Ended] = [Begun(), Ended()]
    one, two = places(*marks)

    assert between_marks(listing(1, one, 2), marks[:1], 0).ids == [2]
    assert between_marks(listing(3, two, 4), marks[1:], 1).ids == [3]


def test_steps_in_two_threads_may_overlap() -> None:
    marks: list[Begun | Ended] = [Begun(), Begun(), Ended(), Ended()]
    a, b, c, d = places(*marks)

    assert [
        i for i in between_marks(listing(1, a, 2, b, 3, c, 4, d, 5), marks, 0).ids if i < 9
    ] == [
        2,
        3,
        4,
    ]


def test_a_mark_that_is_missing_stands_where_the_listing_begins() -> None:
    marks: list[Begun | Ended] = [Begun(), Ended()]

    assert between_marks(listing(1, id(marks[1]), 2), marks, 0).ids == [1]
    assert between_marks(listing(1, 2), marks, 0).ids == []


@pytest.fixture
def window() -> Window:
    return Window(marks=Marks(), own=Part(), end=Fence())


def test_a_window_keeps_its_own_through_collections(window: Window) -> None:
    marks = window.marks
    assert marks is not None
    start, end = places(window.fence, window.end)
    marks.begin()
    marks.cut(1)
    marks.end()
    marks.begin()
    marks.end()
    one, two, three, four = places(*marks.fences)
    window.last_mark = 4

    window.absorb(capture(1, start, 1, one, 2))
    young = listing(3, two, 4, three, 5, four, 6, end, 7)
    whole = (window.aged and window.aged.ids, window.look_up(young)[0].ids)
    window.keep_own()

    assert whole == ([1, one, 2], [3, two, 4, three, 5, four, 6])
    assert window.aged is not None
    assert (window.aged.ids, window.look_up(young)[0].ids, window.fault) == ([2], [3, 5], "")


def test_a_mark_that_is_made_later_is_none_of_the_window(window: Window) -> None:
    marks = window.marks
    assert marks is not None
    marks.begin()
    window.last_mark = 1
    marks.end()  # by a thread that goes on after the request has ended
    one, _ = places(*marks.fences)
    start, end = places(window.fence, window.end)

    window.keep_own()

    assert window.look_up(listing(start, 1, one, 2, end))[0].ids == [2]


def test_what_went_out_of_sight_is_counted_of_its_own_only(window: Window) -> None:
    marks = window.marks
    assert marks is not None
    marks.begin()
    marks.end()
    marks.cut(1)
    one, two = places(*marks.fences)
    window.last_mark = 2

    window.absorb(capture(1, id(window.fence), one, 2, 3, two, 4, 5, 6, generation=2))
    window.keep_own()

    assert (window.unfollowed, window.look_up(listing(7, id(window.end)))[0].ids) == (2, [])


def test_a_collection_that_nobody_took_note_of_is_a_fault_and_no_guess(window: Window) -> None:
    window.absorb(capture(3, id(window.fence), 1))
    window.keep_own()

    assert "too many" in window.fault


def test_an_endless_stream_is_given_up_and_lets_go_of_its_marks() -> None:
    marks = Marks()
    for _ in range(5000):
        marks.begin()
        marks.end()

    assert marks.given_up
    assert marks.fences == []
    for epoch in range(10):
        marks.cut(epoch)
    assert marks.until(5, 0) is None
