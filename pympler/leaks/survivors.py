"""Survivors: births of a window that are still alive after their request has ended.

Ids are reused at once, so an id that is seen again proves nothing by itself. What proves it is
the place: between the two fences of a closed window nothing new appears, and between two
collections nothing new appears in generation 1. Births are therefore looked up between the fences
when the young generation is listed for all windows that wait, at the latest as it is collected;
from there on they are followed from collection to collection as ids in generation 1, and are
settled once they outlived a collection, or after a while without one.
"""

from __future__ import annotations

import weakref
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Generic, TypeVar

from pympler.leaks.listing import Listing, take
from pympler.leaks.report import TypeCount, TypeCounts
from pympler.leaks.timers import CONTEXT, TIMER, waiting_timers
from pympler.leaks.window import Capture, Sweep, Window
from pympler.sizing.flat import GC_HEADER_BYTES, flat_size
from pympler.util.names import type_name

__all__ = ["Births", "Followers", "Settled", "TypeInfo", "TypeNames", "count_by_type", "flat_sizes"]

Births = dict[int, "TypeInfo"]
Key = TypeVar("Key")

_MOST_TYPES = 2000
_MOST_MARKS = 4000  # of all windows that wait, in the young generation of the application
_OWN = ("pympler.", "pympler_")


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """Name and smallest size of a type, without a reference to it."""

    name: str
    basic_bytes: int
    is_own: bool = False


class TypeNames:
    """Remembers :class:`TypeInfo` by type, without keeping a type alive."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[type], TypeInfo]] = {}

    def __call__(self, kind: type) -> TypeInfo:
        """What is known of a type; the key is its id, since metaclasses may define a hash."""
        known = self._known.get(id(kind))
        if known is not None and known[0]() is kind:
            return known[1]
        if len(self._known) >= _MOST_TYPES:
            self._known.clear()
        basic_bytes = type.__dict__["__basicsize__"].__get__(kind) + GC_HEADER_BYTES
        name = type_name(kind)
        info = TypeInfo(name, basic_bytes, name.startswith(_OWN))
        self._known[id(kind)] = (weakref.ref(kind), info)
        return info


@dataclass(frozen=True, slots=True, eq=False)
class Settled(Generic[Key]):
    """What a window left behind.

    Attributes:
        key: what the window was followed under.
        survivors: ids and types of the births that were alive at the re-check.
        rechecked: ``"collected"`` if they, or all but them, met a collection after the request,
            else ``"alive"``.
        sizes: flat sizes by id, of these survivors among others.
        unfollowed: number of births that went out of sight within the window.
        fault: why the window could not be right, empty if it is.
    """

    key: Key
    survivors: Births
    rechecked: str
    sizes: Mapping[int, int]
    unfollowed: int = 0
    fault: str = ""

    def without(self, garbage: Collection[int]) -> Settled[Key]:
        """The same without what a collection of the young generations would free.

        That proves as much as a collection. What has left these generations was in one that came
        after the request.
        """
        survivors = {item: kind for item, kind in self.survivors.items() if item not in garbage}
        return replace(self, survivors=survivors, rechecked="collected")


@dataclass(slots=True, eq=False)
class Followed(Generic[Key]):
    """The births of one closed window on their way to being settled.

    Attributes:
        window: where the births are looked up, until a collection has moved them on.
        aged: births in generation 1.
        young: births that the last look has found between the fences.
        in_young: whether they are there, or would be.
        settled: births whose last look found them alive.
        collected: whether what is settled outlived a collection after the request.
        passed: whether there was one while anything was left.
    """

    key: Key
    since_s: float
    window: Window
    aged: Births
    young: Births = field(default_factory=dict)
    in_young: bool = True
    settled: Births = field(default_factory=dict)
    collected: bool = True
    passed: bool = False

    def pass_collection(self, capture: Capture, old: Collection[int] | None) -> None:
        """Follow the births through a collection, before which they were looked up.

        Args:
            capture: the collection.
            old: which of those in generation 1 were there before, if that is known.
        """
        self.passed = self.passed or bool(self.young or self.aged)
        if self.aged and old is not None:
            self.settle_aged(old)
        young, self.young = self.young, {}
        self.in_young = False
        self.window.marks = None
        if capture.generation == 0:
            self.aged.update(young)
            return
        # They go on to generation 2, which is too large to look for them.
        lost = {**self.aged, **young}
        self.aged = {}
        if lost:
            self.settled.update(lost)
            self.collected = False

    def settle_aged(self, alive: Collection[int]) -> None:
        """Settle those in generation 1, of which these are still there."""
        self.settled.update(_among(self.aged, alive))
        self.aged = {}


class Followers(Generic[Key]):
    """Follows the births of closed windows until they are settled.

    Args:
        most_waiting: windows that may wait; beyond it the oldest are settled as they are.
        longest_wait_s: seconds that a window may wait for a collection.

    Attributes:
        any_aged: whether some births wait in generation 1.
    """

    def __init__(self, *, most_waiting: int = 128, longest_wait_s: float = 10.0) -> None:
        self._most_waiting = most_waiting
        self._longest_wait_s = longest_wait_s
        self._waiting: list[Followed[Key]] = []
        self._names = TypeNames()
        self._marks = 0
        self.any_aged = False

    def __len__(self) -> int:
        return len(self._waiting)

    def follow(self, key: Key, window: Window, now_s: float) -> None:
        """Follow the births of a window that has just been closed."""
        aged = {} if window.aged is None else self._births(window.aged)
        self.any_aged = self.any_aged or bool(aged)
        if window.marks is not None:
            self._marks += window.last_mark
        self._waiting.append(Followed(key, now_s, window, aged))

    def is_due(self, now_s: float) -> bool:
        """Whether it is worthwhile to list the young generation once for all that wait.

        They are looked at together and not at the end of each window: the cost of a listing
        follows the number of young objects, of which an application may have very many.
        """
        waiting = self._waiting
        if not waiting:
            return False
        too_many = len(waiting) > self._most_waiting or self._marks > _MOST_MARKS
        return too_many or self.any_aged or now_s - waiting[0].since_s > self._longest_wait_s

    def advance(self, sweep: Sweep) -> None:
        """Look what is left of the waiting births at this sweep.

        Call it before a window that was closed after these captures is followed.
        """
        if not self._waiting:
            return
        for capture in sweep.captures:
            self._look(capture.young)
            old = None
            if capture.old_ids is not None:
                # Cheaper than a set made of all that is in generation 1.
                old = self._aged().intersection(capture.old_ids)
            for followed in self._waiting:
                followed.pass_collection(capture, old)
        if sweep.captures:
            self.any_aged = any(followed.aged for followed in self._waiting)
        elif sweep.young is not None:
            self._look(sweep.young)

    @property
    def any_young(self) -> bool:
        """Whether the young generation has to be listed for any of them."""
        return any(followed.in_young for followed in self._waiting)

    def _aged(self) -> set[int]:
        return set().union(*(followed.aged for followed in self._waiting if followed.aged))

    def _look(self, young: Listing) -> None:
        """Look up the births of all windows that no collection has come upon yet."""
        end = 0
        for followed in self._waiting:
            if followed.in_young:
                births, end = followed.window.look_up(young, end)
                followed.young = self._births(births)

    def settle(self, now_s: float, *, everything: bool = False) -> list[Settled[Key]]:
        """The windows that are settled now; call it right after :meth:`advance`."""
        sizes: dict[int, int] = {}
        if self.any_aged:
            sizes = flat_sizes(self._aged(), 1)
            for followed in self._waiting:
                if followed.aged:
                    followed.settle_aged(sizes.keys())
            self.any_aged = False
        everything = everything or self._marks > _MOST_MARKS
        self._marks = 0
        done, self._waiting[:] = self._split(now_s, everything)
        young: set[int] = set()
        others: set[int] = set()
        for followed in done:
            others |= followed.settled.keys() - sizes.keys()
            if followed.young:
                young |= followed.young.keys()
                followed.settled.update(followed.young)
                followed.collected = False
        sizes |= flat_sizes(young, 0)
        sizes |= flat_sizes(others - sizes.keys(), 1)
        return [
            Settled(
                followed.key,
                _without_timers(followed.settled),
                "collected" if followed.collected and followed.passed else "alive",
                sizes,
                followed.window.unfollowed,
                followed.window.fault,
            )
            for followed in done
        ]

    def _split(
        self, now_s: float, everything: bool
    ) -> tuple[list[Followed[Key]], list[Followed[Key]]]:
        # More than has to be, so that the next one is not due at once.
        too_many = len(self._waiting) > self._most_waiting
        surplus = len(self._waiting) - self._most_waiting // 2 if too_many else 0
        done: list[Followed[Key]] = []
        waiting: list[Followed[Key]] = []
        for number, followed in enumerate(self._waiting):
            finished = (
                everything
                or not followed.young
                or number < surplus
                or now_s - followed.since_s > self._longest_wait_s / 2
            )
            (done if finished else waiting).append(followed)
        return done, waiting

    def _births(self, listing: Listing) -> Births:
        if not listing.ids:
            return {}
        births = dict(zip(listing.ids, map(self._names, listing.types), strict=True))
        if any(info.is_own for info in births.values()):
            return {item: info for item, info in births.items() if not info.is_own}
        return births


def flat_sizes(wanted: Collection[int], generation: int) -> dict[int, int]:
    """Flat sizes of the objects with these ids that are in this generation now."""
    if not wanted:
        return {}
    objects, tuples = take(generation, wanted)
    sizes = {id(item): flat_size(item) for item in objects}
    sizes.update((item, size + GC_HEADER_BYTES) for item, size in tuples)
    return sizes


def count_by_type(survivors: Births, sizes: Mapping[int, int]) -> tuple[TypeCount, ...]:
    """Survivors by type, most bytes first.

    Args:
        survivors: what is to be counted.
        sizes: flat sizes by id. An object without one counts as much as the others of its type
            do at the median, or with the basic size of the type.
    """
    rows = []
    by_type: dict[str, list[tuple[int, int]]] = {}
    for item, info in survivors.items():
        by_type.setdefault(info.name, []).append((sizes.get(item, 0), info.basic_bytes))
    for name, items in by_type.items():
        measured = [size for size, _ in items if size]
        usual = int(median(measured)) if measured else 0
        total = sum(size or usual or basic for size, basic in items)
        rows.append(TypeCount(name, len(items), total))
    return TypeCounts(sorted(rows, key=lambda row: (-row.flat_bytes, -row.count, row.type)))


def _without_timers(births: Births) -> Births:
    """The births without timers that were cancelled, and the contexts in which they were to run."""
    timers = {item for item, info in births.items() if info.name == TIMER}
    if not timers:
        return births
    waiting = waiting_timers(timers)
    if waiting is None or waiting:
        return births
    contexts = {item for item, info in births.items() if info.name == CONTEXT}
    # Which of them it is cannot be told: if there are more, all of them stay.
    gone = timers | contexts if len(contexts) == len(timers) else timers
    return {item: info for item, info in births.items() if item not in gone}


def _among(births: Births, ids: Collection[int]) -> Births:
    return {item: info for item, info in births.items() if item in ids}
