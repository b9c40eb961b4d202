"""A real server in a process of its own, on a port that the system chose."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support import require

__all__ = ["ROOT", "TIMEOUT_S", "running"]

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 120.0


@contextmanager
def running(
    command: Sequence[str], home: Path, log: str = "server.log", **environment: str
) -> Iterator[int]:
    """The port of a server that runs until the block ends, with nothing of this environment.

    Args:
        command: module and arguments; ``{fd}`` in one stands for the socket to listen on.
        home: its home folder, in which its log is kept.
        log: name of the log.
        environment: further variables.
    """
    module, *arguments = command
    require(module, importlib.util.find_spec(module), module)
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        port = listening.getsockname()[1]
        roots = [ROOT, *sorted((ROOT / "integrations").glob("*/"))]
        with (home / log).open("wb") as output:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", module),
                    *(argument.format(fd=listening.fileno()) for argument in arguments),
                ],
                cwd=ROOT,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(home),
                    "PYTHONPATH": os.pathsep.join(map(str, roots)),
                    **environment,
                },
                pass_fds=[listening.fileno()],
                stdout=output,
                stderr=output,
            )
    try:
        yield port
        assert process.poll() is None, (home / log).read_text()
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Tell a process to end, and end it if it does not in time."""
    process.terminate()
    try:
        process.wait(TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
