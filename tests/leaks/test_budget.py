"""The overhead budget and the duty cycle, with a clock of their own."""

from __future__ import annotations

import random

import pytest

from pympler.leaks.budget import Budget, DutyCycle


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_is_spent_is_measured_against_wall_time() -> None:
    clock = Clock()
    budget = Budget(0.01, clock)
    clock.now += 100

    budget.spend(0.5)

    assert budget.overhead == pytest.approx(0.005)


def test_the_first_windows_and_walks_are_on_credit() -> None:
    budget = Budget(0.01, Clock())

    assert budget.allows_window()
    assert budget.allows_walk(0.3)
    assert not budget.allows_walk(0.31)
    budget.spend(1.0)
    assert not budget.allows_window()
    budget.spend(0.3, walk=True)
    assert not budget.allows_walk(0.001)


def test_nothing_is_on_credit_without_a_budget() -> None:
    budget = Budget(0.0, Clock())

    assert not budget.allows_window()
    assert not budget.allows_walk(0.001)


def test_a_walk_starts_when_its_cost_has_been_saved_up() -> None:
    clock = Clock()
    budget = Budget(0.01, clock)

    clock.now += 69
    assert not budget.allows_walk(1.0)
    clock.now += 1
    assert budget.allows_walk(1.0)
    budget.spend(1.0, walk=True)
    assert not budget.allows_walk(0.1)


def seconds_until_a_walk(budget: Budget, clock: Clock, cost_s: float, *, save: bool) -> int | None:
    """Under steady load: windows are opened as often as they are allowed."""
    for second in range(1000):
        clock.now += 1
        while budget.allows_window():
            budget.spend(0.001)
        if budget.allows_walk(cost_s):
            return second
        if save:
            budget.save_for(cost_s)
    return None


def test_windows_leave_most_of_the_budget_for_a_walk_that_is_wanted() -> None:
    clock = Clock()
    budget = Budget(0.01, clock)
    budget.spend(0.3, walk=True)  # what there is on credit

    assert seconds_until_a_walk(budget, clock, 0.1, save=False) is None
    waited_s = seconds_until_a_walk(budget, clock, 0.1, save=True)
    assert waited_s is not None
    assert 10 <= waited_s <= 20
    assert budget.overhead <= 0.0101

    clock.now += 1
    assert budget.allows_window()


def test_windows_go_on_while_requests_are_traced() -> None:
    clock = Clock()
    budget = Budget(0.01, clock)
    assert budget.allows_trace()
    budget.spend(0.1, trace=True)  # the credit
    assert not budget.allows_trace()

    budget.save_for_traces(True)
    traces = windows = 0
    for _ in range(10_000):
        clock.now += 0.01
        if budget.allows_trace():
            traces += 1
            budget.spend(0.02, trace=True)
        if budget.allows_window():
            windows += 1
            budget.spend(0.0005)

    assert windows * 0.0005 == pytest.approx(0.75, rel=0.1)  # of one second that came in
    assert traces * 0.02 == pytest.approx(0.25, rel=0.1)


def test_windows_go_on_if_a_walk_can_never_be_saved_for() -> None:
    clock = Clock()
    budget = Budget(0.01, clock)
    budget.save_for(4.0)

    opened = 0
    for _ in range(100):
        clock.now += 1
        while budget.allows_window():
            budget.spend(0.001)
            opened += 1

    assert opened >= 1000


def test_windows_do_not_spend_what_a_quiet_night_has_saved() -> None:
    clock = Clock()
    budget = Budget(0.01, clock)
    clock.now += 36_000

    opened = 0
    while budget.allows_walk(2.0):
        budget.spend(2.0, walk=True)
    while budget.allows_window():
        budget.spend(0.001)
        opened += 1

    assert opened <= 51


@pytest.mark.parametrize("per_s", [10, 100, 1000])
@pytest.mark.parametrize("window_s", [0.0001, 0.001, 0.02])
def test_windows_are_within_the_budget_in_any_five_seconds(per_s: int, window_s: float) -> None:
    clock, cycle = Clock(), DutyCycle(0.1, seed=7)
    budget = Budget(0.01, clock)
    seconds: list[float] = []
    for _ in range(60):
        spent_s = 0.0
        for _ in range(per_s):
            clock.now += 1 / per_s
            if cycle.next() and budget.allows_window():
                spent_s += window_s
                budget.spend(window_s)
        seconds.append(spent_s)
    later = seconds[5:]  # the first ones are on credit
    fives = [sum(later[start : start + 5]) for start in range(len(later) - 4)]

    assert max(fives) <= 0.01 * 5 + max(0.05, window_s) + 1e-9
    assert sum(later) <= 0.01 * len(later) + max(0.05, window_s)
    affordable = min(0.01, 0.1 * per_s * window_s)
    assert sum(later) >= 0.6 * affordable * len(later)


def test_a_view_that_allocates_a_million_objects_is_paid_for_before_the_next() -> None:
    clock, cycle = Clock(), DutyCycle(0.1, seed=7)
    budget = Budget(0.01, clock)
    opened: list[float] = []
    for number in range(6000):
        clock.now += 0.1
        if cycle.next() and budget.allows_window():
            cost_s = 0.3 if number % 10 == 0 else 0.0002
            budget.spend(cost_s)
            opened.append(cost_s)

    assert opened.count(0.3) >= 5
    assert sum(opened) <= 0.01 * 600 + 0.3
    assert budget.overhead <= 0.0105


def test_a_walk_that_took_longer_than_was_thought_is_paid_for_before_the_next() -> None:
    clock = Clock()
    budget = Budget(0.01, clock)
    clock.now += 100
    assert budget.allows_walk(0.5)
    budget.spend(3.0, walk=True)

    assert budget.allows_window()  # walks are paid for by walks
    clock.now += 100
    assert not budget.allows_walk(0.5)
    clock.now += 150
    assert budget.allows_walk(0.1)


def test_no_overhead_means_no_window() -> None:
    clock = Clock()
    budget = Budget(0.0, clock)
    clock.now += 1000

    assert not budget.allows_window()
    assert not budget.allows_walk(0.001)


def test_costs_older_than_ten_minutes_are_forgotten() -> None:
    clock = Clock()
    budget = Budget(0.01, clock)
    for _ in range(120):
        clock.now += 10
        budget.spend(0.05)

    assert budget.overhead == pytest.approx(0.005, rel=0.05)


def test_a_monitor_that_overspent_watches_again_later() -> None:
    # Once nothing may be spent, nothing is: the old costs must be forgotten by reading alone.
    clock = Clock()
    budget = Budget(0.01, clock)
    budget.spend(60.0)
    clock.now += 500
    assert not budget.allows_window()

    clock.now += 200

    assert budget.allows_window()
    assert budget.overhead == pytest.approx(0.0)


def test_memory_of_a_budget_is_bounded() -> None:
    clock = Clock()
    budget = Budget(0.01, clock)
    for _ in range(5000):
        clock.now += 1
        budget.spend(0.001)

    assert len(budget._slices) <= 62


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.5, 0.9, 1.0])
def test_the_duty_cycle_chooses_its_share(share: float) -> None:
    cycle = DutyCycle(share, seed=1)

    chosen = sum(cycle.next() for _ in range(20_000))

    assert chosen == pytest.approx(20_000 * share, rel=0.08)


def test_none_are_chosen_at_zero() -> None:
    cycle = DutyCycle(0.0)

    assert not any(cycle.next() for _ in range(1000))


@pytest.mark.parametrize("period", [2, 5, 10, 20])
def test_periodic_traffic_does_not_hide_from_the_duty_cycle(period: int) -> None:
    cycle = DutyCycle(0.1, seed=3)

    phases = [number % period for number in range(20_000) if cycle.next()]

    expected = len(phases) / period
    assert all(abs(phases.count(phase) - expected) < 0.5 * expected for phase in range(period))


def test_the_global_random_generator_is_left_alone() -> None:
    state = random.getstate()

    cycle = DutyCycle(0.3)
    assert [cycle.next() for _ in range(100)].count(True) > 5

    assert random.getstate() == state
