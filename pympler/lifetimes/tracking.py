"""Which instances of chosen classes live: from their constructor, or a scan, to their death."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from pympler.graph.containers import list_without_tuples
from pympler.lifetimes.constructors import Listener, attach, detach, refuse
from pympler.lifetimes.records import (
    MOST_EVENTS,
    STARTED_S,
    Live,
    Record,
    Series,
    Site,
    Target,
    clock,
)
from pympler.lifetimes.sites import site_of
from pympler.lifetimes.sizes import asized_each
from pympler.sizing.asized import Asized
from pympler.sizing.flat import basic_size, mro_of
from pympler.util.names import type_name

__all__ = ["Options", "Tracking", "instances_of"]


@dataclass(frozen=True, slots=True)
class Options:
    """How the instances of a class are followed.

    Attributes:
        name: what they are counted under.
        level: how many levels of referents are sized one by one.
        keep: whether they are kept alive.
        trace: how many frames of their making are remembered, -1 for all.
    """

    name: str
    level: int = 0
    keep: bool = False
    trace: int = 0


class Tracking:
    """The instances of some classes, and single objects.

    Safe to use from many threads: what happens in constructors and at deaths takes no lock.

    Args:
        keep_dead: how many of the dead are remembered one by one, for each name.
        site: gives the place where an instance is made, if that is traced: from its class, the
            number of frames, and how many frames of ours are to be left out.
        on_birth: called with the record of each instance that is traced.
        scans: whether :meth:`adopt` is going to be called; it has to know what lived before.

    Attributes:
        live: records of what lives; series: counts by name.
    """

    def __init__(
        self,
        keep_dead: int,
        *,
        site: Callable[[type, int, int], Site] = site_of,
        on_birth: Callable[[Record], None] | None = None,
        scans: bool = True,
    ) -> None:
        self.live: Live = {}
        self.series: dict[str, Series] = {}
        self._keep_dead = keep_dead
        self._site = site
        self._on_birth = on_birth
        self._scans = scans
        self._classes: dict[int, tuple[type, Options, Listener]] = {}
        self._targets: dict[int, tuple[Target, Target]] = {}
        self._kinds: dict[int, weakref.ref[type]] = {}
        self._before: dict[int, Record] = {}
        self._kept: dict[int, Any] = {}

    # What is followed.

    def watch(self, cls: type, options: Options) -> None:
        """Follow the instances of a class from now on; again with other options if it is already.

        Raises:
            TypeError: if its instances cannot be followed.
        """
        refuse(cls)
        known = self._classes.get(id(cls))
        listener = self._listener() if known is None else known[2]
        self._classes[id(cls)] = (cls, options, listener)
        self._targets.clear()
        self._series(options.name)
        if known is not None:
            return
        try:
            attach(cls, listener)
        except TypeError:
            del self._classes[id(cls)], self.series[options.name]
            raise
        if self._scans:
            self._remember_those_before(cls)

    def unwatch(self, cls: type) -> None:
        """Follow no more new instances of a class.

        Raises:
            KeyError: if the class is not followed.
        """
        if id(cls) not in self._classes:
            raise KeyError(cls)
        listener = self._classes.pop(id(cls))[2]
        self._targets.clear()
        detach(cls, listener)

    def unwatch_all(self) -> None:
        """Follow no more new instances of any class; may be called twice."""
        for cls in self.classes():
            self.unwatch(cls)

    def classes(self) -> list[type]:
        """The classes whose instances are followed."""
        return [cls for cls, _, _ in list(self._classes.values())]

    def add(self, instance: Any, options: Options) -> None:
        """Follow a single object, unless it is already.

        Raises:
            TypeError: if it takes no weak references.
        """
        if id(instance) in self.live:
            return
        series = self._series(options.name)
        target = self._target(type(instance), None, options, series)
        try:
            self._register(instance, target)
        except TypeError as error:
            raise TypeError(
                f"{type_name(type(instance))} objects take no weak references and cannot be tracked"
            ) from error

    def change(self, instance: Any, level: int) -> None:
        """Size a followed object to another level of detail from now on.

        Raises:
            KeyError: if it is not followed.
        """
        record = self.live[id(instance)]
        record.target = replace(record.target, level=level)

    def forget(self) -> None:
        """Drop all records."""
        # A death that comes later finds itself forgotten.
        self.live.clear()
        self.series.clear()
        self._targets.clear()
        self._kept.clear()

    # Births.

    def _listener(self) -> Listener:
        live, targets, register, started = self.live, self._targets, self._register, STARTED_S

        def born(instance: Any) -> None:
            kind = type(instance)
            pair = targets.get(id(kind)) or self._resolve(kind)
            if pair is None:
                return
            target = pair[0]
            if target.trace or target.keep:
                register(instance, target, 2)
                return
            # As in register(), which would cost another half of this.
            record = Record(instance, target.died)
            record.id = key = id(instance)
            record.target = target
            record.birth = birth = perf_counter() - started
            known = live.setdefault(key, record)
            if known is not record:
                if known.target.adopted:
                    known.target = target
                return
            events = target.events
            events.append(birth)
            if len(events) > MOST_EVENTS:
                target.series.tidy()

        return born

    def _register(self, instance: Any, target: Target, depth: int | None = None) -> None:
        record = Record(instance, target.died)
        record.id = id(instance)
        record.target = target
        record.birth = clock()
        if depth is not None and target.trace:
            record.site = self._site(type(instance), target.trace, depth)
        known = self.live.setdefault(record.id, record)
        if known is not record:
            # Adopted by another thread before its constructor returned, or initialised twice.
            if known.target.adopted:
                known.target = target
            return
        if target.keep:
            self._kept[record.id] = instance
        if self._on_birth is not None:
            self._on_birth(record)
        target.events.append(record.birth)
        if len(target.events) > MOST_EVENTS:
            target.series.tidy()

    def _resolve(self, kind: type) -> tuple[Target, Target] | None:
        """How instances of this class are followed whose constructor was seen, and the others."""
        for base in mro_of(kind):
            if id(base) in self._classes:
                owner, options, _ = self._classes[id(base)]
                break
        else:
            return None
        target = self._target(kind, owner, options, self._series(options.name))
        pair = target, replace(target, adopted=True)
        key, targets, kinds = id(kind), self._targets, self._kinds

        def gone(_: Any) -> None:
            # Another class may have its id from now on.
            targets.pop(key, None)
            kinds.pop(key, None)

        kinds[key] = weakref.ref(kind, gone)
        targets[key] = pair
        return pair

    def _series(self, name: str) -> Series:
        series = self.series.get(name)
        if series is None:
            series = self.series.setdefault(name, Series(name, self._keep_dead))
        return series

    def _target(self, kind: type, owner: type | None, options: Options, series: Series) -> Target:
        return Target(
            series=series,
            events=series.events,
            died=series.farewell(self.live),
            owner=owner,
            basic=basic_size(kind),
            level=options.level,
            keep=options.keep,
            trace=options.trace,
        )

    # What no constructor told.

    def adopt(self) -> None:
        """Find the instances that live although their constructor was not seen.

        They were copied, unpickled, or made by ``__new__`` alone, or their class does not call the
        constructor of the tracked one. Those that lived before their class was tracked do not
        count.
        """
        if not self._classes:
            return
        live, before = self.live, self._before
        for item in instances_of(self.classes()):
            if id(item) in live or id(item) in before:
                continue
            kind = type(item)
            pair = self._targets.get(id(kind)) or self._resolve(kind)
            if pair is not None:
                self._register(item, pair[1])

    def _remember_those_before(self, cls: type) -> None:
        before, live = self._before, self.live

        def gone(record: Record) -> None:
            before.pop(record.id, None)

        for item in instances_of([cls]):
            if id(item) not in live:
                record = Record(item, gone)
                record.id = id(item)
                before[record.id] = record

    # Sizes.

    def measure(self) -> list[tuple[Record, Asized]]:
        """The size of each instance that lives, without the others.

        What several of them refer to counts for the one that was born first.
        """
        records, items = [], []
        for record in list(self.live.values()):
            item = record()
            if item is not None:
                records.append(record)
                items.append(item)
        sizes = asized_each(items, [record.target.level for record in records])
        return list(zip(records, sizes, strict=True))

    def settle(self) -> list[Series]:
        """The series with all that has happened until now."""
        return [series.settle() for series in list(self.series.values())]

    def own_bytes(self) -> int:
        """About what the records themselves take."""
        counts: dict[str, int] = {}
        for record in list(self.live.values()):
            name = record.target.series.name
            counts[name] = counts.get(name, 0) + 1
        return sum(
            series.own_bytes(counts.get(series.name, 0)) for series in list(self.series.values())
        )


def instances_of(classes: Iterable[type]) -> list[Any]:
    """All instances of some classes and of their subclasses that gc lists; runs no user code."""
    wanted: set[int] = set()
    todo = list(classes)
    while todo:
        cls = todo.pop()
        if id(cls) not in wanted:
            wanted.add(id(cls))
            todo += type.__subclasses__(cls)
    return [item for item in list_without_tuples() if id(type(item)) in wanted]
