"""Windows: which gc-tracked objects were born while a request ran.

``gc.get_objects(generation=0)`` lists the young generation in order of birth. A fresh list object
is a fence in that order: what follows it was born later. A hook in ``gc.callbacks`` lists the
young generation just before a collection empties it. Nothing is collected, frozen or reset, and
from the listing on only ids and types are kept.

Closing a window lists nothing: what was born in it goes on standing between its two fences until
the next collection, so that one listing serves all the windows that were closed by then.
"""

from __future__ import annotations

import gc
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from pympler.leaks.guard import guard
from pympler.leaks.listing import Listing, list_generation, list_ids, place_of
from pympler.leaks.marks import Fence, Marks
from pympler.util.gc_callbacks import remove_callback

__all__ = ["Capture", "Part", "Sweep", "Window", "YoungWatch", "refusal"]

GcCallback = Callable[[str, dict[str, int]], None]

_MOST_HELD = 100_000
_KEPT_FIRST = 2
_LONGEST_SILENCE = 1000
_TRIES = 3


@dataclass(slots=True)
class Capture:
    """What a natural collection was about to empty.

    Attributes:
        epoch: number of the collection, counted by the hook.
        generation: the oldest generation that was collected.
        young: the young generation just before.
        old_ids: ids of generation 1 just before, if somebody waited for them.
        dropped: objects of the captures before this one that were let go of to bound memory.
    """

    epoch: int
    generation: int
    young: Listing
    old_ids: list[int] | None
    dropped: int = 0


@dataclass(slots=True)
class Sweep:
    """The collections since the last sweep, and the young generation now.

    Attributes:
        young: what was born before this sweep and is still in the young generation, ``None`` if
            it was not listed.
    """

    captures: list[Capture]
    young: Listing | None


@dataclass(slots=True, eq=False)
class Part:
    """Births that collections within a window have moved on.

    Attributes:
        aged: births that are in generation 1; ``None`` if there are none.
        unfollowed: number of births that went on to generation 2, out of sight.
    """

    aged: Listing | None = None
    unfollowed: int = 0

    def age(self, births: Listing, generation: int) -> None:
        """A collection of these generations has moved the births on."""
        if generation > 0:
            self.lose(len(births.ids))
        elif self.aged is None:
            self.aged = births
        else:
            self.aged.ids += births.ids
            self.aged.types += births.types

    def lose(self, births: int) -> None:
        """So many births are out of sight, and with them the aged ones."""
        self.unfollowed += births + (len(self.aged.ids) if self.aged is not None else 0)
        self.aged = None


@dataclass(slots=True, eq=False)
class Window(Part):
    """The births between two moments.

    Many windows wait to be looked up, in the young generation of the application: one has no
    objects of its own besides the fences until there is something to put into them.

    Attributes:
        fence: the list object that marks the start.
        end: the one that marks the end, ``None`` while it lasts.
        epoch: the last collection that was absorbed, at first the last one before the window.
        opened: the last collection before the first mark.
        marks: the steps of the request within the window, if they are known.
        last_mark: number of marks at the end of the window.
        own: the births within these steps, if there are marks.
        only_own: whether all others are to be left out.
        fault: why the window could not be right, empty if it is.
    """

    fence: Fence = field(default_factory=Fence)
    end: Fence | None = None
    epoch: int = 0
    opened: int = 0
    passed: bool = False
    marks: Marks | None = None
    last_mark: int = 0
    own: Part | None = None
    only_own: bool = False
    fault: str = ""

    def absorb(self, capture: Capture) -> None:
        """Take the births that a collection within the window found; captures come in order."""
        if capture.epoch <= self.epoch:
            return
        self.skip_to(capture.epoch - 1, capture.dropped)
        if self.own is not None:
            self.own.age(self._own_births(capture.young, capture.epoch), capture.generation)
        self.epoch = capture.epoch
        start = 0 if self.passed else self._start(capture.young.ids)
        if start is not None:
            ids, types = capture.young.ids[start:], capture.young.types[start:]
            self.age(Listing(ids, types), capture.generation)
        self.passed = True

    def skip_to(self, epoch: int, dropped: int) -> None:
        """Collections until this one were not captured, or let go of with so many births."""
        if epoch <= self.epoch:
            return
        # What is older may be anywhere by now.
        self.lose(dropped)
        if self.own is not None:
            self.own.lose(dropped)
        self.passed = True
        self.epoch = epoch

    def keep_own(self) -> None:
        """Leave out the births that are not of the steps of the request; it is closed."""
        self.only_own = True
        marks, own = self.marks, self.own or Part()
        if marks is not None and marks.until(self.epoch, self.opened) is None:
            marks.give_up()
        if marks is not None and marks.given_up:
            self.fault = "it was too many steps, or too many collections, to be followed"
        self.aged, self.unfollowed = own.aged, own.unfollowed

    def look_up(self, young: Listing, since: int = 0) -> tuple[Listing, int]:
        """The births in a listing of the young generation after the end of the window.

        Args:
            young: the young generation, before any collection since the end of the window.
            since: place from which on the window is looked for first.

        Returns:
            The births, and where the window ends.
        """
        start = 0 if self.passed else self._start(young.ids, since)
        end = _place(self.end, young.ids, since)
        if start is None or end is None:
            self.fault = self.fault or _MOVED
            return Listing([], []), since
        part = Listing(young.ids[start:end], young.types[start:end])
        return self._own_births(part, None) if self.only_own else part, end

    def _start(self, ids: list[int], since: int = 0) -> int | None:
        """The place behind the fence, unless a collection has taken it away."""
        place = _place(self.fence, ids, since)
        if place is None:
            self.fault = _MOVED
            return None
        return place + 1

    def _own_births(self, young: Listing, epoch: int | None) -> Listing:
        if self.marks is None or self.marks.given_up:
            return Listing([], [])
        start = self.marks.until(self.epoch, self.opened)
        stop = self.last_mark if epoch is None else self.marks.until(epoch, self.opened)
        if start is None or stop is None:
            self.marks.give_up()
            return Listing([], [])
        return self.marks.within(young, start, stop)


_MOVED = "the fence of the window was moved (gc.freeze?)"


def _place(fence: Fence | None, ids: list[int], since: int) -> int | None:
    """Where a fence is: behind that of the window before, or, if they overlap, anywhere."""
    for start in (since, 0):
        with suppress(ValueError):
            return ids.index(id(fence), start)
    return None


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
