"""How much more memory this process could get, read from the kernel.

A walk over the heap takes memory for a moment. In a container that is nearly full it would be
what makes the kernel kill the process.

Source: the kernel's documentation of ``/proc/meminfo`` and of the memory controllers (cgroup v1
and v2).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pympler.util import proc

__all__ = ["memory_left"]

_UNLIMITED = 2**60  # what version 1 says without a limit is near the largest number


def memory_left(root: Path = Path("/")) -> int | None:
    """Bytes that this process could still get before something gives way, ``None`` if unknown.

    The least of what the machine has, what each control group around the process leaves, and the
    limit of its address space. What the page cache could give back counts as free.

    Args:
        root: the folder that ``proc`` and ``sys`` are in.
    """
    found = [
        left
        for left in (_of_machine(root), *_of_groups(root), _of_address_space(root))
        if left is not None
    ]
    return max(min(found), 0) if found else None


def _of_machine(root: Path) -> int | None:
    text = proc.read_text(root / "proc/meminfo")
    return proc.read_sizes(text, {"MemAvailable": "left"}).get("left")


def _of_groups(root: Path) -> Iterator[int | None]:
    groups = root / "sys/fs/cgroup"
    for line in proc.read_text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            for group in _with_parents(groups, path):
                yield _left(group, "memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            names = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
            for group in _with_parents(groups / "memory", path):
                yield _left(group, *names)


def _with_parents(top: Path, path: str) -> Iterator[Path]:
    # Within a container the path may be the one outside of it, of which only the top is there.
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for length in range(len(parts), -1, -1):
        yield top.joinpath(*parts[:length])


def _left(group: Path, limit_name: str, used_name: str, cache_name: str) -> int | None:
    limit = _number(proc.read_text(group / limit_name))  # "max" is no number
    used = _number(proc.read_text(group / used_name))
    if limit is None or used is None or limit > _UNLIMITED:
        return None
    for line in proc.read_text(group / "memory.stat").splitlines():
        name, _, value = line.partition(" ")
        if name == cache_name:
            used -= _number(value) or 0
    return limit - used


def _of_address_space(root: Path) -> int | None:
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY or limit < 0:
        return None
    taken = proc.size_in_pages(proc.VIRTUAL, root / "proc/self/statm")
    return None if taken is None else limit - taken


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isdigit() else None
