"""What Linux tells of memory in the files of ``/proc``; all sizes are bytes.

Source: the kernel's documentation of the ``/proc`` file system.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Mapping
from pathlib import Path

__all__ = ["RESIDENT", "VIRTUAL", "page_faults", "read_sizes", "read_text", "size_in_pages"]

VIRTUAL, RESIDENT = 0, 1
"""Places in ``statm``."""

_KIB = 1024


def read_text(path: Path) -> str:
    """What a file says, nothing if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def read_sizes(text: str, names: Mapping[str, str]) -> dict[str, int]:
    r"""Sizes from lines such as ``VmRSS:  120 kB``, under other names.

    Args:
        text: of ``status``, ``smaps_rollup`` or ``meminfo``.
        names: by label the name to give it; other lines are left out.

    Example:
        >>> read_sizes("VmRSS:    2 kB\nThreads:  3\n", {"VmRSS": "rss"})
        {'rss': 2048}
    """
    found = {}
    for line in text.splitlines():
        label, _, value = line.partition(":")
        match = re.fullmatch(r"\s*(\d+) kB\s*", value)
        if label in names and match:
            found[names[label]] = int(match[1]) * _KIB
    return found


def page_faults(stat: str) -> int:
    """Major page faults of a process from its ``stat``."""
    # The name of the process stands in brackets and may contain spaces and brackets itself.
    fields = stat.rpartition(")")[2].split()
    return int(fields[9]) if len(fields) > 9 and fields[9].isdigit() else 0


def size_in_pages(place: int, statm: Path | str = "/proc/self/statm") -> int | None:
    """One of the sizes in ``statm``, at the price of one short read; ``None`` if unknown."""
    try:
        with open(statm, "rb") as file:
            return int(file.read().split()[place]) * mmap.PAGESIZE
    except (OSError, ValueError, IndexError):
        return None
