"""The memory of this process, and its threads."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from pympler import process
from pympler.process import ProcessMemoryInfo, ThreadInfo

STATUS = """Name:\tpython (a b)
VmPeak:\t  300 kB
VmSize:\t  200 kB
VmHWM:\t   120 kB
VmRSS:\t   100 kB
RssShmem:\t     4 kB
VmData:\t    50 kB
VmStk:\t    12 kB
VmExe:\t     8 kB
VmLib:\t    20 kB
Threads:\t3
"""

ROLLUP = """00400000-7ffd000 ---p 00000000 00:00 0 [rollup]
Rss:                 100 kB
Pss:                  70 kB
Private_Clean:        10 kB
Private_Dirty:        30 kB
"""


def test_what_linux_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(process, "_PROC", tmp_path)
    (tmp_path / "status").write_text(STATUS)
    (tmp_path / "stat").write_text("123 (python) S 1 2 3 4 5 6 7 8 17 9 0 0")
    (tmp_path / "smaps_rollup").write_text(ROLLUP)
    info = ProcessMemoryInfo()
    assert (info.vsz, info.rss, info.pss, info.uss) == (204_800, 102_400, 71_680, 40_960)
    assert (info.data_segment, info.code_segment) == (51_200, 8_192)
    assert (info.stack_segment, info.shared_segment) == (12_288, 4_096)
    assert info.pagefaults == 17
    assert dict(info.os_specific) == {
        "Peak virtual size": "307200 bytes",
        "Peak resident set size": "122880 bytes",
        "Shared libraries": "20480 bytes",
        "Unique set size": "40960 bytes",
        "Proportional set size": "71680 bytes",
    }
    assert process.private_bytes() == 40_960
    (tmp_path / "smaps_rollup").unlink()  # up to Linux 4.13
    info.update()
    assert (info.rss, info.pss, info.uss) == (102_400, None, None)


def test_usage_is_in_bytes_on_macos() -> None:
    usage = SimpleNamespace(ru_maxrss=1000, ru_majflt=3)
    assert process.from_usage(usage, "darwin") == {"rss": 1000, "peak_rss": 1000, "pagefaults": 3}
    assert process.from_usage(usage, "freebsd13")["rss"] == 1_024_000


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs Linux")
def test_this_process() -> None:
    info = ProcessMemoryInfo()
    assert process.is_available()
    assert info.pid == os.getpid()
    assert info.vsz >= info.rss > 1_000_000
    assert info.pagesize in (4096, 16384, 65536)
    assert info.data_segment > 0
    assert info.uss is None or 0 < info.uss <= info.rss * 1.5
    labels = [label for label, _ in info.os_specific]
    assert "Peak resident set size" in labels
    assert info.update()
    assert [label for label, _ in info.os_specific] == labels
    assert repr(info) == f"<ProcessMemoryInfo vsz={info.vsz} rss={info.rss}>"


def test_a_difference() -> None:
    before, after = ProcessMemoryInfo(), ProcessMemoryInfo()
    before.rss, before.vsz, after.rss, after.vsz = 10, 20, 15, 18
    assert after - before == [
        ("Resident set size (delta)", 5),
        ("Virtual size (delta)", -2),
    ]


def test_a_system_that_tells_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(process, "_PROC", tmp_path)
    for name in ("psutil", "resource"):
        monkeypatch.setitem(sys.modules, name, None)
    info = ProcessMemoryInfo()
    assert (info.available, info.rss, info.vsz, info.uss) == (False, 0, 0, None)
    assert not info.update()


def test_psutil_is_used_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    fake = ModuleType("psutil")
    memory = SimpleNamespace(rss=5, vms=7, pfaults=2)
    full = SimpleNamespace(uss=3)
    found = SimpleNamespace(memory_info=lambda: memory, memory_full_info=lambda: full)
    fake.__dict__.update(Process=lambda: found, Error=OSError)
    monkeypatch.setattr(process, "_PROC", tmp_path)
    monkeypatch.setitem(sys.modules, "psutil", fake)
    info = ProcessMemoryInfo()
    assert (info.rss, info.vsz, info.uss, info.pss, info.pagefaults) == (5, 7, 3, None, 2)


def test_threads() -> None:
    names = [thread.name for thread in process.get_current_threads()]
    assert threading.current_thread().name in names
    assert process.get_current_thread_id() == threading.get_ident()
    info = ThreadInfo(threading.current_thread())
    assert (info.ident, info.daemon) == (threading.get_ident(), False)
