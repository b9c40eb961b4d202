"""Writer: a bounded queue and the one thread per process that writes it down.

A request puts what it has and goes on. Where threads do not run (uWSGI without
``--enable-threads`` starts them, but lets them run only while a request is served), nobody comes
for what is due: then the thread that puts writes it itself, without waiting for anything.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from pympler.errors import StoreError
from pympler.leaks.guard import guard
from pympler.util.forks import in_child

__all__ = ["GATHER_S", "Writer"]

logger = logging.getLogger("pympler")

GATHER_S = 0.5
_MANY = 200  # waiting items for which the thread does not gather any longer
_LATE_S = 5.0  # so long after it was due nobody comes for it any more
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_WAIT_S = 5.0
_LAST_WAIT_S = 2.0

_writers: weakref.WeakSet[Writer] = weakref.WeakSet()


class Writer:
    """Takes items at any rate and writes them in batches, in order; counts what it drops.

    Holds the store weakly: the thread ends by itself when the store is gone.

    Args:
        write: a bound method of the store, called with a batch and the seconds that it may wait
            for others; raises :class:`~pympler.errors.StoreError` if nothing of it was written.
            One call at a time.
        most: items that may wait; what comes when there are as many is dropped.
        gather_s: how long the thread lets items gather.

    Attributes:
        dropped: items that were dropped since the process started.
        fault: why nothing can be written at the moment, empty if it can.
    """

    def __init__(
        self,
        write: Callable[[list[Any], float], object],
        most: int = 1000,
        gather_s: float = GATHER_S,
    ) -> None:
        self._write = weakref.WeakMethod(write)
        self._most = most
        self._gather_s = gather_s
        self._reset()
        _writers.add(self)

    def _reset(self) -> None:
        self._items: deque[Any] = deque()
        self._batch: list[Any] = []
        self.dropped = 0
        self.fault = ""
        self._said: set[str] = set()
        self._due_s = 0.0
        self._pause_s = 0.0
        self._closed = False
        self._writing = threading.Lock()
        # Not events: a finalizer may put a report while it interrupts a put or a get.
        self._calls: SimpleQueue[None] = SimpleQueue()
        self._hurry: SimpleQueue[None] = SimpleQueue()
        self._permits = deque([None])  # popping is atomic: only one thread starts ours

    @property
    def waiting(self) -> int:
        """The number of items that are not written yet."""
        return len(self._items) + len(self._batch)

    def put(self, item: Any) -> None:
        """Hand over an item; takes about a microsecond, whatever the state of the store.

        ``None`` stands for nothing: the store is to be called, and has something of its own.
        """
        waiting = self.waiting
        if self._closed or waiting >= self._most:
            self.dropped += item is not None  # no switch of threads can fall in between
            return
        self._items.append(item)
        now_s = time.monotonic()
        if waiting == 0:
            self._due_s = now_s + self._gather_s
            self._calls.put(None)
        elif waiting == _MANY:
            self._hurry.put(None)
        if self._permits:
            self._start()
        if now_s > self._due_s + _LATE_S:
            self._attempt(0.0, blocking=False)

    def flush(self, timeout_s: float) -> bool:
        """Write what waits, in this thread; whether all of it was written in time."""
        deadline_s = time.monotonic() + timeout_s
        if not self.waiting and not self._writing.locked():
            return True
        left_s = max(deadline_s - time.monotonic(), 0.0)
        self._attempt(left_s, blocking=True)
        return self.waiting == 0

    def close(self) -> None:
        """Write what waits and end the thread; may be called twice."""
        if not self._closed:
            self._closed = True
            self.flush(_LAST_WAIT_S)
            self.dropped += self.waiting
            self._items.clear()
            self._batch = []
        self._calls.put(None)
        self._hurry.put(None)
        self._permits.clear()

    def _start(self) -> None:
        try:
            self._permits.pop()
        except IndexError:
            return
        reference = weakref.ref(self)
        calls, hurry = self._calls, self._hurry
        thread = threading.Thread(
            target=_run,
            args=(reference, calls, hurry, self._gather_s),
            name="pympler-store",
            daemon=True,
        )
        weakref.finalize(self, _end, calls, hurry).atexit = False
        try:
            thread.start()
        except RuntimeError:  # no thread to be had: whoever puts writes
            return

    def _attempt(self, wait_s: float, *, blocking: bool) -> None:
        """Write what waits, if it is our turn."""
        lock = self._writing
        if not (lock.acquire(timeout=wait_s) if blocking else lock.acquire(blocking=False)):
            return
        try:
            while self._items or self._batch:
                if not self._write_batch(wait_s):
                    return
            self._went_well()
        finally:
            lock.release()

    def _write_batch(self, wait_s: float) -> bool:
        items, batch = self._items, self._batch
        while items and len(batch) < _MANY:
            batch.append(items.popleft())
        written = False
        with guard("write a batch to the store"):
            try:
                write = self._write()
                if write is not None:
                    write(batch, wait_s)
                written = True
            except StoreError as error:
                self._went_wrong(str(error))
                return False
        if not written:  # a fault of ours: with this batch it would come again and again
            self.dropped += len(batch)
        self._batch = []
        return True

    def _went_well(self) -> None:
        self._pause_s = 0.0
        self._due_s = time.monotonic() + self._gather_s
        if self.fault:
            logger.info("pympler writes to its store again")
            self.fault = ""
            self._said.clear()

    def _went_wrong(self, fault: str) -> None:
        self._pause_s = min(max(self._pause_s * 2, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        self._due_s = time.monotonic() + self._pause_s
        self.fault = fault
        if fault not in self._said:
            self._said.add(fault)
            logger.warning("pympler cannot write to its store: %s", fault)

    def _turn(self) -> float:
        """What the thread does; returns the seconds until it is to try again, 0 for never."""
        self._attempt(_WAIT_S, blocking=True)
        return max(self._due_s - time.monotonic(), 0.01) if self.waiting else 0.0


def _run(
    reference: weakref.ref[Writer],
    calls: SimpleQueue[None],
    hurry: SimpleQueue[None],
    gather_s: float,
) -> None:
    while True:
        calls.get()
        pause_s = gather_s
        while pause_s:
            with suppress(Empty):
                hurry.get(True, pause_s)
            writer = reference()
            if writer is None or writer._closed or writer._calls is not calls:
                return
            pause_s = writer._turn()
            del writer


def _end(calls: SimpleQueue[None], hurry: SimpleQueue[None]) -> None:
    calls.put(None)
    hurry.put(None)


def _after_fork_in_child() -> None:
    # What waits is the parent's to write; locks may be held, and the thread is gone.
    for writer in list(_writers):
        writer._reset()


in_child(_after_fork_in_child)
