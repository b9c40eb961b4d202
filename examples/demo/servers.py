"""Servers as child processes: started on free ports, ended together with their workers."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType

__all__ = ["DemoError", "Server"]

_PORT = re.compile(r"http://127\.0\.0\.1:(\d+)")
_START_S = 20.0
_STOP_S = 5.0
_LOG_LINES = 15
_LOG_BYTES = 10_000_000


class DemoError(Exception):
    """Something that the demo needs does not work; the message says what."""


class Server:
    """A server with its workers, in a process group of their own.

    Args:
        name: What to call it in messages.
        command: Starts it on port 0; the line that says where it listens is looked for.
        folder: Where to start it.
    """

    def __init__(self, name: str, command: tuple[str, ...], folder: Path) -> None:
        self.name = name
        self.port = 0
        self._command = command
        self._folder = folder
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed by stop()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        # A setting in the environment would change what the demo shows.
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("PYMPLER_")
        }
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def wait_for_port(self) -> int:
        """The port that it listens on, as soon as it says so."""
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            found = _PORT.search(self.log())
            if found:
                self.port = int(found[1])
                return self.port
            self.check()
            time.sleep(0.05)
        raise DemoError(f"{self.name} does not listen after {_START_S:.0f} s.{self.log_tail()}")

    def check(self, patience_s: float = 0.0) -> None:
        """Raise an error if it has ended, or ends within this time."""
        if self._process is None:
            return
        try:
            status = self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            return
        raise DemoError(f"{self.name} ended by itself with status {status}.{self.log_tail()}")

    def log(self) -> str:
        """What it has printed so far."""
        # The child writes at the position of the shared file, which must not move.
        return os.pread(self._log.fileno(), _LOG_BYTES, 0).decode(errors="replace")

    def log_tail(self) -> str:
        """The end of what it printed, as a paragraph for a message."""
        lines = self.log().splitlines()[-_LOG_LINES:]
        text = "".join(f"\n  | {line}" for line in lines)
        return f" The end of its log:{text}" if text else " It printed nothing."

    def stop(self) -> None:
        """End it and its workers; may be called twice."""
        process, self._process = self._process, None
        if process is None:
            return
        _signal_group(process, signal.SIGTERM)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            # Whatever is left of the group: a worker that hangs, or one whose master was killed.
            _signal_group(process, signal.SIGKILL)
            process.wait()
            self._log.close()


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:  # the whole group has ended
        pass
    except PermissionError:  # macOS, for a group of which only zombies are left
        pass
