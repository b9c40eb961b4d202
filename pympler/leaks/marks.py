"""Marks: which of the births in a window belong to one request, when others run in between.

A mark is a fence of its own among the young objects. What stands between the mark at which a step
of the request began and the one at which it ended was born in that step, however many requests
are in flight.
"""

from __future__ import annotations

from pympler.leaks.listing import Listing

__all__ = ["Begun", "Ended", "Fence", "Marks", "between_marks"]

_MOST_MARKS = 4000
_MOST_CUTS = 1200


class Fence(list[None]):
    """An object that stands between what was born before it and what was born after it.

    A type of its own, so that no window takes the fences of others for the application's.
    """

    __slots__ = ()


class Begun(Fence):
    """Stands where a step of a request began."""

    __slots__ = ()


class Ended(Fence):
    """Stands where a step of a request ended."""

    __slots__ = ()


class Marks:
    """The marks of one request, in order.

    Only appends, one expression each, so that steps in several threads need no lock and the hook
    of the collector may look at any moment.

    Attributes:
        fences: the marks.
        given_up: whether there were too many steps or collections to follow.
    """

    __slots__ = ("_cuts", "fences", "given_up")

    def __init__(self) -> None:
        self.fences: list[Begun | Ended] = []
        self.given_up = False
        self._cuts: dict[int, int] = {}

    def begin(self) -> None:
        """A step begins."""
        if not self.given_up:
            self.fences.append(Begun())

    def end(self) -> None:
        """A step ends."""
        if not self.given_up:
            self.fences.append(Ended())
            if len(self.fences) >= _MOST_MARKS:
                self.give_up()

    def cut(self, epoch: int) -> None:
        """A collection begins: the marks until now are in front of it."""
        if not self.given_up:
            self._cuts[epoch] = len(self.fences)
            if len(self._cuts) > _MOST_CUTS:
                self.give_up()

    def give_up(self) -> None:
        """Let go of everything: a stream that lasts for hours must not fill the memory."""
        self.given_up = True
        self.fences.clear()
        self._cuts.clear()

    def until(self, epoch: int, first_epoch: int) -> int | None:
        """Number of marks before a collection, ``None`` if nobody took note of it."""
        return 0 if epoch <= first_epoch else self._cuts.get(epoch)

    def within(self, listing: Listing, start: int, stop: int) -> Listing:
        """The births of this request in a listing that holds the marks from start to stop."""
        depth = sum(1 if type(mark) is Begun else -1 for mark in self.fences[:start])
        return between_marks(listing, self.fences[start:stop], depth)


def between_marks(listing: Listing, marks: list[Begun | Ended], depth: int) -> Listing:
    """The part of a listing that stands within steps.

    Args:
        listing: young objects in order of birth.
        marks: the marks in it, in order. One that is missing was made at the very moment of a
            collection: it stands where the listing begins.
        depth: number of steps that had begun and not ended before the listing begins; more than
            one where a step runs in a thread beside another.
    """
    ids, types = listing.ids, listing.types
    found = Listing([], [])
    place = 0
    for mark in marks:
        try:
            at = ids.index(id(mark), place)
        except ValueError:
            at = place - 1
        if depth > 0 and at > place:
            found.ids += ids[place:at]
            found.types += types[place:at]
        depth += 1 if type(mark) is Begun else -1
        place = at + 1
    if depth > 0:
        found.ids += ids[place:]
        found.types += types[place:]
    return found
