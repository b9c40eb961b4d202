"""What changed since the last time one looked.

>>> from pympler.tracker import SummaryTracker
>>> tracker = SummaryTracker()
>>> kept = [[number] for number in range(100)]
>>> [row[:2] for row in tracker.diff() if row[0] == "list"]
[['list', 101]]
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from types import CodeType, MethodType
from typing import IO, Any

from pympler import summary
from pympler.graph.heap import by_type, live_objects
from pympler.sizing.shallow import shallow_sizes
from pympler.summary import Row, Summary
from pympler.util.names import type_name

__all__ = ["Gone", "ObjectTracker", "SummaryTracker"]


class SummaryTracker:
    """Compares summaries of what is alive.

    Args:
        ignore_self: whether the tracker leaves out what it keeps itself.

    Attributes:
        s0: the summary that was made last but one, or when the tracker was.
        s1: the summary that was made last.
        summaries: what :meth:`store_summary` has kept, by key.
    """

    def __init__(self, ignore_self: bool = True) -> None:
        self.ignore_self = ignore_self
        self.summaries: dict[Any, Summary] = {}
        self.s0 = self.s1 = Summary()
        # What is made once, such as caches of the interpreter, is made before anything counts.
        for _ in range(2):
            self.s1 = self.create_summary()
        self.s0 = self.s1

    def create_summary(self) -> Summary:
        """A summary of what is alive now; garbage is collected first."""
        gc.collect()
        if not self.ignore_self:
            return summary.summarize(live_objects())
        objects = live_objects(ignore=_own_ids(self), ignored_types=_OWN_TYPES)
        return summary.summarize(objects)

    def diff(self, summary1: Summary | None = None, summary2: Summary | None = None) -> Summary:
        """What changed between two summaries, rows without a change left out.

        Args:
            summary1: the earlier one; the last one if ``None``, and then the one made now
                becomes the last.
            summary2: the later one; made now if ``None``.

        Raises:
            ValueError: if ``summary2`` is given without ``summary1``.
        """
        if summary2 is not None and summary1 is None:
            raise ValueError("summary2 is given without summary1: give the earlier one too")
        if summary1 is None:
            self.s0, self.s1 = self.s1, self.create_summary()
            summary1, summary2 = self.s0, self.s1
        elif summary2 is None:
            summary2 = self.create_summary()
        found = summary.get_diff(summary1, summary2)
        return Summary(row for row in found if row[1] or (row[2] and not _is_code(row)))

    def format_diff(
        self, summary1: Summary | None = None, summary2: Summary | None = None
    ) -> Iterator[str]:
        """What changed, as lines of a table; see :meth:`diff`."""
        return summary.format_(self.diff(summary1, summary2))

    def print_diff(
        self,
        summary1: Summary | None = None,
        summary2: Summary | None = None,
        stream: IO[str] | None = None,
    ) -> None:
        """Print what changed; see :meth:`diff`.

        Args:
            summary1: the earlier summary.
            summary2: the later one.
            stream: where to; standard output if ``None``.
        """
        for line in self.format_diff(summary1, summary2):
            print(line, file=stream)

    def store_summary(self, key: Any) -> None:
        """Keep a summary of what is alive now in :attr:`summaries`, under a key."""
        self.summaries[key] = self.create_summary()


def _is_code(row: Row) -> bool:
    # Up to 3.10 code grows when it has run often: nothing that the program keeps.
    return bool(row.key[0] == id(CodeType))


class Gone:
    """An object that was there and is no more, as plain data.

    Attributes:
        type: name of its type; size: its bytes without what it referred to.
    """

    __slots__ = ("size", "type")

    def __init__(self, kind: str, size: int) -> None:
        self.type = kind
        self.size = size

    def __repr__(self) -> str:
        return f"<{self.type}, {self.size} bytes, gone>"


class ObjectTracker:
    """Compares what is alive object by object, and keeps none of them alive.

    An object that took the place and type of one that went is not told from it.
    """

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._known: dict[int, tuple[int, int]] = {}
        # Kept once each: most objects have one of few types and sizes.
        self._shapes: dict[tuple[int, int], tuple[int, int]] = {}
        for _ in range(2):
            self._remember(self._alive())

    def get_diff(self, ignore: Iterable[Any] = ()) -> dict[str, list[Any]]:
        """What came and what went since the last call, or since the tracker was made.

        Args:
            ignore: objects to leave out, such as the caller's frame.

        Returns:
            ``{"+": objects, "-": what is gone}``, the second as :class:`Gone`.
        """
        left_out = set(map(id, ignore))
        objects = [item for item in self._alive() if id(item) not in left_out]
        before = self._known
        added = [
            item
            for item in objects
            if id(item) not in before or before[id(item)][0] != id(type(item))
        ]
        self._remember(objects)
        removed = [
            Gone(self._names.get(kind, "?"), size)
            for key, (kind, size) in before.items()
            if key not in left_out and (key not in self._known or self._known[key][0] != kind)
        ]
        return {"+": added, "-": removed}

    def format_diff(self, ignore: Iterable[Any] = ()) -> list[str]:
        """What came and what went, as lines of two tables; see :meth:`get_diff`."""
        found = self.get_diff(ignore)
        lines = ["Added objects:", *summary.format_(summary.summarize(found["+"]))]
        rows: dict[str, Row] = {}
        for gone in found["-"]:
            row = rows.setdefault(gone.type, Row(gone.type, 0, 0))
            row[1] += 1
            row[2] += gone.size
        return [*lines, "Removed objects:", *summary.format_(rows.values())]

    def print_diff(self, ignore: Iterable[Any] = (), stream: IO[str] | None = None) -> None:
        """Print what came and what went; see :meth:`get_diff`.

        Args:
            ignore: objects to leave out.
            stream: where to; standard output if ``None``.
        """
        for line in self.format_diff(ignore):
            print(line, file=stream)

    def _alive(self) -> list[Any]:
        gc.collect()
        return live_objects(ignore=_own_ids(self), ignored_types=_OWN_TYPES)

    def _remember(self, objects: list[Any]) -> None:
        known: dict[int, tuple[int, int]] = {}
        shape_of = self._shapes.setdefault
        for kind, items in by_type(objects):
            self._names[id(kind)] = type_name(kind)
            for item, size in zip(items, shallow_sizes(items), strict=True):
                shape = (id(kind), size)
                known[id(item)] = shape_of(shape, shape)
        self._known = known


_OWN_TYPES = frozenset(map(id, (Row, Summary, Gone)))


def _own_ids(tracker: object) -> set[int]:
    """Ids of a tracker, of the containers that it keeps, and of its methods that are being called.

    What the containers hold is found through no other.
    """
    methods = [item for item in gc.get_referrers(tracker) if type(item) is MethodType]
    kept = tracker.__dict__.values()
    return {id(tracker), id(tracker.__dict__), *map(id, kept), *map(id, methods)}
