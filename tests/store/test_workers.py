"""Four workers of a real server write into one store, and nothing is lost."""

from __future__ import annotations

import socket
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from pympler.leaks.report import LeakSummary, RequestReport
from pympler.render.pages import Access, PageRequest, Pages
from pympler.store.fleet import fleet_of
from pympler.store.sqlite import SqliteStore
from tests.servers.running import TIMEOUT_S, running

pytestmark = [pytest.mark.integration, pytest.mark.long]

REQUESTS = 240
BATCH = 24

GUNICORN = ["gunicorn", "--workers", "4", "--bind", "fd://{fd}", "--no-control-socket"]
WSGI = "tests.store.worker_app:wsgi"
SERVERS = {
    "sync": [*GUNICORN, WSGI],
    "gthread": [*GUNICORN, "--threads", "4", WSGI],
    "preload": [*GUNICORN, "--preload", WSGI],
    "recycled": [*GUNICORN, "--max-requests", "25", WSGI],
    "uvicorn": ["uvicorn", "--workers", "4", "--fd", "{fd}", "tests.store.worker_app:asgi"],
}


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
    store_url = f"sqlite:///{tmp_path}/store.db"
    with (
        running(SERVERS[name], tmp_path, PYMPLER_STORE=store_url, PYMPLER_RELEASE="1.2") as port,
        ThreadPoolExecutor(8) as pool,
    ):
        # The first worker that is ready may serve all of them alone.
        while sent < REQUESTS or (len(answered) < wanted and time.monotonic() < deadline):
            answered.update(pool.map(get, [port] * BATCH))
            sent += BATCH

    with SqliteStore(tmp_path / "store.db") as store:
        summaries, reports = store.summaries(), store.reports()
        fault = store.status().fault
        pages = Pages(lambda: store, Access(pages=True))
        headers = {"host": "localhost"}
        page = pages.respond(PageRequest("GET", "/", headers=headers, peer="127.0.0.1"))

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
    # One page shows all of them together, and each.
    text = page.body.decode()
    assert f"{sent:,}" in text
    assert all(f"pid {summary.pid} on " in text for summary in summaries)


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
