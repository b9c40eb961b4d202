"""A disk that is really full, a small file system in memory: for the spool, and for the server."""

from __future__ import annotations

import ctypes
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pympler.leaks import LeakMonitor, Settings
from pympler.store.postgres import PostgresStore
from pympler.store.spool import Spool
from tests.store.postgres_server import PostgresServer
from tests.store.stores import worker_report

pytestmark = pytest.mark.integration

NOWHERE = "postgresql://tests:none@127.0.0.1:1/shop"  # nobody listens there
SMALL = 256 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own, of 256 KB."""
    with mounted(tmp_path / "small", SMALL) as folder:
        yield folder


@contextmanager
def room_for_others() -> Iterator[Path]:
    """A folder that a server of another user may enter, which those of pytest are not."""
    room = Path(tempfile.mkdtemp(prefix="pympler-disk-"))
    room.chmod(0o755)
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)


class mounted:  # noqa: N801 - used like a function
    """A file system of so many bytes while the block runs; skips the test where none may be had."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder, self._size = folder, size

    def __enter__(self) -> Path:
        if not sys.platform.startswith("linux") or os.geteuid() != 0:
            pytest.skip("a file system may be mounted by root on Linux alone")
        self._folder.mkdir()
        options = f"size={self._size},mode=0777".encode()
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"tmpfs", os.fsencode(self._folder), b"tmpfs", 0, options) != 0:
            why = os.strerror(ctypes.get_errno())
            pytest.skip(f"no file system can be mounted here, as in most containers: {why}")
        return self._folder

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", str(self._folder)], check=True)


def fill(folder: Path, leave: int = 0) -> Path:
    """Take all the room but this much."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
        file.truncate(max(file.tell() - leave, 0))
    return ballast


def reports(*numbers: int) -> list[Any]:
    return [worker_report(1, number, started_at=time.time()) for number in numbers]


def said(caplog: pytest.LogCaptureFixture, words: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if words in record.getMessage()]


def test_a_full_disk_takes_what_fits_and_no_half_line(small_disk: Path) -> None:
    spool = Spool(small_disk)
    assert spool.append(reports(*range(20))) == ""
    ballast = fill(small_disk)

    trouble = [spool.append(reports(*range(20, 120))) for _ in range(3)]

    assert trouble[-1] == f"and {small_disk} cannot be written (No space left on device)"
    assert spool.dropped >= 100
    ballast.unlink()
    assert spool.append(reports(500)) == ""
    kept = [line for batch in spool.batches() for line in batch]
    assert len(kept) + spool.dropped == 20 + 300 + 1
    assert '"id":500,' in kept[-1]


def test_the_application_goes_on_while_server_and_disk_are_gone(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(small_disk)
    with PostgresStore(NOWHERE, spool=small_disk) as store:
        monitor = LeakMonitor(Settings(sample_rate=1.0, max_overhead=1.0), store=store)
        for number in range(300):
            with monitor.request(f"job:{number % 3}"):
                pass
            if number % 100 == 99:
                monitor.summary()
                store.flush()
        status = store.status()
        monitor.close()

    assert monitor.summary().requests == 300
    assert "cannot be reached" in status.fault
    assert "cannot be written (No space left on device)" in status.fault
    assert status.dropped > 0
    assert len(said(caplog, "No space left on device")) == 1
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.long
def test_a_server_with_a_full_disk_loses_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # The server's own files and logs of changes take most of it.
    with room_for_others() as room, mounted(room / "disk", 140 * 2**20) as folder:
        server = PostgresServer("max_wal_size = 32MB\nmin_wal_size = 32MB\n", folder)
        try:
            with PostgresStore(server.url(), spool=tmp_path / "spool") as store:
                for report in reports(*range(100)):
                    store.save(report)
                assert store.flush(20)
                ballast = fill(folder)
                saved = 100
                while not store.status().fault and saved < 100_000:
                    for report in reports(*range(saved, saved + 200)):
                        store.save(report)
                    saved += 200
                    store.flush(20)
                fault = store.status().fault

                ballast.unlink()
                revive(server)
                deadline = time.monotonic() + 60
                while not store.flush(20) and time.monotonic() < deadline:
                    time.sleep(0.1)
                assert "bytes of reports wait on the disk" in fault
                assert sorted(r.id for r in store.reports()) == list(range(saved))
                assert sum(row.reports for row in store.rollups()) == saved
                assert store.dropped == 0
                assert store.status().fault == ""
        finally:
            server.remove()
    told = said(caplog, "pympler cannot write to its store")
    assert told
    assert all("no disk left" in line or "cannot be reached" in line or "cannot be used" in line
               or "starting up" in line or "shutting down" in line for line in told)  # fmt: skip


def revive(server: PostgresServer) -> None:
    """Wait until the server takes connections; a full log of changes may have ended it."""
    import psycopg

    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not server.is_running:
            server.start()
        try:
            psycopg.connect(server.url()).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
