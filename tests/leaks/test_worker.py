"""The background thread, and taking turns."""

from __future__ import annotations

import threading
import weakref

from pympler.leaks.turns import Turns
from pympler.leaks.worker import Worker
from tests.doubles import faults_logged


class Owner:
    def __init__(self, ticks: int = 1, error: type[Exception] | None = None) -> None:
        self.left = ticks
        self.error = error
        self.ticked = 0
        self.done = threading.Event()
        self.worker = Worker(self.tick, 0.001)

    def tick(self) -> bool:
        self.ticked += 1
        self.left -= 1
        if self.left == 0:
            self.done.set()
        if self.error is not None:
            raise self.error
        return self.left > 0


def test_no_thread_before_it_is_needed() -> None:
    owner = Owner()

    assert owner.worker._thread is None
    owner.worker.stop()


def test_it_ticks_until_there_is_nothing_to_do() -> None:
    owner = Owner(ticks=3)
    owner.worker.wake()

    assert owner.done.wait(10)
    owner.worker.stop()
    assert owner.ticked == 3


def test_it_can_be_woken_again() -> None:
    owner = Owner()
    for _ in range(3):
        owner.left = 1
        owner.done.clear()
        owner.worker.wake()
        assert owner.done.wait(10)
    owner.worker.stop()

    assert owner.ticked >= 3


def test_a_fault_does_not_end_it() -> None:
    with faults_logged() as lines:
        owner = Owner(error=ZeroDivisionError)
        owner.worker.wake()
        assert owner.done.wait(10)
        owner.left = 1
        owner.done.clear()
        owner.worker.wake()
        assert owner.done.wait(10)
        owner.worker.stop()

    assert len(lines) == 1


def test_stop_may_be_called_twice_and_from_the_thread_itself() -> None:
    class Stopping(Owner):
        def tick(self) -> bool:
            self.worker.stop()
            return super().tick()

    owner = Stopping()
    owner.worker.wake()
    assert owner.done.wait(10)
    owner.worker.stop()
    owner.worker.stop()
    owner.worker.wake()

    assert owner.ticked == 1
    assert owner.worker._thread is None


def test_the_thread_ends_with_its_owner() -> None:
    owner = Owner()
    owner.worker.wake()
    assert owner.done.wait(10)
    thread = owner.worker._thread
    assert thread is not None
    gone = weakref.ref(owner)

    del owner

    thread.join(10)
    assert not thread.is_alive()
    assert gone() is None


def test_a_turn_is_refused_to_who_has_it() -> None:
    turns = Turns()

    assert turns.enter()
    assert not turns.enter()
    turns.leave()
    assert turns.enter()
    turns.leave()


def test_a_turn_is_refused_to_who_would_wait_too_long() -> None:
    turns = Turns()
    refused: list[bool] = []
    with turns, turns:
        thread = threading.Thread(target=lambda: refused.append(turns.enter()))
        thread.start()
        thread.join(10)

    assert refused == [False]
    assert turns.enter()
    turns.leave()
