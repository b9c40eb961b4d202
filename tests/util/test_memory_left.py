"""How much memory a process could still get, from the files of several kernels."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pympler.util.memory_left import memory_left

MIB = 2**20


def kernel(root: Path, files: dict[str, str]) -> Path:
    """The files of a kernel below a folder."""
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


MACHINE = {"proc/meminfo": "MemTotal: 8388608 kB\nMemAvailable:    1048576 kB\n"}


def test_of_the_machine(tmp_path: Path) -> None:
    assert memory_left(kernel(tmp_path, MACHINE)) == 1024 * MIB


def test_nothing_is_known(tmp_path: Path) -> None:
    assert memory_left(tmp_path) is None


@pytest.mark.parametrize(
    ("limit", "used", "cache", "left"),
    [(512, 500, 0, 12), (512, 500, 100, 112), (512, 600, 0, 0), (4096, 100, 0, 1024)],
)
def test_of_a_group(tmp_path: Path, limit: int, used: int, cache: int, left: int) -> None:
    files = {
        **MACHINE,
        "proc/self/cgroup": "0::/shop/web\n",
        "sys/fs/cgroup/shop/web/memory.max": f"{limit * MIB}\n",
        "sys/fs/cgroup/shop/web/memory.current": f"{used * MIB}\n",
        "sys/fs/cgroup/shop/web/memory.stat": f"anon 5\ninactive_file {cache * MIB}\n",
    }
    assert memory_left(kernel(tmp_path, files)) == left * MIB


def test_a_group_further_out_is_tighter(tmp_path: Path) -> None:
    files = {
        **MACHINE,
        "proc/self/cgroup": "0::/shop/web\n",
        "sys/fs/cgroup/shop/web/memory.max": "max\n",
        "sys/fs/cgroup/shop/web/memory.current": "5\n",
        "sys/fs/cgroup/shop/memory.max": f"{300 * MIB}\n",
        "sys/fs/cgroup/shop/memory.current": f"{200 * MIB}\n",
    }
    assert memory_left(kernel(tmp_path, files)) == 100 * MIB


@pytest.mark.parametrize("path", ["/docker/0a1b", "/", "/../../outside"])
def test_within_a_container_the_path_is_another(tmp_path: Path, path: str) -> None:
    files = {
        **MACHINE,
        "proc/self/cgroup": f"0::{path}\n",
        "sys/fs/cgroup/memory.max": f"{64 * MIB}\n",
        "sys/fs/cgroup/memory.current": f"{60 * MIB}\n",
    }
    assert memory_left(kernel(tmp_path, files)) == 4 * MIB


@pytest.mark.parametrize(("limit", "left"), [(128 * MIB, 28), (2**63 - 4096, 1024)])
def test_of_a_group_of_the_first_version(tmp_path: Path, limit: int, left: int) -> None:
    files = {
        **MACHINE,
        "proc/self/cgroup": "9:cpu,cpuacct:/x\n4:memory:/web\n0::/\n",
        "sys/fs/cgroup/memory/web/memory.limit_in_bytes": f"{limit}\n",
        "sys/fs/cgroup/memory/web/memory.usage_in_bytes": f"{110 * MIB}\n",
        "sys/fs/cgroup/memory/web/memory.stat": f"cache 9\ntotal_inactive_file {10 * MIB}\n",
    }
    assert memory_left(kernel(tmp_path, files)) == left * MIB


def test_the_address_space_is_limited() -> None:
    pytest.importorskip("resource")
    code = (
        "import resource\n"
        "from pympler.util.memory_left import memory_left\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))\n"
        "left = memory_left()\n"
        "print(left is None or 0 < left < 2**30)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
