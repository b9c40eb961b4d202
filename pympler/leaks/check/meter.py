"""The meter: what requests add to the process, by counters that cost nothing to keep."""

from __future__ import annotations

import atexit
import ctypes
import gc
import sys
import threading
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from statistics import median

from pympler.process import resident_bytes

__all__ = [
    "Meter",
    "Window",
    "least",
    "malloc_is_known",
    "malloc_reader",
    "middle",
    "settle_process",
    "total",
]


@dataclass(frozen=True, slots=True)
class Window:
    """What one window of requests added, each figure per request.

    Attributes:
        blocks: blocks of Python's allocator; objects: objects tracked by gc.
        malloc_bytes: bytes from the C library's allocator, 0 where it cannot be asked.
        rss_bytes: resident memory; cyclic: objects that gc found to be cyclic garbage.
        threads: running threads; atexit: functions registered to be called at exit.
    """

    blocks: float = 0.0
    objects: float = 0.0
    malloc_bytes: float = 0.0
    rss_bytes: float = 0.0
    cyclic: float = 0.0
    threads: float = 0.0
    atexit: float = 0.0


def least(*windows: Window) -> Window:
    """The least of each figure: what every window added."""
    names = [field.name for field in fields(Window)]
    return Window(**{name: min(getattr(window, name) for window in windows) for name in names})


def middle(*windows: Window) -> Window:
    """The median of each figure: what most windows added, whatever one of them let go of."""
    names = [field.name for field in fields(Window)]
    return Window(**{name: median(getattr(window, name) for window in windows) for name in names})


def total(whole: Window, windows: Sequence[tuple[Window, int]], requests: int) -> Window:
    """What was added per request, by what there was in all before some windows of so many."""
    names = [field.name for field in fields(Window)]
    sums = {
        name: getattr(whole, name) + sum(getattr(window, name) * size for window, size in windows)
        for name in names
    }
    return Window(**{name: value / requests for name, value in sums.items()})


def settle_process() -> None:
    """Collect twice and clear the type cache, so that only what is held is left.

    The second collection finds what finalizers of the first let go of.
    """
    gc.collect()
    gc.collect()
    clear = getattr(sys, "_clear_internal_caches", None) or getattr(sys, "_clear_type_cache", None)
    if clear is not None:
        clear()


class Meter:
    """Measures windows of requests.

    Args:
        send: sends a number of requests; settle: lets their background work end.
    """

    def __init__(self, send: Callable[[int], None], settle: Callable[[], None]) -> None:
        self._send = send
        self._settle = settle
        self._malloc = malloc_reader()
        # Kept in arrays, so that what one reading allocates is not measured by the next.
        self._before = array("q", bytes(8 * 7))
        self._after = array("q", bytes(8 * 7))
        self._first = array("q")

    def window(self, requests: int, *, wait: Callable[[], None] | None = None) -> Window:
        """Send this many requests, after a wait if there is one, and measure what all that adds."""
        self._read(self._before)
        self._first = self._first or self._before[:]
        if wait is not None:
            wait()
        self._send(requests)
        self._settle()
        self._read(self._after)
        return self._gained(self._before, requests)

    def whole(self) -> Window:
        """What was added, in all, since the beginning of the first window."""
        self._read(self._after)
        return self._gained(self._first, 1)

    def _gained(self, first: array[int], requests: int) -> Window:
        gained = [
            (after - before) / requests for before, after in zip(first, self._after, strict=True)
        ]
        return Window(*gained)

    def _read(self, into: array[int]) -> None:
        settle_process()
        into[0] = sys.getallocatedblocks()
        into[2] = self._malloc()
        into[1] = len(gc.get_objects())
        into[3] = resident_bytes()
        into[4] = sum(row["collected"] for row in gc.get_stats())
        into[5] = threading.active_count()
        into[6] = atexit._ncallbacks()


class _Mallinfo(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in [
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        ]
    ]


def malloc_is_known() -> bool:
    """Whether the C library can be asked how many bytes it has given."""
    return malloc_reader() is not int


def malloc_reader() -> Callable[[], int]:
    """A function that reads the bytes in use of the C library's allocator; 0 if it cannot."""
    try:
        mallinfo = ctypes.CDLL(None).mallinfo2
    except (OSError, AttributeError, TypeError):
        return int
    mallinfo.restype = _Mallinfo

    def read() -> int:
        info = mallinfo()
        return int(info.uordblks) + int(info.hblkhd)

    return read
