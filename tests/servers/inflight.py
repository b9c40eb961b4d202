"""Fifty requests in flight to five routes, until one of them is said to leak."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count, islice
from pathlib import Path
from typing import Any

from tests.servers.running import end

__all__ = ["IN_FLIGHT", "KINDS", "LIFTED", "ONCE", "run", "server", "summary_of"]

ROOT = Path(__file__).resolve().parents[2]
IN_FLIGHT = 50
BATCH = 250
TIMEOUT_S = 30.0
LIFTED = {"sample_rate": 0.4, "max_overhead": 1.0}

UVICORN = ["uvicorn", "--log-level", "warning", "--fd", "{fd}"]
KINDS = {
    "uvicorn, async": [*UVICORN, "tests.servers.inflight_app:asynchronous"],
    "uvicorn, sync": [*UVICORN, "tests.servers.inflight_app:synchronous"],
    "gunicorn gthread": [
        *("gunicorn", "--workers", "1", "--threads", f"{IN_FLIGHT}", "--bind", "fd://{fd}"),
        *("--keep-alive", "5", "--worker-connections", "200"),
        "tests.servers.inflight_app:threaded",
    ],
}
# Tried once, by hand: gevent is nothing that the suite installs.
ONCE = {
    "gunicorn gevent": [
        *("gunicorn", "--worker-class", "gevent", "--worker-connections", "200"),
        *("--bind", "fd://{fd}", "tests.servers.inflight_app:threaded"),
    ],
    "gunicorn gthread, --preload, 2 workers": [
        *("gunicorn", "--preload", "--workers", "2", "--threads", f"{IN_FLIGHT // 2}"),
        *("--bind", "fd://{fd}", "--worker-connections", "200"),
        "tests.servers.inflight_app:threaded",
    ],
}


@contextmanager
def server(command: list[str], options: dict[str, Any], **environment: str) -> Iterator[int]:
    """A server of its own process; gives its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listening:
        listening.set_inheritable(True)
        port = listening.getsockname()[1]
        arguments = [argument.format(fd=listening.fileno()) for argument in command]
        roots = [ROOT, *sorted((ROOT / "integrations").glob("*/"))]
        with tempfile.TemporaryFile() as log, tempfile.TemporaryDirectory() as home:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": home,
                    "PYTHONPATH": os.pathsep.join(map(str, roots)),
                    "OPTIONS": json.dumps(options),
                    "PYTHONFAULTHANDLER": "1",
                    **environment,
                },
                pass_fds=[listening.fileno()],
                stdout=log,
                stderr=log,
            )
            try:
                yield port
            except Exception as error:
                log.seek(0)
                said = log.read().decode(errors="replace")
                raise RuntimeError(f"exit code {process.poll()}; it said: {said}") from error
            finally:
                end(process)


def get(port: int, path: str) -> bytes:
    """The body of a response."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)) as connection:
        lines = [f"GET {path} HTTP/1.1", "Host: testserver", "Connection: close", "", ""]
        connection.sendall("\r\n".join(lines).encode())
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    if b" 200 " not in head.partition(b"\r\n")[0]:
        raise RuntimeError(f"{path} was answered by {head[:100]!r}")
    return body


def summary_of(port: int) -> dict[str, Any]:
    """What the monitor in the server says now."""
    body = get(port, "/summary")
    found: dict[str, Any] = json.loads(body[body.index(b"{") : body.rindex(b"}") + 1])
    return found


def run(
    kind: str,
    options: dict[str, Any],
    *,
    most: int,
    seed: int = 0,
    tick_s: float = 1.0,
    objects: int = 0,
) -> dict[str, Any]:
    """Send requests until a route is said to leak, or so many have been sent.

    Returns:
        The last summary, with ``leaking`` routes, the number of requests ``sent`` and how long it
        took.
    """
    draw = random.Random(seed)
    names, weights = ("index", "search", "export", "cache", "leak"), (2, 2, 2, 3, 4)
    paths = (f"/{draw.choices(names, weights)[0]}/{number}" for number in count())
    started_s = time.monotonic()
    tick = {"TICK_S": str(tick_s), "OBJECTS": str(objects)}
    command = KINDS.get(kind) or ONCE[kind]
    with server(command, options, **tick) as port, ThreadPoolExecutor(IN_FLIGHT) as clients:
        sent = 0
        while sent < most:
            for _ in clients.map(lambda path: get(port, path), islice(paths, BATCH)):
                sent += 1
            found = summary_of(port)
            leaking = [name for name, (verdict, _) in found["routes"].items() if verdict == "leak"]
            if leaking:
                break
    return {**found, "leaking": leaking, "sent": sent, "took_s": time.monotonic() - started_s}
