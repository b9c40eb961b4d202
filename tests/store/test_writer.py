"""The writer: bounded, in order, and never in the way of who puts."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pympler.errors import StoreError
from pympler.store.writer import Writer


class Target:
    """Takes batches as long as it has no fault."""

    def __init__(self, most: int = 10) -> None:
        self.taken: list[Any] = []
        self.waits: list[float] = []
        self.fault: Exception | None = None
        self.writer = Writer(self.write, most)

    def write(self, batch: list[Any], wait_s: float) -> None:
        self.waits.append(wait_s)
        if self.fault is not None:
            raise self.fault
        self.taken += batch


@pytest.fixture
def target() -> Iterator[Target]:
    target = Target()
    yield target
    target.writer.close()


def test_everything_arrives_in_order(target: Target) -> None:
    for number in range(10):
        target.writer.put(number)

    assert target.writer.flush(5)
    assert target.taken == list(range(10))
    assert target.writer.dropped == 0


def test_the_thread_comes_for_it(target: Target) -> None:
    for number in range(3):
        target.writer.put(number)
        deadline = time.monotonic() + 20
        while len(target.taken) <= number and time.monotonic() < deadline:
            time.sleep(0.01)

    assert target.taken == [0, 1, 2]


def test_what_is_too_much_is_dropped_and_counted(target: Target) -> None:
    target.fault = StoreError("away")
    for number in range(25):
        target.writer.put(number)
        if number == 5:
            target.writer.flush(0)

    assert target.writer.dropped == 15
    assert target.writer.waiting == 10
    target.fault = None
    assert target.writer.flush(5)
    assert target.taken == list(range(10))


def test_a_fault_is_said_once_and_its_end_too(
    target: Target, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    target.fault = StoreError("the disk is full")
    target.writer.put(1)
    for _ in range(3):
        assert not target.writer.flush(0)
    assert target.writer.fault == "the disk is full"
    target.fault = None
    assert target.writer.flush(5)

    assert target.writer.fault == ""
    assert [record.getMessage() for record in caplog.records] == [
        "pympler cannot write to its store: the disk is full",
        "pympler writes to its store again",
    ]


def test_the_pauses_become_longer(target: Target) -> None:
    target.fault = StoreError("away")
    target.writer.put(1)
    pauses = []
    for _ in range(9):
        target.writer.flush(0)
        pauses.append(target.writer._pause_s)

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_fault_of_ours_costs_its_batch_alone(target: Target) -> None:
    target.fault = TypeError("our own")
    target.writer.put(1)
    assert target.writer.flush(5)
    assert target.writer.dropped == 1
    target.fault = None
    target.writer.put(2)

    assert target.writer.flush(5)
    assert target.taken == [2]


def test_where_threads_do_not_run_who_puts_writes_without_waiting(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never_runs(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", never_runs)
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    target.writer.put(1)
    now += 2  # not late yet: a thread may be on its way
    target.writer.put(2)
    assert target.taken == []
    now += 10
    target.writer.put(3)

    assert target.taken == [1, 2, 3]
    assert target.waits == [0.0]


def test_who_puts_does_not_wait_for_another_who_writes(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading.Thread, "start", lambda self: None)
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    target.writer.put(1)
    now += 10
    with target.writer._writing:
        target.writer.put(2)

    assert target.taken == []


def test_what_comes_after_the_end_is_dropped(target: Target) -> None:
    target.writer.put(1)
    target.writer.close()
    target.writer.put(2)

    assert target.taken == [1]
    assert target.writer.dropped == 1
    assert target.writer.waiting == 0


def test_a_full_queue_asks_for_the_store_all_the_same(target: Target) -> None:
    target.fault = StoreError("away")
    for _ in range(15):
        target.writer.put(None)

    assert target.writer.dropped == 0
