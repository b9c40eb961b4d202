"""Chosen classes: which instances a request made of the classes in ``track_classes``.

A context variable tells a constructor whose request it runs for, so births are exact however many
requests are in flight: tasks have the context of the request that started them, and so have the
thread pools of the frameworks. What runs without it is counted apart.
"""

from __future__ import annotations

import logging
import weakref
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from contextvars import ContextVar, Token
from itertools import count
from typing import Any

from pympler.errors import SettingsError
from pympler.leaks.classpaths import find_class
from pympler.leaks.report import ClassTotal, ClassUse, Place, Rows
from pympler.lifetimes.records import Record, Site
from pympler.lifetimes.sites import application_site_of
from pympler.lifetimes.tracking import Options, Tracking
from pympler.sizing.kinds import Rules
from pympler.sizing.python_walk import Budget
from pympler.sizing.walk import walk
from pympler.util.names import short_file

__all__ = ["ChosenClasses", "RequestBirths"]

logger = logging.getLogger("pympler")

_MOST_PLACES = 10
_MOST_SIZED = 20
_MOST_WALKED = 1000
_OUTSIDE = "outside of requests"
_IN_FLIGHT = "requests in flight"


class Tally:
    """A number that any thread adds to without a lock; read by one thread at a time."""

    __slots__ = ("_count", "_reads")

    def __init__(self) -> None:
        self._count = count()
        self._reads = 0

    def add(self) -> None:
        """Add one."""
        next(self._count)

    def read(self) -> int:
        """The number now."""
        number = next(self._count) - self._reads
        self._reads += 1
        return number


class Records(dict[int, Record]):
    """Records by the id of their instance; a type of its own, which no window lists."""

    __slots__ = ()


class Origin:
    """The request that made an instance, which is remembered for as long as the instance lives.

    Attributes:
        route: ``method route``, once it has ended.
        ended: whether what is made from now on is not its own.
    """

    __slots__ = ("ended", "route")

    def __init__(self) -> None:
        self.route = _IN_FLIGHT
        self.ended = False


class RequestBirths:
    """What one request makes of the chosen classes.

    Attributes:
        origin: what is remembered of the request for longer.
    """

    __slots__ = ("_chosen", "_records", "_tallies", "_token", "_unowned", "origin")

    def __init__(self, chosen: ChosenClasses) -> None:
        self._chosen = chosen
        self.origin = Origin()
        self._records: Records | None = None
        self._tallies: dict[str, Tally]
        self._unowned: dict[str, int]
        self._token: Token[RequestBirths | None] | None = chosen.current.set(self)

    def watch(self) -> None:
        """Remember what it makes, for :meth:`uses`; before its window, which would list this."""
        names = self._chosen.names()
        self._tallies = {name: Tally() for name in names}
        self._unowned = {name: self._chosen.unowned[name].read() for name in names}
        self._records = Records()

    def add(self, record: Record) -> None:
        """Take an instance that it made; called in the constructor."""
        record.owner = self.origin
        records = self._records
        if records is not None:
            # The ids of the dead are used again, so that this does not grow with the births.
            records[record.id] = record
            tally = self._tallies.get(record.target.series.name)
            if tally is not None:
                tally.add()

    def finish(self, method: str, route: str) -> None:
        """The request has ended: what is made from now on is not its own."""
        self.origin.route = f"{method} {route}".strip()
        self.origin.ended = True

    def end(self) -> None:
        """Note how many were made meanwhile by what belongs to no request."""
        if self._records is not None:
            unowned = self._chosen.unowned
            self._unowned = {
                name: unowned[name].read() - before for name, before in self._unowned.items()
            }

    def leave(self) -> None:
        """Let the context be as before; after the window, which would list what that makes."""
        token, self._token = self._token, None
        if token is not None:
            # In another context, or another thread, than it began in: it has ended all the same.
            with suppress(ValueError):
                self._chosen.current.reset(token)
        self._chosen.say_problems()

    def uses(self) -> tuple[ClassUse, ...]:
        """What stayed of it until now, for each class that it made instances of; only once."""
        records, self._records = self._records, None
        if records is None:
            return ()
        stayed: dict[str, list[Record]] = {}
        for record in list(records.values()):
            if record() is not None:
                stayed.setdefault(record.target.series.name, []).append(record)
        return Rows(
            self._use(name, tally.read(), stayed.get(name, []))
            for name, tally in self._tallies.items()
            if tally.read() or self._unowned[name]
        )

    def _use(self, name: str, births: int, stayed: list[Record]) -> ClassUse:
        return ClassUse(
            name=name,
            births=births,
            deaths=births - len(stayed),
            live=self._chosen.live(name),
            stayed_bytes=_bytes_of(stayed),
            elsewhere=self._unowned[name],
            sites=_places(_site_text(record) for record in stayed),
        )


class ChosenClasses:
    """The classes in ``track_classes``: their instances, by request and together.

    The monitor calls it in its turn, but for what constructors do. When it is dropped the classes
    are as they were.

    Args:
        paths: dotted paths; a class whose module nobody has imported yet is tracked from the
            first request on that finds it imported.

    Attributes:
        current: the request that the code which runs now belongs to.
        unowned: births outside of requests, by class.

    Raises:
        SettingsError: if a path does not lead to a class that can be tracked.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.current: ContextVar[RequestBirths | None] = ContextVar("pympler", default=None)
        self.unowned: dict[str, Tally] = {}
        self._problems: list[str] = []
        self._said = 0
        self._waiting = list(paths)
        self._tracking = Tracking(
            0,
            site=application_site_of,
            on_birth=_on_birth(self.current, self.unowned),
            scans=False,
        )
        weakref.finalize(self, self._tracking.unwatch_all).atexit = False
        try:
            self._find()
        except SettingsError:
            self.close()
            raise

    def enter(self) -> RequestBirths:
        """A request begins, in the context of the caller."""
        if self._waiting:
            self._find_later()
        return RequestBirths(self)

    def names(self) -> list[str]:
        """The paths of the classes that are tracked by now."""
        return list(self.unowned)

    def live(self, name: str) -> int:
        """How many instances of a class live that were seen when they were made."""
        series = self._tracking.series.get(name)
        return 0 if series is None else series.settle().live

    def totals(self) -> tuple[ClassTotal, ...]:
        """What is known of each class."""
        living: dict[str, list[Record]] = {name: [] for name in self.names()}
        for record in list(self._tracking.live.values()):
            if record() is not None:
                living.setdefault(record.target.series.name, []).append(record)
        return Rows(self._total(name, records) for name, records in living.items())

    def _total(self, name: str, living: list[Record]) -> ClassTotal:
        series = self._tracking.series.get(name)
        births = 0 if series is None else series.settle().births
        return ClassTotal(
            name=name,
            births=births,
            deaths=max(births - len(living), 0),
            live_bytes=_bytes_of(living),
            routes=_places(_route_of(record) for record in living),
            sites=_places(_site_text(record) for record in living),
        )

    def notes(self) -> tuple[str, ...]:
        """What is not tracked, and why."""
        waiting = [f"{path} is not tracked yet: nothing has imported it" for path in self._waiting]
        return (*self._problems, *waiting)

    def say_problems(self) -> None:
        """Log each problem once; outside any lock, since a log handler is code of others."""
        while self._said < len(self._problems):
            self._said += 1
            logger.error("%s", self._problems[self._said - 1])

    def forget(self) -> None:
        """Begin anew, as a forked child has to; the classes stay tracked."""
        self._tracking.forget()
        for name in self.names():
            self.unowned[name] = Tally()

    def close(self) -> None:
        """Leave the classes as they were found; may be called twice."""
        self._waiting.clear()
        self._tracking.unwatch_all()

    def _find(self) -> None:
        for path in list(self._waiting):
            cls = find_class(path)
            if cls is not None:
                self._track(path, cls)

    def _find_later(self) -> None:
        """As at the start, but no error reaches the application."""
        for path in list(self._waiting):
            try:
                cls = find_class(path)
                if cls is not None:
                    self._track(path, cls)
            except SettingsError as error:
                self._waiting.remove(path)
                self._problems.append(str(error))

    def _track(self, path: str, cls: type) -> None:
        if any(cls is known for known in self._tracking.classes()):
            raise SettingsError(
                f"setting 'track_classes' names {path!r}, a class that another of its paths names "
                "as well; leave one of them"
            )
        self.unowned[path] = Tally()
        try:
            self._tracking.watch(cls, Options(path, trace=1))
        except TypeError as error:
            del self.unowned[path]
            raise SettingsError(f"setting 'track_classes' names {path!r}: {error}") from None
        self._waiting.remove(path)


def _on_birth(current: ContextVar[RequestBirths | None], unowned: dict[str, Tally]) -> Any:
    def born(record: Record) -> None:
        request = current.get()
        # A task, or a thread with a copy of the context, may go on when the request has ended.
        if request is not None and not request.origin.ended:
            request.add(record)
            return
        tally = unowned.get(record.target.series.name)
        if tally is not None:
            tally.add()

    return born


def _route_of(record: Record) -> str:
    owner = getattr(record, "owner", None)
    return owner.route if isinstance(owner, Origin) else _OUTSIDE


def _site_text(record: Record) -> str:
    site: Site = getattr(record, "site", ())
    if not site:
        return "an unknown place"
    file, line, function = site[-1]
    return f"{short_file(file)}:{line} in {function}"


def _places(names: Iterable[str]) -> tuple[Place, ...]:
    return Rows(Place(name, number) for name, number in Counter(names).most_common(_MOST_PLACES))


def _bytes_of(records: Sequence[Record]) -> int:
    """Bytes of some instances, as a few of them, evenly spread, are measured."""
    step = max(len(records) // _MOST_SIZED, 1)
    items = [item for record in records[::step][:_MOST_SIZED] if (item := record()) is not None]
    if not items:
        return 0
    measured = walk([items], Rules(), limit=2, budget=Budget(max_objects=_MOST_WALKED))
    return measured.sizes[0] * len(records) // len(items)
