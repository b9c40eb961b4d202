"""Survivors: births followed through sweeps and collections written by hand."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from pympler.leaks.marks import Fence
from pympler.leaks.report import TypeCount
from pympler.leaks.survivors import Followed, Followers, TypeInfo, TypeNames, count_by_type
from pympler.leaks.window import Window
from tests.leaks.values import births, capture, listing, sweep

FENCES = [Fence(), Fence(), Fence()]
FENCE, LATER_FENCE, LAST_FENCE = map(id, FENCES)


def followed(young: tuple[int, ...] = (), aged: tuple[int, ...] = ()) -> Followed[str]:
    return Followed("key", 0.0, births(*young), births(*aged), FENCES[0])


def test_what_is_seen_again_in_front_of_the_fence_is_alive() -> None:
    one = followed(young=(1, 2, 3))

    one.pass_collection(capture(1, 1, 3, 9), frozenset({1, 3}))

    assert (list(one.aged), one.young, one.settled) == ([1, 3], {}, {})
    assert one.collected


def test_births_are_settled_once_they_outlived_a_second_look() -> None:
    one = followed(young=(1, 2))
    one.pass_collection(capture(1), frozenset({1, 2}))

    one.pass_collection(capture(2, old=[2, 77]), frozenset())

    assert (list(one.settled), one.aged) == ([2], {})
    assert one.collected


@pytest.mark.parametrize("generation", [1, 2])
def test_a_larger_collection_takes_them_out_of_sight(generation: int) -> None:
    one = followed(young=(1,), aged=(2,))

    one.pass_collection(capture(1, generation=generation), frozenset({1}))

    assert sorted(one.settled) == [1, 2]
    assert not one.collected


def test_a_collection_that_finds_nothing_left_proves_nothing() -> None:
    one = followed()

    one.pass_collection(capture(1), frozenset())

    assert not one.passed


@pytest.fixture
def followers(monkeypatch: pytest.MonkeyPatch) -> Followers[str]:
    monkeypatch.setattr("pympler.leaks.survivors.list_ids", lambda generation: OLD)
    monkeypatch.setattr("pympler.leaks.survivors.flat_sizes", lambda *_: {})
    OLD.clear()
    return Followers(most_waiting=3, longest_wait_s=10.0)


OLD: list[int] = []


def follow(
    followers: Followers[str],
    key: str,
    *young: int,
    aged: tuple[int, ...] = (),
    at_s: float = 0.0,
    fence: int = 0,
) -> None:
    window = Window(young=listing(*young), aged=listing(*aged), end=FENCES[fence])
    followers.follow(key, window, at_s)


def settled(followers: Followers[str], at_s: float, **options: Any) -> dict[str, list[int]]:
    return {each.key: sorted(each.survivors) for each in followers.settle(at_s, **options)}


def test_a_window_without_births_is_settled_at_once(followers: Followers[str]) -> None:
    follow(followers, "empty")

    (only,) = followers.settle(0.0)
    assert (only.survivors, only.rechecked) == ({}, "alive")


def test_births_that_are_gone_at_the_next_look_are_let_go_of(followers: Followers[str]) -> None:
    follow(followers, "a", 1, 2, 3)

    followers.advance(sweep(2, FENCE, 1, 3))

    assert settled(followers, 0.0, everything=True) == {"a": [2]}


def test_an_id_behind_the_fence_is_another_object(followers: Followers[str]) -> None:
    follow(followers, "a", 1)

    followers.advance(sweep(FENCE, 1))

    assert settled(followers, 0.0) == {"a": []}


def test_each_window_has_a_fence_of_its_own(followers: Followers[str]) -> None:
    follow(followers, "a", 1, 2, fence=0)
    follow(followers, "b", 3, fence=1)
    follow(followers, "c", 4, 5, fence=2)

    # Between two fences the ids of the earlier windows are those of other objects.
    followers.advance(sweep(2, FENCE, 1, 3, LATER_FENCE, 5, LAST_FENCE, 4))

    assert settled(followers, 0.0, everything=True) == {"a": [2], "b": [3], "c": [5]}


def test_births_are_looked_at_together_when_it_is_time(followers: Followers[str]) -> None:
    follow(followers, "a", 1, at_s=0.0)
    assert not followers.is_due(9.0)
    assert followers.is_due(11.0)
    follow(followers, "b", aged=(2,), at_s=0.0)
    assert followers.is_due(0.0)


def test_a_look_without_the_fence_proves_nothing_to_be_alive(followers: Followers[str]) -> None:
    follow(followers, "a", 1)

    followers.advance(sweep(1, 2))

    assert settled(followers, 0.0) == {"a": []}


def test_births_are_settled_after_a_collection(followers: Followers[str]) -> None:
    follow(followers, "a", 1, 2)
    assert settled(followers, 1.0) == {}

    followers.advance(sweep(7, captures=(capture(1, 1, 2, FENCE, 5),)))
    OLD.extend([1, 44])

    (only,) = followers.settle(1.0)
    assert (list(only.survivors), only.rechecked) == ([1], "collected")


def test_only_the_first_of_several_collections_knows_the_fence(followers: Followers[str]) -> None:
    follow(followers, "a", 1, 2)

    first, second = capture(1, 1, 2, FENCE), capture(2, 1, 2, old=[1])
    followers.advance(sweep(captures=(first, second)))

    assert settled(followers, 1.0) == {"a": [1]}


def test_who_waits_too_long_is_settled_as_it_is(followers: Followers[str]) -> None:
    follow(followers, "a", 1, at_s=0.0)
    follow(followers, "b", 2, at_s=6.0)

    (only,) = followers.settle(11.0)

    assert (only.key, list(only.survivors), only.rechecked) == ("a", [1], "alive")
    assert len(followers) == 1


def test_the_number_of_those_who_wait_is_bounded(followers: Followers[str]) -> None:
    for number in range(5):
        follow(followers, f"{number}", number)

    assert followers.is_due(0.0)
    # One would be enough of those that wait, but the next would be one too many again.
    assert settled(followers, 0.0) == {"0": [0], "1": [1], "2": [2], "3": [3]}
    assert len(followers) == 1
    assert not followers.is_due(0.0)


def test_births_that_grew_old_within_the_request_wait_for_a_look(followers: Followers[str]) -> None:
    follow(followers, "a", aged=(1, 2))
    assert followers.any_aged
    OLD.append(2)

    assert settled(followers, 0.0) == {"a": [2]}
    assert not followers.any_aged


def test_our_own_objects_are_left_out() -> None:
    followers: Followers[str] = Followers()
    window = Window()
    window.young.ids, window.young.types = [1, 2], [TypeNames, dict]
    followers.follow("a", window, 0.0)

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
