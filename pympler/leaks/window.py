"""A window: which gc-tracked objects were born while a request ran.

``gc.get_objects(generation=0)`` lists the young generation in order of birth. A fresh list object
is a fence in that order: what follows it was born later. From the listing on only ids and types
are kept.

Closing a window lists nothing: what was born in it goes on standing between its two fences until
the next collection, so that one listing serves all the windows that were closed by then.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from pympler.leaks.listing import Listing
from pympler.leaks.marks import Fence, Marks

__all__ = ["Capture", "Part", "Sweep", "Window"]


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

    @property
    def knows_own(self) -> bool:
        """Whether the steps of the request could be followed until now."""
        marks = self.marks
        return (
            marks is not None
            and not marks.given_up
            and marks.until(self.epoch, self.opened) is not None
        )

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
