"""Evidence: when a route becomes suspicious, and when a length is growth."""

from __future__ import annotations

import random

import pytest

from pympler.leaks.evidence import (
    Lengths,
    confirmation_requests,
    leaves_nothing,
    often_left,
    pack_ids,
    unpack_ids,
)
from tests.leaks.values import result


def test_a_type_is_left_often_in_five_windows_and_a_quarter_of_all() -> None:
    order, nothing = result({"Order": 1}), result()

    assert often_left([order] * 4) == {}
    assert often_left([order] * 5) == {"Order": 5}
    assert often_left([order] * 5 + [nothing] * 15) == {"Order": 5}
    assert often_left([order] * 5 + [nothing] * 16) == {}


def test_each_type_counts_by_itself() -> None:
    windows = [result({"A": 9})] * 3 + [result({"B": 1, "A": 1})] * 5

    assert often_left(windows) == {"A": 8, "B": 5}


def test_a_stray_survivor_does_not_stain_a_clean_route() -> None:
    stray, nothing = result({"Order": 1}), result()

    assert not leaves_nothing([nothing] * 4)
    assert leaves_nothing([nothing] * 5)
    assert leaves_nothing([stray, *[nothing] * 4])
    assert not leaves_nothing([stray] * 2 + [nothing] * 4)


@pytest.mark.parametrize(("until", "needed"), [(1, 400), (60, 400), (100, 600), (5000, 2000)])
def test_a_confirmation_takes_far_longer_than_the_suspicion(until: int, needed: int) -> None:
    assert confirmation_requests(until) == needed


def test_ids_are_packed() -> None:
    ids = {1, 2**63, id(object())}

    assert unpack_ids(pack_ids(ids)) == ids
    assert unpack_ids(b"") == frozenset()


def judged(readings: list[tuple[int, int]], *, block: int = 100, first: int = 0) -> str | None:
    lengths = Lengths(block, 0, first)
    for requests, length in readings:
        lengths.read(requests, length)
    return lengths.judge()


def every(step: int, until: int, length: object) -> list[tuple[int, int]]:
    assert callable(length)
    return [(requests, length(requests)) for requests in range(0, until, step)]


def test_four_blocks_that_rise_are_growth() -> None:
    assert judged(every(10, 400, lambda n: n)) is None
    assert judged(every(10, 410, lambda n: n)) == "growing"


def test_a_slow_leak_is_growth_and_a_slower_drift_is_not() -> None:
    assert judged(every(10, 2000, lambda n: n // 10)) == "growing"
    assert judged(every(10, 2000, lambda n: n // 40)) == "bounded"


@pytest.mark.parametrize("bound", [1, 40, 100, 300])
def test_a_full_cache_is_bounded(bound: int) -> None:
    assert judged(every(10, 1000, lambda n: min(n, bound)), first=bound) == "bounded"


def test_blocks_without_a_reading_prove_nothing() -> None:
    rare = [(0, 0), (650, 650), (1900, 1900)]

    assert judged(rare) is None
    assert judged([*rare, (3000, 3000), (4100, 4100)]) == "growing"


def test_a_leak_shows_through_entries_that_come_and_go() -> None:
    noise = random.Random(1)

    assert judged(every(5, 1000, lambda n: n + noise.randrange(60))) == "growing"


@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("cap", [50, 100, 200, 300, 400, 600])
def test_a_cache_that_is_emptied_by_half_is_never_accused(cap: int, share: float) -> None:
    accused = 0
    for seed in range(20):
        chance = random.Random(seed)
        length = chance.randrange(cap // 2, cap)
        lengths = Lengths(100, 0, length)
        for requests in range(5000):
            length = cap // 2 if length >= cap else length + 1
            if chance.random() < share:
                lengths.read(requests, length)
                accused += lengths.judge() == "growing"

    assert accused == 0


def test_a_container_that_is_filled_again_is_not_accused_again() -> None:
    refilled = every(10, 3000, lambda n: n % 1000 + 1)

    assert judged(refilled[:50]) == "growing"
    assert judged(refilled[:195]) == "bounded"


def test_memory_of_the_lengths_is_bounded() -> None:
    lengths = Lengths(1, 0, 0)
    for number in range(10_000):
        lengths.read(number, number)

    assert len(lengths.blocks) == 5
    assert lengths.judge() == "growing"
    assert lengths.growth_per_request == pytest.approx(1.0)
