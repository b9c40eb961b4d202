"""What is counted of births and deaths."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pympler.lifetimes.records import Series


def test_a_finalizer_that_asks_in_the_middle_of_the_work() -> None:
    series = Series("x", keep_dead=10)

    class Dying:
        """Stands for a record; to look at it is to run a finalizer that makes an instance."""

        birth = 0.0
        target = SimpleNamespace(adopted=False, trace=0)

        @property
        def death(self) -> float:
            series.events.append(2.0)
            series.settle()
            series.tidy()
            return 1.0

    dying: Any = Dying()
    series.events.extend([0.5, dying])
    series.settle()
    assert series.births - series.deaths == [count for _, count in series.history()][-1]
    assert all(count >= 0 for _, count in series.history())


def test_many_events_are_worked_off_and_thinned() -> None:
    series = Series("x", keep_dead=0)
    series.events.extend(float(number) for number in range(50_000))
    series.settle()
    assert (series.births, series.live, series.peak) == (50_000, 50_000, 50_000)
    history = series.history()
    assert len(history) <= 4096
    assert history[-1] == (49_999.0, 50_000)
    assert [time for time, _ in history] == sorted(time for time, _ in history)


def test_lifetimes_are_sorted_by_powers_of_two() -> None:
    series = Series("x", keep_dead=10)
    for lived in (0.0006, 0.003, 0.0031, 2.0):
        record: Any = SimpleNamespace(
            birth=1.0, death=1.0 + lived, target=SimpleNamespace(adopted=False, trace=0)
        )
        series.events.extend([1.0, record])
    series.settle()
    assert series.lifetimes == {0: 1, 2: 2, 11: 1}
    assert 1.99 < series.longest_s < 2.01
