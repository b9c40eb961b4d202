"""Statistics of tracked classes, sorted, and printed for a terminal."""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Callable
from typing import IO, Any, Protocol

from pympler.lifetimes.dump import dump, load
from pympler.lifetimes.picture import Picture
from pympler.lifetimes.snapshots import Snapshot
from pympler.lifetimes.tracked import TrackedObject
from pympler.util.stringutils import pp, pp_timestamp, trunc

__all__ = ["ConsoleStats", "Source", "Stats"]

_LINE = 79
_LEAST_SHARE = 10  # percent of an object below which a referent is not shown

_KEYS: dict[str, Callable[[TrackedObject], Any]] = {
    "classname": lambda item: item.classname,
    "tsize": lambda item: -item.tsize,
    "birth": lambda item: item.birth,
    "death": lambda item: item.death if item.death is not None else float("inf"),
    "name": lambda item: item.name,
    "repr": lambda item: item.repr,
    "size": lambda item: -item.size,
}


class Source(Protocol):
    """A class tracker."""

    def picture(self) -> Picture:
        """All that is known now."""

    def stop_periodic_snapshots(self) -> None:
        """End the background thread."""


class Stats:
    """Statistics of a tracker, or of a dump.

    Args:
        tracker: what is looked at; its state at the moment of each call.
        filename: a dump to be read, if there is no tracker.
        stream: where reports are written; standard output if ``None``.

    Attributes:
        sorted: the instances as :meth:`sort_stats` has put them.
    """

    def __init__(
        self,
        tracker: Source | None = None,
        filename: str | os.PathLike[str] | None = None,
        stream: IO[str] | None = None,
    ) -> None:
        self.tracker = tracker
        self.sorted: list[TrackedObject] = []
        self._stream = stream
        self._loaded: Picture | None = None
        if filename is not None:
            self.load_stats(filename)

    @property
    def stream(self) -> IO[str]:
        """Where reports are written."""
        return self._stream if self._stream is not None else sys.stdout

    @stream.setter
    def stream(self, stream: IO[str] | None) -> None:
        self._stream = stream

    @property
    def picture(self) -> Picture:
        """All that is known."""
        if self._loaded is not None:
            return self._loaded
        return self.tracker.picture() if self.tracker is not None else Picture()

    @property
    def index(self) -> dict[str, list[TrackedObject]]:
        """For each name the instances in order of birth."""
        return {name: found.objects for name, found in self.picture.classes.items()}

    @property
    def history(self) -> dict[str, list[tuple[float, int]]]:
        """For each name, times of births and deaths with the number alive after each."""
        return {name: found.history for name, found in self.picture.classes.items()}

    @property
    def snapshots(self) -> list[Snapshot]:
        """The snapshots in order of time."""
        return self.picture.snapshots

    @property
    def tracked_classes(self) -> list[str]:
        """The names, sorted."""
        return sorted(self.picture.classes)

    def load_stats(self, fdump: str | os.PathLike[str] | IO[str] | IO[bytes]) -> None:
        """Read a dump, which is looked at from now on.

        Args:
            fdump: a name, or a file open for reading.

        Raises:
            DumpError: if it holds no statistics that this version can read.
        """
        self._loaded = load(fdump)
        self.sorted = []

    def dump_stats(
        self, fdump: str | os.PathLike[str] | IO[str] | IO[bytes], close: bool = True
    ) -> None:
        """Write all that is known to a file, as JSON; ends periodic snapshots.

        Args:
            fdump: a name, or a file open for writing.
            close: whether a file that was given is closed.
        """
        if self.tracker is not None:
            self.tracker.stop_periodic_snapshots()
        dump(self.picture, fdump)
        if close and not isinstance(fdump, str | os.PathLike):
            fdump.close()

    def sort_stats(self, *args: str) -> Stats:
        """Sort the instances.

        Args:
            args: what by, the most important first: ``classname``, ``tsize`` (the size in the
                largest snapshot), ``birth``, ``death``, ``name``, ``repr``, ``size`` (the largest
                that was seen). Sizes from large to small. By all of these if none is given.

        Returns:
            Itself.

        Raises:
            ValueError: for another key.
        """
        wanted = args or tuple(_KEYS)
        for key in wanted:
            if key not in _KEYS:
                raise ValueError(f"cannot sort by {key!r}: use one of {', '.join(_KEYS)}")
        keys = [_KEYS[key] for key in wanted]
        found = [item for items in self.index.values() for item in items]
        largest = max(self.snapshots, key=lambda snapshot: snapshot.tracked_total, default=None)
        for item in found:
            item.tsize = 0 if largest is None else item.get_size_at_time(largest.timestamp)
        self.sorted = sorted(found, key=lambda item: [key(item) for key in keys])
        return self

    def reverse_order(self) -> Stats:
        """Turn the order around.

        Returns:
            Itself.
        """
        if not self.sorted:
            self.sort_stats()
        self.sorted.reverse()
        return self

    def annotate(self) -> None:
        """Work out what each class takes in each snapshot: done already when it is made."""

    def annotate_snapshot(self, snapshot: Snapshot) -> dict[str, dict[str, Any]]:
        """What each class takes in a snapshot, see :class:`~pympler.classtracker.Snapshot`."""
        return snapshot.classes


class ConsoleStats(Stats):
    """Statistics as text."""

    def print_object(self, tobj: TrackedObject) -> None:
        """Print where an instance was made, its life, and its size in each snapshot."""
        write = self.stream.write
        if tobj.death is None:
            write(f"{tobj.name:<32} 0x{tobj.id:08x} {trunc(tobj.repr, 35):<35}\n")
        else:
            write(f"{tobj.name:<32} ( free )   {trunc(tobj.repr, 35):<35}\n")
        for file, line, function in tobj.site or ():
            text = linecache.getline(file, line).strip()
            if text:
                write(f"    {text}\n")
            write(f"  {file}: {line:3d} in {function}\n")
        for time_s, size in tobj.snapshots:
            write(f"  {pp_timestamp(time_s):<30} {pp(size.size)}\n")
            self._print_parts(size.refs, size.size, 1)
        if tobj.death is not None:
            write(f"  {pp_timestamp(tobj.death):<30} finalize\n")

    def _print_parts(self, parts: Any, whole: int, level: int) -> None:
        for part in sorted(parts, key=lambda part: -part.size):
            share = part.size * 100 // whole if whole else 0
            if share >= _LEAST_SHARE:
                label = trunc("  " * level + str(part.name), 44)
                self.stream.write(f"  {label:<44} {pp(part.size)} {share:7d}% [{level}]\n")
                self._print_parts(part.refs, whole, level + 1)

    def print_stats(self, clsname: str | None = None, limit: float = 1.0) -> None:
        """Print the instances one by one, as they are sorted.

        Args:
            clsname: only those that are counted under this name, or one that ends like it.
            limit: a share of them as a number with a point up to 1.0, or how many.

        Raises:
            ValueError: if the limit is below 0.
        """
        if limit < 0:
            raise ValueError(f"limit is {limit}: use a share up to 1.0, or a number of instances")
        if not self.sorted:
            self.sort_stats()
        found = self.sorted
        if clsname is not None:
            found = [item for item in found if item.name.endswith(clsname)]
        is_share = isinstance(limit, float) and limit <= 1.0
        for item in found[: round(limit * len(found)) if is_share else int(limit)]:
            self.print_object(item)

    def print_summary(self) -> None:
        """Print what each class takes in each snapshot."""
        write = self.stream.write
        write("---- SUMMARY ".ljust(_LINE, "-") + "\n")
        for snapshot in self.snapshots:
            total = pp(snapshot.asizeof_total)
            label = trunc(snapshot.desc, 35)
            write(f"{label:<35} {'active':>11} {total:>12} {'average':>12} {'pct':>5}\n")
            for name, row in sorted(snapshot.classes.items()):
                label = trunc(name, 33)
                write(
                    f"  {label:<33} {row['active']:11d} {pp(row['sum']):>12} "
                    f"{pp(row['avg']):>12} {int(row['pct']):4d}%\n"
                )
        write("-" * _LINE + "\n")
