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
    assert budget.saved_s() == pytest.approx(0.5)


def test_the_first_windows_are_on_credit_and_walks_are_not() -> None:
    budget = Budget(0.01, Clock())

    assert budget.allows_window()
    assert not budget.allows_walk(0.001)
    budget.spend(1.0)
    assert not budget.allows_window()


def test_a_walk_starts_when_its_cost_has_been_saved_up() -> None:
    clock = Clock()
    budget = Budget(0.01, clock)

    clock.now += 99
    assert not budget.allows_walk(1.0)
    clock.now += 1
    assert budget.allows_walk(1.0)
    budget.spend(1.0)
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


def test_windows_leave_half_of_the_budget_for_a_walk_that_is_wanted() -> None:
    clock = Clock()
    budget = Budget(0.01, clock)

    assert seconds_until_a_walk(budget, clock, 0.1, save=False) is None
    waited_s = seconds_until_a_walk(budget, clock, 0.1, save=True)
    assert waited_s is not None
    assert 20 <= waited_s <= 40
    assert budget.overhead <= 0.01

    budget.save_for(0.0)
    assert budget.allows_window()


def test_windows_go_on_if_a_walk_can_never_be_saved_for() -> None:
    clock = Clock()
    budget = Budget(0.01, clock)
    budget.save_for(4.0)

    clock.now += 1000
    while budget.saved_s() > 0.0:
        budget.spend(0.01)

    assert budget.allows_window()


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
