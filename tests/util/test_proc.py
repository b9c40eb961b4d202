"""The files of the kernel, as texts written out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from pympler.util import proc

STATUS = """Name:\tpython (a b)
VmPeak:\t  300 kB
VmSize:\t  200 kB
VmRSS:\t   100 kB
RssShmem:\t     4 kB
Threads:\t3
"""


def test_sizes_are_found_by_their_labels() -> None:
    names = {"VmSize": "vsz", "VmRSS": "rss", "Threads": "threads", "VmSwap": "swap"}
    assert proc.read_sizes(STATUS, names) == {"vsz": 200 * 1024, "rss": 100 * 1024}


@pytest.mark.parametrize("name", ["python", "a b", "a) S 1 (b", ""])
def test_page_faults_whatever_the_process_is_called(name: str) -> None:
    fields = "S 1 2 3 4 5 6 7 8 17 9 0 0"
    assert proc.page_faults(f"123 ({name}) {fields}") == 17


def test_page_faults_of_a_text_that_is_none() -> None:
    assert proc.page_faults("") == 0


@pytest.mark.parametrize("text", ["", "many pages", "12"])
def test_a_size_in_pages_that_is_not_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "statm").write_text(text)
    assert proc.size_in_pages(proc.RESIDENT, tmp_path / "statm") is None
    assert proc.size_in_pages(proc.RESIDENT, tmp_path / "missing") is None


def test_what_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert proc.read_text(tmp_path / "status") == ""
