"""The memory of this process, and its threads.

>>> from pympler.process import ProcessMemoryInfo
>>> info = ProcessMemoryInfo()
>>> info.pid > 0
True
"""

from __future__ import annotations

import importlib
import mmap
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pympler.util import proc

__all__ = [
    "ProcessMemoryInfo",
    "ThreadInfo",
    "get_current_thread_id",
    "get_current_threads",
    "is_available",
    "private_bytes",
    "resident_bytes",
]

_PROC = Path("/proc/self")
_KIB = 1024
_STATUS = {
    "VmSize": "vsz",
    "VmRSS": "rss",
    "VmData": "data_segment",
    "VmExe": "code_segment",
    "VmLib": "library_segment",
    "VmStk": "stack_segment",
    "RssShmem": "shared_segment",
    "VmPeak": "peak_vsz",
    "VmHWM": "peak_rss",
}
_ROLLUP = {"Pss": "pss", "Private_Clean": "private_clean", "Private_Dirty": "private_dirty"}
_LABELS = {
    "peak_vsz": "Peak virtual size",
    "peak_rss": "Peak resident set size",
    "library_segment": "Shared libraries",
    "uss": "Unique set size",
    "pss": "Proportional set size",
}


class ProcessMemoryInfo:
    """The memory of this process when it was made, or last updated. All sizes are bytes.

    What a system does not tell is 0, or ``None`` for :attr:`uss` and :attr:`pss`.

    Attributes:
        pid: of the process; pagesize: bytes of a page of memory.
        rss: resident set size; vsz: virtual size; uss: what is resident and shared with no other
            process; pss: the same with its share of what is shared.
        pagefaults: major page faults since the process started.
        data_segment, code_segment, stack_segment: parts of the virtual size; shared_segment:
            resident memory that is shared on purpose.
        available: whether the system told anything.
        os_specific: what else it tells, as pairs of label and text.
    """

    pid: int
    rss: int
    vsz: int
    uss: int | None
    pss: int | None
    pagefaults: int
    data_segment: int
    code_segment: int
    shared_segment: int
    stack_segment: int

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.pagesize = mmap.PAGESIZE
        self.available = False
        self.os_specific: list[tuple[str, str]] = []
        self._set({})
        self.update()

    def update(self) -> bool:
        """Read the figures anew.

        Returns:
            Whether the system told any.
        """
        self.pid = os.getpid()
        for read in (_from_proc, _from_psutil, _from_windows, _from_resource):
            found = read()
            if found:
                self._set(found)
                self.available = True
                return True
        return False

    def _set(self, found: Mapping[str, int]) -> None:
        self.rss = found.get("rss", 0)
        self.vsz = found.get("vsz", 0)
        self.uss = found.get("uss")
        self.pss = found.get("pss")
        self.pagefaults = found.get("pagefaults", 0)
        self.data_segment = found.get("data_segment", 0)
        self.code_segment = found.get("code_segment", 0)
        self.shared_segment = found.get("shared_segment", 0)
        self.stack_segment = found.get("stack_segment", 0)
        self.os_specific = [
            (label, f"{found[name]} bytes") for name, label in _LABELS.items() if name in found
        ]

    def __sub__(self, other: ProcessMemoryInfo) -> list[tuple[str, int]]:
        return [
            ("Resident set size (delta)", self.rss - other.rss),
            ("Virtual size (delta)", self.vsz - other.vsz),
        ]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} vsz={self.vsz} rss={self.rss}>"


def is_available() -> bool:
    """Whether this system tells the memory of a process."""
    return ProcessMemoryInfo().available


class ThreadInfo:
    """A thread as plain data.

    Args:
        thread: the thread.

    Attributes:
        ident: its identifier, ``None`` before it is started; name: its name; daemon: whether it
            is a daemon.
    """

    def __init__(self, thread: threading.Thread) -> None:
        self.ident = thread.ident
        self.name = thread.name
        self.daemon = thread.daemon


def get_current_threads() -> list[ThreadInfo]:
    """All threads that Python knows of."""
    return [ThreadInfo(thread) for thread in threading.enumerate()]


def get_current_thread_id() -> int:
    """The identifier of the thread that asks."""
    return threading.get_ident()


def resident_bytes() -> int:
    """Resident memory of this process in bytes, at the price of one short read; 0 if unknown."""
    found = proc.size_in_pages(proc.RESIDENT)
    return _from_windows().get("rss", 0) if found is None else found


def private_bytes() -> int:
    """Memory that this process shares with no other, in bytes; 0 if unknown.

    Takes milliseconds in a large process: the kernel walks its pages.
    """
    found = _of_rollup(proc.read_text(_PROC / "smaps_rollup")) or _from_windows()
    return found.get("uss", 0)


# Linux


def _from_proc() -> dict[str, int]:
    found = proc.read_sizes(proc.read_text(_PROC / "status"), _STATUS)
    if "rss" not in found:
        return {}
    found["pagefaults"] = proc.page_faults(proc.read_text(_PROC / "stat"))
    found.update(_of_rollup(proc.read_text(_PROC / "smaps_rollup")))
    return found


def _of_rollup(text: str) -> dict[str, int]:
    """``uss`` and ``pss`` from ``smaps_rollup``, nothing before Linux 4.14, which has none."""
    found = proc.read_sizes(text, _ROLLUP)
    if not found:
        return {}
    uss = found.pop("private_clean", 0) + found.pop("private_dirty", 0)
    return {**found, "uss": uss}


# Elsewhere


def _from_psutil() -> dict[str, int]:
    try:
        psutil: Any = importlib.import_module("psutil")
    except ImportError:
        return {}
    process = psutil.Process()
    memory = process.memory_info()
    found = {"rss": memory.rss, "vsz": memory.vms}
    for name in ("pfaults", "num_page_faults"):
        if hasattr(memory, name):
            found["pagefaults"] = getattr(memory, name)
    try:
        full = process.memory_full_info()
    except psutil.Error:
        return found
    for name in ("uss", "pss"):
        if hasattr(full, name):
            found[name] = getattr(full, name)
    return found


def _from_resource() -> dict[str, int]:
    """The largest resident set size so far: all that the standard library knows elsewhere."""
    try:
        import resource
    except ImportError:
        return {}
    return from_usage(resource.getrusage(resource.RUSAGE_SELF), sys.platform)


def from_usage(usage: Any, platform: str) -> dict[str, int]:
    """Figures in bytes from what ``resource.getrusage`` gave on a platform."""
    unit = 1 if platform == "darwin" else _KIB  # macOS counts bytes
    peak = int(usage.ru_maxrss) * unit
    return {"rss": peak, "peak_rss": peak, "pagefaults": int(usage.ru_majflt)}


def _from_windows() -> dict[str, int]:
    if sys.platform != "win32":
        return {}
    return _read_windows_counters()


def _read_windows_counters() -> dict[str, int]:
    import ctypes
    from ctypes import wintypes

    names = [
        "peak_rss",
        "rss",
        "peak_paged",
        "paged",
        "peak_nonpaged",
        "nonpaged",
        "pagefile",
        "peak_pagefile",
        "private",
    ]

    class Counters(ctypes.Structure):
        """PROCESS_MEMORY_COUNTERS_EX."""

        _fields_ = [
            ("size", wintypes.DWORD),
            ("faults", wintypes.DWORD),
            *((name, ctypes.c_size_t) for name in names),
        ]

    load: Callable[[str], Any] = getattr(ctypes, "WinDLL")  # noqa: B009 - Windows alone has it
    kernel = load("kernel32")
    kernel.GetCurrentProcess.restype = wintypes.HANDLE
    ask = getattr(kernel, "K32GetProcessMemoryInfo", None) or load("psapi").GetProcessMemoryInfo
    ask.argtypes = [wintypes.HANDLE, ctypes.c_void_p, wintypes.DWORD]
    counters = Counters()
    counters.size = ctypes.sizeof(counters)
    if not ask(kernel.GetCurrentProcess(), ctypes.byref(counters), counters.size):
        return {}
    return {
        "rss": counters.rss,
        "vsz": counters.pagefile,
        "uss": counters.private,
        "peak_rss": counters.peak_rss,
        "pagefaults": counters.faults,
    }
