"""The sizer with a memory: what it has sized once costs nothing the second time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from pympler.sizing.asized import Asized, break_down
from pympler.sizing.marks import marks_of, shared_ids
from pympler.sizing.measured import budget_of, rules_of
from pympler.sizing.options import Options
from pympler.sizing.printed import (
    headline,
    largest_lines,
    profile_lines,
    summary_lines,
    type_lines,
)
from pympler.sizing.python_walk import Walk
from pympler.sizing.record import Recorder
from pympler.sizing.tally import Tally
from pympler.util.text import safe_repr

__all__ = ["Asizer"]

_Ids = set[int]  # the class has a method called set
_AnyWalk = TypeVar("_AnyWalk", bound=Walk)


class Asizer:
    """Sizes objects and adds up what it has sized.

    An object that was sized once counts nothing afterwards, until :meth:`reset`. Objects are known
    by their id and not kept alive, so that one that is gone may be taken for another.

    Args:
        opts: the options of :func:`pympler.asizeof.asizeof`, but for ``all``.

    Raises:
        KeyError: for an unknown option; ValueError: for a value that makes no sense.

    Example:
        >>> sizer = Asizer()
        >>> shared = ["shared"]
        >>> sizer.asizeof(shared) > 0, sizer.asizeof(shared)
        (True, 0)
    """

    def __init__(self, **opts: Any) -> None:
        self.reset(**opts)

    def reset(self, **opts: Any) -> None:
        """Forget what was sized and excluded, and set the options, all others to their defaults."""
        self._options = Options().changed("reset", opts)
        self._excluded_types: list[type] = []
        self._excluded: _Ids = set()
        self._unreferred: _Ids = set()
        self._sized: _Ids = set()
        self._tally = Tally()

    def set(
        self,
        above: int | None = None,
        align: int | None = None,
        code: bool | None = None,
        cutoff: int | None = None,
        frames: bool | None = None,
        detail: int | None = None,
        limit: int | None = None,
        stats: float | None = None,
    ) -> None:
        """Change some options; ``None`` leaves one as it is.

        Raises:
            ValueError: for a value that makes no sense.
        """
        given = {
            "above": above,
            "align": align,
            "code": code,
            "cutoff": cutoff,
            "frames": frames,
            "detail": detail,
            "limit": limit,
            "stats": stats,
        }
        changed = {name: value for name, value in given.items() if value is not None}
        self._options = self._options.changed("set", changed)

    # Sizing

    def asizeof(self, *objs: Any, **opts: Any) -> int:
        """Bytes of objects together with all that they refer to and was not sized before."""
        self.set(**opts)
        return sum(self._measure([objs], objs)[0])

    def asizesof(self, *objs: Any, **opts: Any) -> tuple[int, ...]:
        """Bytes of each of the objects, without references from one to another."""
        self.set(**opts)
        distinct = list({id(item): item for item in objs}.values())
        sizes, _ = self._measure([[item] for item in distinct], objs)
        by_id = {id(item): size for item, size in zip(distinct, sizes, strict=True)}
        return tuple(by_id[id(item)] for item in objs)

    def asized(self, *objs: Any, **opts: Any) -> Any:
        """The sizes of objects in parts: an :class:`Asized` for one, a tuple for several."""
        self.set(**opts)
        options = self._options
        seen = self._unwanted()
        distinct = {id(item): item for item in objs}
        _, namespaces = self._measure([[item] for item in distinct.values()], objs)
        parts = {
            key: Asized(0, 0, (), safe_repr(item, options.clip))
            for key, item in distinct.items()
            if key in seen and key not in self._startable()
        }
        walk = self._walk(Walk, seen | distinct.keys())
        walk.namespaces = namespaces
        for key, item in distinct.items():
            if key not in parts:
                parts[key] = break_down(walk, item, options.detail, options.clip, options.limit)
        found = tuple(parts[id(item)] for item in objs)
        return found[0] if len(found) == 1 else found

    def exclude_objs(self, *objs: Any) -> None:
        """Leave these objects out, also when they are given to be sized."""
        self._excluded.update(map(id, objs))

    def exclude_refs(self, *objs: Any) -> None:
        """Leave references to these objects out; given to be sized, they are."""
        self._unreferred.update(map(id, objs))

    def exclude_types(self, *objs: Any) -> None:
        """Leave all instances of these types, or of the types of these objects, out."""
        for item in objs:
            kind = item if issubclass(type(item), type) else type(item)
            if not any(kind is known for known in self._excluded_types):
                self._excluded_types.append(kind)

    def _unwanted(self) -> _Ids:
        return self._sized | self._unreferred | self._excluded | shared_ids()

    def _startable(self) -> _Ids:
        return (self._unreferred | shared_ids()) - self._sized - self._excluded

    def _walk(self, of: type[_AnyWalk], seen: _Ids) -> _AnyWalk:
        options = self._options
        rules = rules_of(options, frozenset(map(id, self._excluded_types)))
        walk = of(rules, options.align, options.limit, budget_of(options), marks_of(seen))
        walk.startable = self._startable()
        return walk

    def _measure(
        self, groups: Sequence[Sequence[Any]], objs: Sequence[Any]
    ) -> tuple[tuple[int, ...], _Ids]:
        """Sizes of groups of objects, and the ids of the namespaces that were met."""
        walk = self._walk(Recorder, self._unwanted())
        walk.sized_before = self._sized
        measured = walk.run(groups)
        times = Counter(map(id, objs))
        walk.repeated.update(key for key in times if times[key] > 1)
        self._sized.update(id(row.item) for row in walk.rows)
        self._tally.add(len(objs), measured, walk, self._options)
        return measured.sizes, walk.namespaces

    # Printing

    def print_summary(self, w: int = 0, objs: Sequence[Any] = (), **print3options: Any) -> None:
        """Print how much was sized.

        Args:
            w: width of the numbers, 0 for what they need.
            objs: given for the excluded objects of a call; not needed.
            print3options: ``file``, ``end`` and ``flush`` of ``print``.
        """
        options = self._options
        lines = summary_lines(
            self._tally, self.seen, len(self._excluded_types), options.align, w or self._width()
        )
        self._print(lines, print3options)

    def print_largest(self, w: int = 0, cutoff: int = 0, **print3options: Any) -> None:
        """Print the largest objects.

        Args:
            w: width of the numbers, 0 for what they need.
            cutoff: how many, 0 for what the option says.
            print3options: ``file``, ``end`` and ``flush`` of ``print``.
        """
        tally = self._tally
        rows = tally.largest[: cutoff or self._options.cutoff]
        width = w or self._width()
        self._print(largest_lines(rows, tally.ranked, self._options.above, width), print3options)

    def print_profiles(self, w: int = 0, cutoff: int = 0, **print3options: Any) -> None:
        """Print what each type takes.

        Args:
            w: width of the numbers, 0 for what they need.
            cutoff: leave out what takes less than this share of the whole, in percent.
            print3options: ``file``, ``end`` and ``flush`` of ``print``.
        """
        width = w or self._width()
        self._print(profile_lines(self._tally.profiles, cutoff, width), print3options)

    def print_stats(
        self,
        objs: Sequence[Any] = (),
        opts: Mapping[str, Any] | None = None,
        sized: Any = (),
        sizes: Sequence[int] = (),
        stats: float = 3,
        **print3options: Any,
    ) -> None:
        """Print what was found: a summary and the largest objects, the types, the type table.

        Args:
            objs: what was given.
            opts: the options, for the headline.
            sized: what :meth:`asized` gave.
            sizes: what :meth:`asizesof` gave.
            stats: 1 to 3, as the option.
            print3options: ``file``, ``end`` and ``flush`` of ``print``.
        """
        level = int(stats)
        cutoff = round((stats - level) * 100) or self._options.cutoff
        width = self._width()
        self._print(headline(objs, opts or {}, sized, sizes, self._options.clip), print3options)
        self.print_summary(width, objs, **print3options)
        if level >= 1:
            self.print_largest(width, cutoff, **print3options)
        if level >= 2:
            self.print_profiles(width, cutoff if stats != level else 0, **print3options)
        if level >= 3:
            self.print_typedefs(width, **print3options)

    def print_typedefs(self, w: int = 0, **print3options: Any) -> None:
        """Print what was done with each type.

        Args:
            w: width of the numbers, 0 for what they need.
            print3options: ``file``, ``end`` and ``flush`` of ``print``.
        """
        lines = type_lines(self._tally.types, w or self._width())
        self._print(lines, print3options)

    def _width(self) -> int:
        tally = self._tally
        return len(str(tally.missed + self.seen + tally.total)) + 1

    def _print(self, lines: Iterable[str], print3options: Mapping[str, Any]) -> None:
        given = dict(print3options)
        given.setdefault("file", self._options.stream)
        for line in lines:
            print(line, **given)  # noqa: T201 - what it is asked for

    # What was found

    @property
    def above(self) -> int:
        """Objects are ranked only with more bytes than this."""
        return self._options.above

    @property
    def align(self) -> int:
        """Sizes are rounded up to a multiple of this."""
        return self._options.align

    @property
    def clip(self) -> int:
        """The most characters of a ``repr``."""
        return self._options.clip

    @property
    def code(self) -> bool:
        """Whether classes and functions are counted."""
        return self._options.code

    @property
    def cutoff(self) -> int:
        """How many of the largest objects are printed."""
        return self._options.cutoff

    @property
    def derive(self) -> bool:
        """As given; without effect."""
        return self._options.derive

    @property
    def detail(self) -> int:
        """How many levels of referents are told one by one."""
        return self._options.detail

    @property
    def duplicate(self) -> int:
        """How many objects were met more than once."""
        return len(self._tally.repeated)

    @property
    def excluded(self) -> tuple[type, ...]:
        """The types whose instances are left out."""
        return tuple(self._excluded_types)

    @property
    def frames(self) -> bool:
        """Whether running frames are counted."""
        return self._options.frames

    @property
    def ignored(self) -> bool:
        """Whether built-in classes and functions cost nothing."""
        return self._options.ignored

    @property
    def infer(self) -> bool:
        """As given; without effect."""
        return self._options.infer

    @property
    def limit(self) -> int | None:
        """How many references away an object may be; ``None`` for any."""
        return self._options.limit

    @property
    def missed(self) -> int:
        """How many objects could not be sized and count with what their type tells."""
        return self._tally.missed

    @property
    def ranked(self) -> int:
        """How many objects have more bytes than :attr:`above`."""
        return self._tally.ranked

    @property
    def seen(self) -> int:
        """How many different objects were met."""
        return len(self._sized)

    @property
    def sized(self) -> int:
        """How many objects were counted."""
        return self._tally.sized

    @property
    def stats(self) -> int:
        """How much is printed."""
        return self._options.stats

    @property
    def stopped(self) -> str:
        """The limit at which a walk stopped early, ``""`` if everything was counted."""
        return self._tally.stopped

    @property
    def total(self) -> int:
        """Bytes of all that was sized."""
        return self._tally.total
