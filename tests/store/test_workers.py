"""Four workers of a real server write into one store, and nothing is lost."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from pympler.leaks.report import LeakSummary, RequestReport
from pympler.store.fleet import fleet_of
from pympler.store.sqlite import SqliteStore
from tests.support import require

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
REQUESTS = 240
BATCH = 24
TIMEOUT_S = 60.0

GUNICORN = ["gunicorn", "--workers", "4", "--bind", "fd://{fd}", "--no-control-socket"]
WSGI = "tests.store.worker_app:wsgi"
SERVERS = {
    "sync": [*GUNICORN, WSGI],
    "gthread": [*GUNICORN, "--threads", "4", WSGI],
    "preload": [*GUNICORN, "--preload", WSGI],
    "recycled": [*GUNICORN, "--max-requests", "25", WSGI],
    "uvicorn": ["uvicorn", "--workers", "4", "--fd", "{fd}", "tests.store.worker_app:asgi"],
}


@contextmanager
def server(name: str, folder: Path) -> Iterator[int]:
    """The port of a server whose workers write into ``folder/store.db``."""
    command = SERVERS[name]
    require(command[0], importlib.util.find_spec(command[0]), command[0])
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listening:
        port = listening.getsockname()[1]
        arguments = [argument.format(fd=listening.fileno()) for argument in command]
        roots = [ROOT, *sorted((ROOT / "integrations").glob("*/"))]
        log = folder / "server.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(folder),
                    "PYTHONPATH": os.pathsep.join(map(str, roots)),
                    "PYMPLER_STORE": f"sqlite:///{folder}/store.db",
                    "PYMPLER_RELEASE": "1.2",
                },
                pass_fds=[listening.fileno()],
                stdout=output,
                stderr=output,
            )
    try:
        yield port
        assert process.poll() is None, log.read_text()
    finally:
        process.terminate()
        try:
            process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def get(port: int) -> bytes:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)) as connection:
        connection.sendall(b"GET /orders HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        received = b""
        while data := connection.recv(65536):
            received += data
    return received.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("name", SERVERS)
def test_what_the_workers_report_comes_together(name: str, tmp_path: Path) -> None:
    wanted = 5 if name == "recycled" else 2
    sent, answered = 0, set[bytes]()
    deadline = time.monotonic() + TIMEOUT_S
    with server(name, tmp_path) as port, ThreadPoolExecutor(8) as pool:
        # The first worker that is ready may serve all of them alone.
        while sent < REQUESTS or (len(answered) < wanted and time.monotonic() < deadline):
            answered.update(pool.map(get, [port] * BATCH))
            sent += BATCH

    with SqliteStore(tmp_path / "store.db") as store:
        summaries, reports = store.summaries(), store.reports()
        fault = store.status().fault

    assert fault == ""
    assert sum(summary.requests for summary in summaries) == sent
    assert {str(summary.pid).encode() for summary in summaries} == answered
    assert {summary.worker for summary in summaries} == {report.worker for report in reports}
    assert lost(summaries, reports) == {}
    assert len(summaries) >= wanted
    fleet = fleet_of(summaries)
    (group,) = fleet.groups
    assert (group.release, group.requests) == ("1.2", sent)
    assert len(fleet.workers) == len(summaries)


def lost(summaries: list[LeakSummary], reports: list[RequestReport]) -> dict[str, int]:
    """How many reports of each worker are neither there nor counted as dropped."""
    kept: dict[str, set[int]] = defaultdict(set)
    for report in reports:
        kept[report.worker].add(report.id)
    missing = {
        summary.worker: max(kept[summary.worker], default=0)
        - len(kept[summary.worker])
        - summary.dropped
        for summary in summaries
    }
    return {worker: number for worker, number in missing.items() if number}
