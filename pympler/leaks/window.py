"""Windows: which gc-tracked objects were born while a request ran.

``gc.get_objects(generation=0)`` lists the young generation in order of birth. A fresh list object
is a fence in that order: what follows it was born later. A hook in ``gc.callbacks`` lists the
young generation just before a collection empties it. Nothing is collected, frozen or reset, and
from the listing on only ids and types are kept.
"""

from __future__ import annotations

import gc
import weakref
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, compress, repeat, starmap
from operator import is_, is_not
from typing import Any

from pympler.leaks.guard import guard

__all__ = [
    "Capture",
    "Listing",
    "Sweep",
    "Window",
    "YoungWatch",
    "list_generation",
    "list_ids",
    "refusal",
    "supports_windows",
    "take",
]

GcCallback = Callable[[str, dict[str, int]], None]

_MOST_HELD = 100_000
_KEPT_FIRST = 2
_LONGEST_SILENCE = 1000
_TRIES = 3


@dataclass(slots=True)
class Listing:
    """Objects of one generation in order of birth, as ids with their types."""

    ids: list[int]
    types: list[type]


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
        before: fence that the last sweep left behind; what an earlier sweep saw in the young
            generation stands before it in the first capture.
        young: what was born before this sweep and is still in the young generation.
    """

    captures: list[Capture]
    before: int
    young: Listing


@dataclass(slots=True, eq=False)
class Window:
    """The births between two moments.

    Attributes:
        fence: the list object that marks the start.
        young: births that were in the young generation when the window was closed.
        aged: births that a collection of the young generation has moved to generation 1.
        unfollowed: number of births that went on to generation 2, out of sight.
        fault: why the window could not be right, empty if it is.
    """

    fence: list[None] = field(default_factory=list)
    epoch: int = 0
    passed: bool = False
    young: Listing = field(default_factory=lambda: Listing([], []))
    aged: Listing = field(default_factory=lambda: Listing([], []))
    unfollowed: int = 0
    fault: str = ""

    def absorb(self, capture: Capture) -> None:
        """Take the births that a collection found; captures come in order."""
        if capture.epoch <= self.epoch:
            return
        self._skip_to(capture.epoch - 1, capture.dropped)
        self.epoch = capture.epoch
        births = self._births(capture.young)
        if capture.generation == 0:
            self.aged.ids += births.ids
            self.aged.types += births.types
        else:
            self.unfollowed += len(births.ids) + len(self.aged.ids)
            self.aged = Listing([], [])
        self.passed = True

    def finish(self, young: Listing, epoch: int) -> None:
        """Take the births that are in the young generation at the end.

        Args:
            young: the young generation.
            epoch: the last collection whose births were not captured.
        """
        self._skip_to(epoch, 0)
        self.young = self._births(young)

    def _skip_to(self, epoch: int, dropped: int) -> None:
        if epoch <= self.epoch:
            return
        # Collections whose births were dropped: what is older may be anywhere by now.
        self.unfollowed += dropped + len(self.aged.ids)
        self.aged = Listing([], [])
        self.passed = True
        self.epoch = epoch

    def _births(self, young: Listing) -> Listing:
        if self.passed:
            return young
        start = _position(id(self.fence), young.ids)
        if start is None:
            self.fault = "the fence of the window was moved (gc.freeze?)"
            return Listing([], [])
        return Listing(young.ids[start + 1 :], young.types[start + 1 :])


def _position(item: int, ids: list[int]) -> int | None:
    try:
        return len(ids) - 1 - ids[::-1].index(item)  # what is looked for is near the end
    except ValueError:
        return None


def _hold(held: list[Any], generation: int) -> Iterator[Any]:
    # Fills `held` when it is consumed, and yields nothing.
    return filter(None, map(held.extend, map(gc.get_objects, (generation,))))


def _let_go(held: list[Any]) -> Iterator[Any]:
    return filter(None, starmap(held.clear, ((),)))


def list_generation(generation: int) -> Listing:
    """Ids and types of the objects in one generation, in order of birth for generation 0.

    The list that holds the objects lives only within one call into C, so that no other thread
    can run meanwhile: it may hold a tuple that another thread is still filling, whose
    ``tuple(generator)`` fails if anybody else has a reference. Everything that the call needs and
    that is tracked by gc is made before, since on Python 3.11 and older an allocation within it
    could start a collection and with it Python code.
    """
    held: list[Any] = []
    types: list[type] = []
    for_ids, for_types = iter(held), iter(held)
    steps = chain(
        _hold(held, generation),
        map(id, for_ids),
        filter(None, map(types.extend, (map(type, for_types),))),
        _let_go(held),
    )
    return Listing(list(steps), types)


def list_ids(generation: int) -> list[int]:
    """Ids of the objects in one generation, with the care of :func:`list_generation`."""
    held: list[Any] = []
    items = iter(held)
    return list(chain(_hold(held, generation), map(id, items), _let_go(held)))


def take(generation: int, wanted: Collection[int]) -> tuple[list[Any], list[tuple[int, int]]]:
    """The objects of one generation whose ids are wanted, tuples apart.

    Exact tuples are not returned, since they may be half built (see :func:`list_generation`);
    their ids and flat sizes without the gc header are.

    Returns:
        The objects that are no tuples, and ``(id, bytes)`` for each that is.
    """
    held: list[Any] = []
    found: list[Any] = []
    tuples: list[int] = []
    sizes: list[int] = []
    contains = frozenset(wanted).__contains__
    is_wanted = map(contains, map(id, iter(held)))

    def found_where(test: Callable[[Any, Any], bool]) -> Iterator[Any]:
        return compress(iter(found), map(test, map(type, iter(found)), repeat(tuple)))

    steps = chain(
        _hold(held, generation),
        filter(None, map(found.extend, (compress(iter(held), is_wanted),))),
        _let_go(held),
        found_where(is_not),
        filter(None, map(tuples.extend, (map(id, found_where(is_)),))),
        filter(None, map(sizes.extend, (map(tuple.__sizeof__, found_where(is_)),))),
        _let_go(found),
    )
    return list(steps), list(zip(tuples, sizes, strict=True))


def supports_windows() -> bool:
    """Whether this interpreter lists its young generation in order of birth, as windows need."""
    for _ in range(_TRIES):  # a collection in between spoils one try
        first: list[None] = []
        middle: dict[str, object] = {"tracked": first}
        last: list[None] = []
        ids = list_generation(0).ids
        places = [_position(id(item), ids) for item in (first, middle, last)]
        if None not in places:
            return places == sorted(places, key=lambda place: place or 0)
    return False


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
        hook_cost_s: seconds spent in the hook so far.
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
        self._fence: list[None] = []
        self._hook: GcCallback | None = None

    @property
    def is_open(self) -> bool:
        """Whether a window is open."""
        return bool(self._windows)

    def install(self) -> None:
        """Put the hook into ``gc.callbacks``, once."""
        if self._hook is None:
            self._hook = _hook_for(weakref.ref(self))
            gc.callbacks.append(self._hook)
            weakref.finalize(self, _remove, self._hook)

    def uninstall(self) -> None:
        """Take the hook out; may be called twice."""
        if self._hook is not None:
            _remove(self._hook)
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
        window.fence = []  # last, so that nothing of ours is behind it
        window.epoch = self._epoch
        return window

    def close(self, window: Window) -> Sweep:
        """End a window at this moment and fill in its births."""
        try:
            sweep = self.sweep()
        finally:
            known = self._windows.pop(id(window), None)
        if known is None:
            window.fault = "the monitor was closed or the process forked within the request"
        else:
            window.finish(sweep.young, self._skipped)
        return sweep

    def sweep(self) -> Sweep:
        """List the young generation now, together with the collections since the last sweep."""
        fence: list[None] = []  # first, so that nothing of ours is in front of it
        captures: list[Capture] = []
        self._looked = self._epoch
        for _ in range(_TRIES):
            while self._captures:
                captures.append(self._captures.popleft())
            self._held = 0
            epoch = self._epoch
            young = list_generation(0)
            if epoch == self._epoch:
                break
            fence = []
        end = _position(id(fence), young.ids)
        # Without the fence (a collection at each try) nothing is known to be alive.
        del young.ids[end or 0 :], young.types[end or 0 :]
        for window in self._windows.values():
            for capture in captures:
                window.absorb(capture)
        before, self._fence = id(self._fence), fence
        return Sweep(captures, before, young)

    def on_collection(self, generation: int) -> None:
        """List what a collection that starts now is about to empty.

        Called by the hook, on Python 3.11 and older possibly within an allocation of our own
        with the monitor's lock held: no locks here, and nothing but appending.
        """
        self._epoch += 1
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


def _remove(hook: GcCallback) -> None:
    for place, callback in enumerate(gc.callbacks):
        if callback is hook:  # by identity: other callbacks may have an __eq__ of their own
            del gc.callbacks[place]
            return
