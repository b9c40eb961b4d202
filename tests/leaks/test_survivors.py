"""Survivors: births followed through sweeps and collections written by hand."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from pympler.leaks.listing import Listing
from pympler.leaks.marks import Fence, Marks
from pympler.leaks.report import TypeCount
from pympler.leaks.survivors import Followed, Followers, TypeInfo, TypeNames, count_by_type
from pympler.leaks.window import Sweep, Window
from tests.leaks.values import births, capture, listing, sweep

STARTS = [Fence(), Fence(), Fence()]
ENDS = [Fence(), Fence(), Fence()]
START, LATER_START, LAST_START = map(id, STARTS)
END, LATER_END, LAST_END = map(id, ENDS)


def followed(young: tuple[int, ...] = (), aged: tuple[int, ...] = ()) -> Followed[str]:
    return Followed("key", 0.0, Window(), births(*aged), births(*young))


def test_a_collection_moves_on_what_was_looked_up_before() -> None:
    one = followed(young=(1, 3))

    one.pass_collection(capture(1), None)

    assert (list(one.aged), one.young, one.settled) == ([1, 3], {}, {})
    assert one.collected


def test_births_are_settled_once_they_outlived_a_second_look() -> None:
    one = followed(young=(1, 2))
    one.pass_collection(capture(1), None)

    one.pass_collection(capture(2), {2, 77})

    assert (list(one.settled), one.aged) == ([2], {})
    assert one.collected


@pytest.mark.parametrize("generation", [1, 2])
def test_a_larger_collection_takes_them_out_of_sight(generation: int) -> None:
    one = followed(young=(1,), aged=(2,))

    one.pass_collection(capture(1, generation=generation), None)

    assert sorted(one.settled) == [1, 2]
    assert not one.collected


def test_a_collection_that_finds_nothing_left_proves_nothing() -> None:
    one = followed()

    one.pass_collection(capture(1), None)

    assert not one.passed


@pytest.fixture
def followers(monkeypatch: pytest.MonkeyPatch) -> Followers[str]:
    def flat_sizes(wanted: set[int], generation: int) -> dict[int, int]:
        return {item: 48 for item in wanted if generation == 1 and item in OLD}

    monkeypatch.setattr("pympler.leaks.survivors.flat_sizes", flat_sizes)
    OLD.clear()
    return Followers(most_waiting=3, longest_wait_s=10.0)


OLD: list[int] = []


def follow(
    followers: Followers[str],
    key: str,
    *,
    aged: tuple[int, ...] = (),
    at_s: float = 0.0,
    fence: int = 0,
) -> None:
    window = Window(aged=listing(*aged) if aged else None, fence=STARTS[fence], end=ENDS[fence])
    followers.follow(key, window, at_s)


def settled(followers: Followers[str], at_s: float, **options: Any) -> dict[str, list[int]]:
    return {each.key: sorted(each.survivors) for each in followers.settle(at_s, **options)}


def test_a_window_without_births_is_settled_at_once(followers: Followers[str]) -> None:
    follow(followers, "empty")
    followers.advance(sweep(START, END, 1))

    (only,) = followers.settle(0.0)
    assert (only.survivors, only.rechecked, only.fault) == ({}, "alive", "")


def test_each_look_takes_what_stands_between_the_fences(followers: Followers[str]) -> None:
    follow(followers, "a")

    followers.advance(sweep(START, 1, 2, END))
    followers.advance(sweep(9, START, 2, END, 1))

    assert settled(followers, 0.0, everything=True) == {"a": [2]}


def test_an_id_behind_the_fence_is_another_object(followers: Followers[str]) -> None:
    follow(followers, "a")

    followers.advance(sweep(START, END, 1))

    assert settled(followers, 0.0) == {"a": []}


def test_each_window_has_fences_of_its_own(followers: Followers[str]) -> None:
    follow(followers, "a", fence=0)
    follow(followers, "b", fence=1)
    follow(followers, "c", fence=2)

    # The second window begins within the first one, the third one before both.
    young = (LAST_START, 1, START, 2, LATER_START, 3, END, 4, LATER_END, 5, LAST_END, 6)
    followers.advance(sweep(*young))

    assert {
        key: [item for item in found if item < 9]
        for key, found in settled(followers, 0.0, everything=True).items()
    } == {"a": [2, 3], "b": [3, 4], "c": [1, 2, 3, 4, 5]}


def test_births_are_looked_at_together_when_it_is_time(followers: Followers[str]) -> None:
    follow(followers, "a", at_s=0.0)
    assert not followers.is_due(9.0)
    assert followers.is_due(11.0)
    follow(followers, "b", aged=(2,), at_s=0.0)
    assert followers.is_due(0.0)


@pytest.mark.parametrize("young", [(1, 2), (START, 1, 2), (1, 2, END)])
def test_a_look_without_the_fences_is_a_fault(
    followers: Followers[str], young: tuple[int, ...]
) -> None:
    follow(followers, "a")

    followers.advance(sweep(*young))

    (only,) = followers.settle(0.0)
    assert (only.survivors, "fence" in only.fault) == ({}, True)


def test_births_are_settled_after_a_collection(followers: Followers[str]) -> None:
    follow(followers, "a")
    followers.advance(sweep(START, 1, 2, END, 3))
    assert settled(followers, 1.0) == {}

    followers.advance(sweep(7, captures=(capture(1, START, 1, 2, END, 5),)))
    OLD.extend([1, 44])

    (only,) = followers.settle(1.0)
    assert (list(only.survivors), only.rechecked) == ([1], "collected")


def test_only_the_first_of_several_collections_knows_the_fences(
    followers: Followers[str],
) -> None:
    follow(followers, "a")

    first, second = capture(1, START, 1, 2, END), capture(2, 1, 2, old=[1])
    followers.advance(sweep(captures=(first, second)))

    assert settled(followers, 1.0) == {"a": [1]}


def test_who_waits_too_long_is_settled_as_it_is(followers: Followers[str]) -> None:
    follow(followers, "a", at_s=0.0, fence=0)
    follow(followers, "b", at_s=6.0, fence=1)

    followers.advance(sweep(START, 1, END, LATER_START, 2, LATER_END))
    (only,) = followers.settle(11.0)

    assert (only.key, list(only.survivors), only.rechecked) == ("a", [1], "alive")
    assert len(followers) == 1


def test_the_number_of_those_who_wait_is_bounded(followers: Followers[str]) -> None:
    for number in range(5):
        follow(followers, f"{number}")

    assert followers.is_due(0.0)
    followers.advance(sweep(START, 1, END))
    # One would be enough of those that wait, but the next would be one too many again.
    assert list(settled(followers, 0.0)) == ["0", "1", "2", "3"]
    assert len(followers) == 1
    assert not followers.is_due(0.0)


def test_so_is_the_number_of_marks_that_they_hold(followers: Followers[str]) -> None:
    for number in range(3):
        followers.follow(f"{number}", Window(marks=Marks(), last_mark=1400, end=Fence()), 0.0)

    assert followers.is_due(0.0)
    followers.settle(0.0)
    assert len(followers) == 0


def test_births_that_grew_old_within_the_request_wait_for_a_look(followers: Followers[str]) -> None:
    follow(followers, "a", aged=(1, 2))
    assert followers.any_aged
    OLD.append(2)

    assert settled(followers, 0.0) == {"a": [2]}
    assert not followers.any_aged


def test_our_own_objects_are_left_out() -> None:
    followers: Followers[str] = Followers()
    window = Window(end=Fence())
    followers.follow("a", window, 0.0)
    ids, types = [id(window.fence), 1, 2, id(window.end)], [Fence, TypeNames, dict, Fence]
    followers.advance(Sweep([], Listing(ids, types)))

    (only,) = followers.settle(0.0, everything=True)

    assert list(only.survivors) == [2]


def test_a_name_is_remembered_without_the_type() -> None:
    names = TypeNames()
    kind = type("Made", (), {"__module__": "shop"})
    gone = weakref.ref(kind)

    assert names(kind).name == "shop.Made"
    assert names(kind) is names(kind)
    del kind
    gc.collect()

    assert gone() is None


def test_an_address_that_is_used_again_gets_its_own_name() -> None:
    names = TypeNames()
    for number in range(5):
        kind = type(f"Made{number}", (), {"__module__": "shop"})
        assert names(kind).name == f"shop.Made{number}"
        del kind
        gc.collect()


def test_rows_are_sorted_by_bytes() -> None:
    survivors = {1: TypeInfo("A", 16), 2: TypeInfo("A", 16), 3: TypeInfo("B", 48)}

    assert count_by_type(survivors, {1: 100, 2: 60, 3: 500}) == (
        TypeCount("B", 1, 500),
        TypeCount("A", 2, 160),
    )


def test_a_size_that_is_not_known_is_that_of_its_like_or_the_smallest() -> None:
    survivors = {number: TypeInfo("A", 16) for number in (1, 2, 3)}

    assert count_by_type(survivors, {1: 100, 2: 100}) == (TypeCount("A", 3, 300),)
    assert count_by_type(survivors, {}) == (TypeCount("A", 3, 48),)
