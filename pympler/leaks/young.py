"""The watch over the young generation: the open windows, and the hook that serves them.

A hook in ``gc.callbacks`` lists the young generation just before a collection empties it. Nothing
is collected, frozen or reset.
"""

from __future__ import annotations

import gc
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from pympler.leaks.guard import guard
from pympler.leaks.listing import list_generation, list_ids, place_of
from pympler.leaks.marks import Fence, Marks
from pympler.leaks.window import Capture, Part, Sweep, Window
from pympler.util.gc_callbacks import remove_callback

__all__ = ["YoungWatch", "refusal"]

GcCallback = Callable[[str, dict[str, int]], None]

_MOST_HELD = 100_000
_KEPT_FIRST = 2
_LONGEST_SILENCE = 1000
_TRIES = 3


def refusal() -> str:
    """Why no window can be right just now, empty if one can."""
    if not gc.isenabled() or gc.get_threshold()[0] == 0:
        return "the application has disabled the garbage collector, so births cannot be followed"
    return ""


class YoungWatch:
    """The open windows of one monitor and the gc hook that serves them.

    Not thread-safe but for the hook, which may run at any moment and in any thread: the monitor
    calls the other methods under its own lock.

    Attributes:
        waiting: set by the owner while births wait for their re-check, so that the hook captures
            also when no window is open.
        waiting_aged: likewise, while some of them are in generation 1.
        hook_cost_s: CPU seconds spent in the hook so far.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.waiting = False
        self.waiting_aged = False
        self.hook_cost_s = 0.0
        self._clock = clock
        self._epoch = 0
        self._windows: dict[int, Window] = {}
        self._looked = self._skipped = 0
        self._captures: deque[Capture] = deque()
        self._held = 0
        self._hook: GcCallback | None = None

    @property
    def is_open(self) -> bool:
        """Whether a window is open."""
        return bool(self._windows)

    @property
    def has_captures(self) -> bool:
        """Whether there were collections since the last look that somebody waited for."""
        return bool(self._captures)

    def install(self) -> None:
        """Put the hook into ``gc.callbacks``, once."""
        if self._hook is None:
            self._hook = _hook_for(weakref.ref(self))
            gc.callbacks.append(self._hook)
            weakref.finalize(self, remove_callback, self._hook)

    def uninstall(self) -> None:
        """Take the hook out; may be called twice."""
        if self._hook is not None:
            remove_callback(self._hook)
            self._hook = None
        self.forget()

    def forget(self) -> None:
        """Drop the open windows and all that was captured, as a forked child has to."""
        self._windows.clear()
        self._captures.clear()
        self.waiting = self.waiting_aged = False

    def open(self) -> Window:
        """Start a window at this moment."""
        self._looked = self._epoch
        window = Window()
        self._windows[id(window)] = window
        window.fence = Fence()  # last, so that nothing of ours is behind it
        window.epoch = window.opened = self._epoch
        return window

    def mark(self, window: Window) -> Marks:
        """Marks for the steps of the request in this window, of which none has begun yet."""
        marks = Marks()  # made before: a collection in between would be one that it does not know
        window.own = Part()
        window.opened = self._epoch
        window.marks = marks
        return marks

    def close(self, window: Window) -> list[Capture]:
        """End a window at this moment.

        Its births are to be looked up in the next capture or sweep; until then the hook goes on.

        Returns:
            What was captured since the last look, all of it before the end of the window.
        """
        captures: list[Capture] = []
        self._looked = self._epoch
        if window.marks is not None:
            window.last_mark = len(window.marks.fences)
        try:
            for _ in range(_TRIES):
                self._take(captures)
                epoch = self._epoch
                window.end = Fence()
                if epoch == self._epoch:  # no collection has come between
                    break
        finally:
            self.waiting = True  # a collection may come before the window is followed
            known = self._windows.pop(id(window), None)
        if known is None:
            window.fault = "the monitor was closed or the process forked within the request"
        elif captures or self._skipped > window.epoch:
            for capture in captures:
                window.absorb(capture)
            window.skip_to(self._skipped, 0)
        self._absorb(captures)
        return captures

    def sweep(self) -> Sweep:
        """List the young generation now, together with the collections since the last look."""
        captures: list[Capture] = []
        self._looked = self._epoch
        for _ in range(_TRIES):
            self._take(captures)
            epoch = self._epoch
            end = Fence()  # what is behind it is ours
            young = list_generation(0)
            if epoch == self._epoch:
                break
        place = place_of(id(end), young.ids)
        # Without the fence (a collection at each try) nothing is known to be alive.
        del young.ids[place or 0 :], young.types[place or 0 :]
        self._absorb(captures)
        return Sweep(captures, young)

    def _take(self, captures: list[Capture]) -> None:
        while self._captures:
            captures.append(self._captures.popleft())
        self._held = 0

    def _absorb(self, captures: list[Capture]) -> None:
        for capture in captures:
            for each in self._windows.values():
                each.absorb(capture)

    def on_collection(self, generation: int) -> None:
        """List what a collection that starts now is about to empty.

        Called by the hook, on Python 3.11 and older possibly within an allocation of our own
        with the monitor's lock held: no locks here, and nothing but appending.
        """
        self._epoch += 1
        for window in self._windows.copy().values():
            if window.marks is not None:
                window.marks.cut(self._epoch)
        held = len(self._captures)
        if not self._windows and (not self.waiting or held >= _KEPT_FIRST):
            return
        if self._epoch - self._looked > _LONGEST_SILENCE and held >= _KEPT_FIRST:
            # No window opened or closed: a request that takes hours, or was never finished.
            self._skipped = self._epoch
            return
        started = self._clock()
        wants_old = self.waiting_aged or (self.waiting and held > 0)
        old_ids = list_ids(1) if wants_old and held < _KEPT_FIRST else None
        capture = Capture(self._epoch, generation, list_generation(0), old_ids)
        self._captures.append(capture)
        self._held += len(capture.young.ids)
        if self._held > _MOST_HELD:
            self._drop()
        self.hook_cost_s += self._clock() - started

    def _drop(self) -> None:
        # The first ones tell what became of earlier windows, the last ones what is still young
        # enough to be followed.
        with suppress(IndexError):  # another thread is sweeping
            while self._held > _MOST_HELD and len(self._captures) > _KEPT_FIRST + 1:
                dropped = self._captures[_KEPT_FIRST]
                del self._captures[_KEPT_FIRST]
                self._held -= len(dropped.young.ids)
                self._captures[_KEPT_FIRST].dropped += dropped.dropped + len(dropped.young.ids)


def _hook_for(watch: weakref.ref[YoungWatch]) -> GcCallback:
    # Only a weak reference: gc.callbacks must not keep a forgotten monitor alive.
    def pympler_gc_hook(phase: str, info: dict[str, int]) -> None:
        if phase != "start":
            return
        target = watch()
        if target is not None:
            with guard("list the young generation"):
                target.on_collection(info["generation"])

    return pympler_gc_hook
