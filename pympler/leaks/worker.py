"""The background thread of a monitor: what must not happen within a request."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from queue import Empty, SimpleQueue

from pympler.leaks.guard import guard

__all__ = ["Worker"]


class Worker:
    """Calls a method now and then in a daemon thread, which is started when first needed.

    Holds the owner of the method weakly: the thread ends by itself when the owner is gone.

    Args:
        tick: a bound method, what to do; returns whether to go on ticking although nobody woke
            the worker.
        interval_s: seconds between two ticks.
        look: a bound method, asked as often while nobody wakes the worker, cheap: whether
            there is something to do all the same. Then it ticks at once.
    """

    def __init__(
        self,
        tick: Callable[[], bool],
        interval_s: float,
        look: Callable[[], bool] | None = None,
    ) -> None:
        self._tick = weakref.WeakMethod(tick)
        self._look = None if look is None else weakref.WeakMethod(look)
        self._interval_s = interval_s
        self._awake = False
        self._stopped = False
        # Not events: a finalizer may put into these while it interrupts a put or a get.
        self._calls: SimpleQueue[None] = SimpleQueue()
        self._endings: SimpleQueue[None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        weakref.finalize(tick.__self__, self._end).atexit = False  # type: ignore[attr-defined]

    def wake(self) -> None:
        """See to it that the thread runs and ticks again; costs next to nothing if it does."""
        if not self._awake:
            self._awake = True
            self._calls.put(None)
        if self._thread is None and not self._stopped:
            self._start()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="pympler-leaks", daemon=True)
        self._thread = thread
        try:
            thread.start()
        except RuntimeError:  # no thread to be had (limits, interpreter shutting down)
            self._stopped = True

    def stop(self) -> None:
        """End the thread and wait for it; may be called twice, and from the thread itself."""
        self._end()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread() and thread.is_alive():
            thread.join()
        self._thread = None

    def _end(self) -> None:
        self._stopped = True
        self._endings.put(None)
        self._calls.put(None)

    def _run(self) -> None:
        # While it waits nothing is alive that a window of that time would list: bound methods are
        # made once, and nothing is made for a with statement.
        wait_for_call, wait_for_end = self._calls.get, self._endings.get
        look_s = None if self._look is None else self._interval_s
        while not self._stopped:
            again = True
            try:
                wait_for_call(True, look_s)
            except Empty:
                again = False
            self._awake = False
            if not again and not self._stopped and self._guarded(self._look):
                again = self._guarded(self._tick)
            while again and not self._stopped:
                ended = True
                try:
                    wait_for_end(True, self._interval_s)
                except Empty:
                    ended = False  # and on, so that no exception is alive during a tick
                again = not ended and self._guarded(self._tick)

    def _guarded(self, method: weakref.WeakMethod[Callable[[], bool]] | None) -> bool:
        with guard("do the work in the background"):
            return self._call(method)
        return False

    def _call(self, method: weakref.WeakMethod[Callable[[], bool]] | None) -> bool:
        bound = None if method is None else method()
        return bound is not None and bound()
