"""The walk in Python, which is the reference for the compiled one.

Level by level from the objects that are asked for to all that they refer to, many objects of one
type at a time, so that most of the work is done by functions written in C. Keeps the ids of what
it has seen, and of the objects themselves only one level. No state outlives it and none is shared.
"""

from __future__ import annotations

import builtins
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from pympler.sizing.flat import int_bytes
from pympler.sizing.kinds import Kind, Rules, kind_of
from pympler.sizing.marks import MARK_SHIFT, shared_ids
from pympler.util.parts import parts

__all__ = [
    "Budget",
    "Measured",
    "Outcome",
    "TypeSize",
    "Walk",
    "aligned",
]


@dataclass(frozen=True, slots=True)
class Budget:
    """When a walk stops early.

    Attributes:
        max_objects: after this many objects; ``None`` for no limit.
        timeout_s: after this many seconds; ``None`` for no limit.
    """

    max_objects: int | None = None
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class TypeSize:
    """What the objects of one type take: how many, and bytes."""

    type: type
    objects: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Measured:
    """The outcome of a walk.

    Attributes:
        sizes: bytes for each of the groups of objects, what they share counted for the first.
        objects: how many objects were counted; missed: of them, those that could not be sized and
            are counted with the fixed part that their type tells.
        deepest: how many references away the farthest object is.
        stopped: ``""``, or the limit at which the walk stopped early: ``"max_objects"`` or
            ``"timeout_s"``.
        types: what each type takes, the most bytes first.
    """

    sizes: tuple[int, ...]
    objects: int
    missed: int
    deepest: int
    stopped: str
    types: tuple[TypeSize, ...]


_variables_of = vars(ModuleType)["__dict__"].__get__


def aligned(size: int, align: int) -> int:
    """A size rounded up to a multiple of a power of two."""
    return (size + align - 1) & -align


@dataclass(slots=True, eq=False)
class Outcome:
    """What a group takes, and what is still to be counted when everything has been reached."""

    total: int = 0
    mappings: list[list[Any]] = field(default_factory=list)
    late: list[tuple[Kind, list[Any]]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Walk:
    """The state of one walk.

    Attributes:
        seen: marks of all that was met or is not to be counted; see :func:`marks_of`.
        given: ids of what was asked for.
        startable: ids of what is counted if it is asked for, although it was seen.
        kinds: what is done with each type, by id.
        namespaces: ids of dictionaries that are the ``__dict__`` of an instance.
        most_at_once: how many objects are handled together.
    """

    rules: Rules
    align: int
    limit: int | None
    budget: Budget
    seen: set[int]
    given: set[int] = field(default_factory=set)
    startable: AbstractSet[int] = field(default_factory=shared_ids)
    kinds: dict[int, Kind] = field(default_factory=dict)
    namespaces: set[int] = field(default_factory=set)
    objects: int = 0
    missed: int = 0
    deepest: int = 0
    stopped: str = ""
    deadline: float = 0.0
    most_at_once: int = 5000

    def run(self, groups: Sequence[Sequence[Any]]) -> Measured:
        """Walk from groups of objects; once for each walk."""
        if self.budget.timeout_s is not None:
            self.deadline = time.monotonic() + self.budget.timeout_s
        starts = [self._starts(group) for group in groups]
        outcomes = []
        for start in starts:
            outcome = Outcome()
            outcomes.append(outcome)
            self.spread(start, outcome)
        self.finish(outcomes)
        types = [
            TypeSize(kind.type, kind.objects, kind.bytes)
            for kind in self.kinds.values()
            if kind.objects
        ]
        types.sort(key=lambda row: (-row.bytes, -row.objects))
        sizes = tuple(outcome.total for outcome in outcomes)
        return Measured(sizes, self.objects, self.missed, self.deepest, self.stopped, tuple(types))

    def finish(self, outcomes: Sequence[Outcome]) -> None:
        """Count what had to wait until everything was reached."""
        # Which dictionaries are namespaces of instances is known only now.
        for outcome in outcomes:
            self._add_keys(outcome)
        for outcome in outcomes:
            self._ask_late(outcome)

    def _starts(self, group: Sequence[Any]) -> list[Any]:
        """The objects of a group that no group before has; shared ones have their own size here."""
        found = []
        for item in group:
            key = id(item)
            seen = key >> MARK_SHIFT in self.seen and key not in self.startable
            if key in self.given or seen:
                continue
            self.given.add(key)
            self.mark(item)
            found.append(item)
            if issubclass(type(item), ModuleType):
                found += self.fresh([self._namespace_of(item)])
        return found

    def _namespace_of(self, module: ModuleType) -> dict[str, Any]:
        """The variables of a module, which nobody owns unless the module itself is asked for."""
        self.mark(builtins.__dict__)  # each module refers to it
        variables: dict[str, Any] = _variables_of(module)
        return variables

    def spread(self, level: list[Any], outcome: Outcome) -> None:
        """Count these objects, none of them counted before, and all that they refer to."""
        depth = 0
        while level and not self.stopped:
            following: list[Any] = []
            is_last = self.limit is not None and depth >= self.limit
            for kind, items in self._by_kind(level):
                for part in parts(items, self.most_at_once):
                    if self._is_over():
                        break
                    self.count(kind, part, outcome)
                    if not is_last and kind.referents is not None:
                        self.follow(kind, part, following, outcome)
            self.deepest = max(self.deepest, depth)
            depth += 1
            level = self.fresh(following)

    def _is_over(self) -> bool:
        budget = self.budget
        if budget.max_objects is not None and self.objects >= budget.max_objects:
            self.stopped = "max_objects"
        elif budget.timeout_s is not None and time.monotonic() >= self.deadline:
            self.stopped = "timeout_s"
        return bool(self.stopped)

    def _by_kind(self, level: list[Any]) -> Iterator[tuple[Kind, list[Any]]]:
        by_type: dict[int, list[Any]] = {}
        if len(set(map(id, map(type, level)))) == 1:
            by_type[id(type(level[0]))] = level
        else:
            for item in level:
                key = id(type(item))
                if key in by_type:
                    by_type[key].append(item)
                else:
                    by_type[key] = [item]
        for items in by_type.values():
            kind = self.kind(items[0])
            if kind.counted:
                kept = items if kind.keep is None else kind.keep(items)
                if kept:
                    yield kind, kept

    def kind(self, item: Any) -> Kind:
        """What the walk does with objects of the type of this one."""
        kind = self.kinds.get(id(type(item)))
        if kind is None:
            kind = self.kinds[id(type(item))] = kind_of(type(item), self.rules)
        return kind

    def fresh(self, items: list[Any]) -> list[Any]:
        """Of these objects, those that were not seen before, each once."""
        seen = self.seen
        add = seen.add
        # ``add`` returns None: the second half only marks the object, in the same pass.
        return [
            item for item in items if not ((mark := id(item) >> MARK_SHIFT) in seen or add(mark))
        ]

    def mark(self, item: Any) -> None:
        """Let an object count as seen."""
        self.seen.add(id(item) >> MARK_SHIFT)

    def count(self, kind: Kind, items: list[Any], outcome: Outcome) -> None:
        """Count some objects of one type."""
        budget = self.budget.max_objects
        if budget is not None and self.objects + len(items) > budget:
            del items[budget - self.objects :]
        self.objects += len(items)
        kind.objects += len(items)
        if kind.late:
            outcome.late.append((kind, items))
            return
        sizes = kind.try_sizes(items)
        if sizes is None:
            sizes = [self._guarded(kind, item) for item in items]
        self.add(kind, items, sizes, outcome)

    def _guarded(self, kind: Kind, item: Any) -> int:
        size, known = kind.size_or_basic(item)
        self.missed += not known
        return size

    def add(self, kind: Kind, items: list[Any], sizes: list[int], outcome: Outcome) -> None:
        """Add the sizes of some objects to what their group and their type take."""
        align = self.align
        if align < 8 and kind.type is int:
            sizes = list(map(int_bytes, sizes))
        if align <= 1:
            total = sum(sizes)
        elif len(sizes) < 10:
            total = sum([(size + align - 1) & -align for size in sizes])
        else:
            total = sum(
                times * ((size + align - 1) & -align) for size, times in Counter(sizes).items()
            )
        kind.bytes += total
        outcome.total += total

    def follow(self, kind: Kind, items: list[Any], following: list[Any], outcome: Outcome) -> None:
        """Add what some objects refer to."""
        referents = kind.try_referents(items)
        if referents is not None:
            following.extend(referents)
        else:
            for item in items:
                own = kind.try_referents([item])
                following.extend(own or ())
                self.missed += own is None
        if kind.namespaces is not None:
            self.namespaces.update(kind.namespaces(items))
        if kind.mapping:
            outcome.mappings.append(items)

    def _add_keys(self, outcome: Outcome) -> None:
        """Count the keys of dictionaries: gc does not list those of one with strings alone.

        The names of attributes belong to the class and its code.
        """
        text = self.kind("")
        for mappings in outcome.mappings:
            for mapping in mappings:
                if id(mapping) in self.namespaces or self._is_over():
                    continue
                keys = [key for key in self.fresh(_keys(mapping)) if type(key) is str]
                if keys and text.counted:
                    self.note_keys(mapping, keys)
                    self.count(text, keys, outcome)
        outcome.mappings.clear()

    def note_keys(self, mapping: Any, keys: list[Any]) -> None:
        """Called before keys are counted that ``gc`` did not list."""

    def _ask_late(self, outcome: Outcome) -> None:
        for kind, items in outcome.late:
            self.add(kind, items, [self._guarded(kind, item) for item in items], outcome)
        outcome.late.clear()


def _keys(mapping: dict[Any, Any]) -> list[Any]:
    for _ in range(3):
        try:
            return list(dict.keys(mapping))
        except RuntimeError:  # another thread, or a finalizer, changed it
            continue
    return []
