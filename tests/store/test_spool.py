"""The spool: bounded, in order, and taken over from those that have ended."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from pympler.store.rows import report_from
from pympler.store.spool import Spool
from tests.store.stores import worker_report


def reports(*numbers: int) -> list[Any]:
    return [worker_report(1, number) for number in numbers]


def waiting(spool: Spool) -> list[int]:
    return [report_from(line).id for batch in spool.batches() for line in batch]


def test_what_waits_comes_back_in_order_and_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    for first in range(0, 500, 50):
        assert spool.append(reports(*range(first, first + 50))) == ""

    assert spool.waiting_bytes > 0
    assert waiting(spool) == list(range(500))
    assert waiting(spool) == []
    assert spool.waiting_bytes == 0
    assert list((tmp_path / "spool").iterdir()) == []


def test_what_was_not_replayed_waits_on(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(reports(*range(500)))
    batches = spool.batches()
    next(batches)
    next(batches)  # the first has been written, the second has not
    batches.close()
    spool.append(reports(500))

    assert waiting(spool) == list(range(200, 501))


def test_it_is_bounded_and_counts_what_it_drops(tmp_path: Path) -> None:
    spool = Spool(tmp_path, most_bytes=3000)

    said = [spool.append(reports(number)) for number in range(10)]

    kept = waiting(spool)
    assert 0 < len(kept) < 10
    assert kept == list(range(len(kept)))
    assert spool.dropped == 10 - len(kept)
    assert said[-1] == f"and {tmp_path} is full"
    assert spool.append(reports(11)) == ""


def test_a_disk_that_is_full_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path)
    spool.append(reports(1))
    write = os.write
    calls = []

    def full(descriptor: int, data: Any) -> int:
        calls.append(len(data))
        if len(calls) == 1:
            return write(descriptor, data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        said = spool.append(reports(2, 3))
    spool.append(reports(4))

    assert said == f"and {tmp_path} cannot be written (No space left on device)"
    assert spool.dropped == 2
    assert waiting(spool) == [1, 4]


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    before = os.umask(0)
    try:
        Spool(folder).append(reports(1))
    finally:
        os.umask(before)

    (file,) = folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_an_ended_process_left_is_taken_over(tmp_path: Path) -> None:
    ended = Spool(tmp_path)
    ended.append(reports(1, 2))
    (file,) = tmp_path.iterdir()
    # Killed within a line, and its number is nobody's.
    file.write_bytes(file.read_bytes() + b'{"id": 3, "appl')
    file.rename(tmp_path / "999999999-1.spool")
    (tmp_path / "1-1.spool").write_text("of a process that lives\n")

    assert waiting(Spool(tmp_path)) == [1, 2]
    assert [file.name for file in tmp_path.iterdir()] == ["1-1.spool"]


def test_a_child_begins_with_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append(reports(1))
    spool.disown()

    assert spool.waiting_bytes == 0
    spool.append(reports(2))
    assert len(list(tmp_path.iterdir())) == 2
