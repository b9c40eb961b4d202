"""Servers and job queues that CI does not have: ``make servers``. Nothing that they do is lost.

What is not installed is skipped, whatever CI requires.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pympler.leaks.report import LeakSummary, RequestReport
from pympler.store.sqlite import SqliteStore
from tests.servers.running import end
from tests.store.test_workers import get, lost

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
REQUESTS, JOBS = 200, 30
TIMEOUT_S = 120.0

WSGI, ASGI = "tests.store.worker_app:wsgi", "tests.store.worker_app:asgi"
UWSGI = ["uwsgi", "--http-socket", "127.0.0.1:{port}", "--processes", "2", "--master", "--need-app"]
UWSGI += ["--module", WSGI, "--die-on-term", "--disable-logging"]
HERE = ["--host", "127.0.0.1", "--port", "{port}"]
SERVERS = {
    "gunicorn gevent": ["gunicorn", "-w", "2", "-k", "gevent", "-b", "127.0.0.1:{port}", WSGI],
    "hypercorn": ["hypercorn", "--workers", "2", "--bind", "127.0.0.1:{port}", ASGI],
    "granian": ["granian", *HERE, "--workers", "2", "--interface", "asgi", ASGI],
    "granian wsgi": ["granian", *HERE, "--workers", "2", "--interface", "wsgi", WSGI],
    "uwsgi": [*UWSGI, "--enable-threads"],
    "uwsgi without threads": UWSGI,
}
ENDED_HARD = ("granian wsgi", "uwsgi")  # a worker that is ended loses what is not written yet
NEEDS = {"gunicorn gevent": "gevent"}


def program(name: str) -> str:
    """A program of this environment or of the machine; skips the test if there is none."""
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is missing: make servers")
    return found


def environ(folder: Path, **more: str) -> dict[str, str]:
    roots = [ROOT, ROOT / "examples" / "jobs", *sorted((ROOT / "integrations").glob("*/"))]
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": os.pathsep.join(map(str, roots)),
        "VIRTUAL_ENV": sys.prefix,
        "PYMPLER_STORE": f"sqlite:///{folder}/store.db",
        **more,
    }


@contextmanager
def running(command: list[str], folder: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that is told to end at the end, with its children."""
    log = folder / "log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environ(folder, **more), stdout=output, stderr=output
        )
    try:
        yield process
        assert process.poll() is None, log.read_text()
    finally:
        end(process)


def kept(folder: Path) -> tuple[list[LeakSummary], list[RequestReport]]:
    with SqliteStore(folder / "store.db") as store:
        return store.summaries(), store.reports()


@pytest.mark.parametrize("name", SERVERS)
def test_what_the_workers_of_a_server_report(name: str, tmp_path: Path) -> None:
    command = [program(SERVERS[name][0]), *SERVERS[name][1:]]
    if importlib.util.find_spec(NEEDS.get(name, "pympler")) is None:
        pytest.skip(f"{NEEDS[name]} is missing: make servers")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    command = [part.format(port=port) for part in command]
    with running(command, tmp_path) as process, ThreadPoolExecutor(4) as pool:
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(OSError):
                get(port)
                break
            time.sleep(0.05)
        answered = list(pool.map(get, [port] * REQUESTS))
        if name in ENDED_HARD:
            time.sleep(6)  # its summary comes every five seconds

    summaries, reports = kept(tmp_path)
    assert {str(summary.pid).encode() for summary in summaries} == set(answered)
    assert {summary.worker for summary in summaries} == {report.worker for report in reports}
    assert lost(summaries, reports) == {}
    assert sum(summary.requests for summary in summaries) in (REQUESTS, REQUESTS + 1)
    assert len(reports) in (REQUESTS, REQUESTS + 1)


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    """The URL of a Redis server of the test's own."""
    path = tmp_path / "redis.sock"
    quiet = ["--save", "", "--appendonly", "no"]
    command = [program("redis-server"), "--port", "0", "--unixsocket", str(path), *quiet]
    with running(command, tmp_path):
        deadline = time.monotonic() + TIMEOUT_S
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        yield f"unix://{path}"


def all_jobs(folder: Path, label: str) -> list[LeakSummary]:
    """The summaries, all of whose requests are jobs of this name; none is lost."""
    summaries, reports = kept(folder)
    assert sum(summary.requests for summary in summaries) == JOBS
    assert {report.route for report in reports} == {label}
    assert lost(summaries, reports) == {}
    return summaries


def test_jobs_of_rq(redis: str, tmp_path: Path) -> None:
    program("rq")
    enqueue = (
        "import sys, redis, rq, rq_jobs\n"
        "queue = rq.Queue(connection=redis.Redis.from_url(sys.argv[1]))\n"
        f"[queue.enqueue(rq_jobs.send_letter, number) for number in range({JOBS})]\n"
    )
    where = {"cwd": tmp_path, "env": environ(tmp_path, PYMPLER_DISABLE="1")}
    subprocess.run([sys.executable, "-c", enqueue, redis], check=True, **where)  # type: ignore[call-overload]
    worker = [program("rq"), "worker", "--burst", "--url", redis]
    worker += ["--worker-class", "rq_jobs.WatchedWorker"]
    subprocess.run(worker, check=True, cwd=tmp_path, env=environ(tmp_path), timeout=TIMEOUT_S)

    (summary,) = all_jobs(tmp_path, "job:rq_jobs.send_letter")
    assert summary.application == "shop-jobs"


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
def test_tasks_of_celery(pool: str, redis: str, tmp_path: Path) -> None:
    broker = f"redis+socket://{redis.removeprefix('unix://')}"
    send = (
        f"import celery_jobs\n[celery_jobs.send_letter.delay(number) for number in range({JOBS})]\n"
    )
    celery = program("celery")
    more = {"BROKER": broker, "PYMPLER_DISABLE": "1"}
    subprocess.run(
        [sys.executable, "-c", send], check=True, cwd=tmp_path, env=environ(tmp_path, **more)
    )
    command = [celery, "-A", "celery_jobs", "worker", "--pool", pool, "--concurrency", "2"]
    with running(command, tmp_path, BROKER=broker):
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            with suppress(Exception):
                if sum(summary.requests for summary in kept(tmp_path)[0]) == JOBS:
                    break
            time.sleep(0.2)

    summaries = all_jobs(tmp_path, "task:celery_jobs.send_letter")
    assert len(summaries) == (2 if pool == "prefork" else 1)
