"""Spool: a bounded file in which reports wait for a server that is away, in order."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Generator
from pathlib import Path

from pympler.leaks.report import RequestReport
from pympler.store.rows import dump_report

__all__ = ["Spool"]

MOST_BYTES = 64 * 2**20
_BATCH = 200


class Spool:
    """Reports on disk, one JSON object a line, in a file of this process alone.

    What a process that has ended left behind is taken over by the next one that looks. Not
    thread-safe: the writer calls it in its turn.

    Args:
        folder: where the files of all processes lie; made for its owner alone.
        most_bytes: what comes when the file is as large is dropped.

    Attributes:
        dropped: reports for which there was no room, or no disk.
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._file: Path | None = None
        self._offset = 0  # of what was not replayed yet
        self.dropped = 0

    @property
    def waiting_bytes(self) -> int:
        """Bytes of this process that wait."""
        if self._file is None:
            return 0
        with contextlib.suppress(OSError):
            return max(self._file.stat().st_size - self._offset, 0)
        return 0

    def append(self, reports: list[RequestReport]) -> str:
        """Let these wait; returns what was wrong with the disk, empty if nothing was."""
        if not reports:
            return ""
        lines = [dump_report(report) + "\n" for report in reports]
        room = self._most_bytes - self.waiting_bytes
        fitting = 0
        while fitting < len(lines) and room >= len(lines[fitting]):
            room -= len(lines[fitting])
            fitting += 1
        self.dropped += len(lines) - fitting
        try:
            self._write("".join(lines[:fitting]))
        except OSError as error:
            self.dropped += fitting
            return f"and {self._folder} cannot be written ({error.strerror})"
        return "" if fitting == len(lines) else f"and {self._folder} is full"

    def _write(self, text: str) -> None:
        if self._file is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = self._folder / f"{os.getpid()}-{time.time_ns()}.spool"
            self._offset = 0
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        size = os.fstat(descriptor).st_size
        try:
            data = memoryview(text.encode("ascii"))
            while data:
                data = data[os.write(descriptor, data) :]
        except OSError:
            os.ftruncate(descriptor, size)  # half a line would be lost with the next one
            raise
        finally:
            os.close(descriptor)

    def batches(self) -> Generator[list[str], None, None]:
        """What waits, in order; a batch counts as replayed when the next one is asked for."""
        self._adopt()
        if self._file is None:
            return
        try:
            with self._file.open("rb") as file:
                file.seek(self._offset)
                batch: list[str] = []
                for line in file:
                    if _is_whole(line):
                        batch.append(line.decode("ascii"))
                    if len(batch) == _BATCH:
                        yield batch
                        self._offset = file.tell()
                        batch = []
                if batch:
                    yield batch
        except FileNotFoundError:  # somebody has tidied up
            pass
        self._forget()

    def _forget(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.unlink()
        self._file, self._offset = None, 0

    def _adopt(self) -> None:
        """Take over a file of a process that has ended, if there is none of our own."""
        if self._file is not None:
            return
        with contextlib.suppress(OSError):
            for file in sorted(self._folder.glob("*.spool"), key=lambda file: file.stat().st_mtime):
                pid = file.name.partition("-")[0]
                if pid.isdigit() and (int(pid) == os.getpid() or not _is_alive(int(pid))):
                    mine = self._folder / f"{os.getpid()}-{time.time_ns()}.spool"
                    file.rename(mine)  # of several that try only one succeeds
                    self._file, self._offset = mine, 0
                    return

    def disown(self) -> None:
        """Begin with nothing, as a forked child does: the file is the parent's."""
        self._file, self._offset, self.dropped = None, 0, 0


def _is_whole(line: bytes) -> bool:
    """Whether a line was written to its end: a process may have been killed within it."""
    if not line.endswith(b"}\n") or not line.isascii():
        return False
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # where signal 0 is no question, but Ctrl-C
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
