"""The demo, run as its reader runs it, interrupted, and with servers that fail."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from examples.demo.servers import DemoError, Server
from tests.support import let_be_interrupted, require

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "examples" / "demo"
LONGEST_S = 60
MARK = "DEMO_OF_TEST"

LEAKS = [
    ("POST /carts/<int:number>", "django_shop.views.OPEN_CARTS (dict)", "django_shop/views.py"),
    (
        "POST /orders/<int:number>",
        "django_shop.views.order_placed.receivers (list)",
        "django_shop/views.py",
    ),
    ("POST /visitors/<int:number>", "flask_shop.Visitor.everyone (list)", "flask_shop.py"),
    ("POST /orders/<int:number>", "flask_shop.order.<closure>.trail (list)", "flask_shop.py"),
    ("POST /watches/{number}", "starlette_shop.FEED.listeners (list)", "starlette_shop.py"),
    (
        "POST /quotes/{number}",
        "lru_cache of starlette_shop.Quote.postage (lru_cache)",
        "starlette_shop.py",
    ),
]


@dataclass
class Demo:
    """The demo as it runs; its servers are recognised by a mark in their environment."""

    process: subprocess.Popen[str]
    mark: str

    def wait_for(self, text: str) -> None:
        assert self.process.stdout is not None
        assert any(text in line for line in self.process.stdout), text

    def end(self, longest_s: float = 30) -> tuple[int, str, str]:
        output, errors = self.process.communicate(timeout=longest_s)
        return self.process.returncode, output, errors

    def servers(self) -> dict[int, str]:
        """Ids and commands of the servers and workers that run."""
        if not Path("/proc").is_dir():
            pytest.skip("there is no /proc to look for processes")
        mark, found = f"{MARK}={self.mark}".encode(), {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes():
                    found[int(folder.name)] = command_of(int(folder.name))
            except OSError:  # of somebody else, or ended meanwhile
                continue
        found.pop(self.process.pid, None)
        return found


@pytest.fixture(autouse=True)
def servers_installed() -> None:
    for name in ("gunicorn", "uvicorn", "starlette", "django", "flask"):
        available = subprocess.run([sys.executable, "-c", f"import {name}"], capture_output=True)
        require(name, available.returncode == 0, "pympler[demo]")


@pytest.fixture
def demo() -> Iterator[Demo]:
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [sys.executable, "-u", "examples/demo/run.py"],
        cwd=ROOT,
        env={**os.environ, MARK: mark, "PYMPLER_DISABLE": "1"},  # it must not reach the servers
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=let_be_interrupted,
    )
    try:
        yield Demo(process, mark)
    finally:
        process.terminate()
        process.communicate()


@pytest.mark.long
def test_the_demo_finds_the_leaks_and_leaves_nothing_behind(demo: Demo) -> None:
    status, output, errors = demo.end(LONGEST_S)
    assert status == 0, output + errors
    assert output.count("sample_rate=0.5  max_overhead=0.1\n") == 3
    assert "6 of 6 leaks found, none of 9 healthy routes accused." in output
    assert max(map(len, output.splitlines())) <= 100
    for route, holder, file in LEAKS:
        row = rf"leak +{re.escape(route)} +\+1 entry: \d.* B\n"
        held = rf" +held by +{re.escape(holder)}\n +stored at {re.escape(file)}:\d+\n"
        assert re.search(row + held, output), f"{route} is not said to leak:\n{output}"
    assert len(re.findall(r"^  bounded  GET /products/.* at 80 entries$", output, re.M)) == 3
    assert output.count("shop.pages.CACHE.pages (collections.OrderedDict)\n") == 3
    assert len(re.findall(r"^Django, request \d+: POST /", output, re.M)) == 1
    assert output.count("left nothing behind") == 1
    assert demo.servers() == {}


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_demo_ends_its_servers_when_it_is_ended(
    demo: Demo, number: signal.Signals, expected: int
) -> None:
    demo.wait_for("200 of 2,000 requests")
    assert len(demo.servers()) == 5  # two gunicorns with a worker each, and uvicorn
    demo.process.send_signal(number)
    status, _, errors = demo.end()
    assert status == expected, errors
    assert "Traceback" not in errors
    assert demo.servers() == {}


def test_a_server_that_is_killed_ends_the_demo(demo: Demo) -> None:
    demo.wait_for("200 of 2,000 requests")
    (victim,) = [pid for pid, command in demo.servers().items() if "starlette_shop" in command]
    os.kill(victim, signal.SIGKILL)
    status, _, errors = demo.end()
    assert status == 2
    assert "The demo failed: Starlette ended by itself with status -9." in errors
    assert "Traceback" not in errors
    assert demo.servers() == {}


def test_the_demo_says_so_when_a_verdict_is_wrong() -> None:
    code = """
import sys
from applications import APPLICATIONS
from pympler.leaks import LeakSummary, RouteSummary
from run import _conclude

def summary(application, verdict_of):
    routes = tuple(
        RouteSummary(route.path, route.method, verdict_of(route), "", 1, 1, 1, 0.0, 0.0)
        for route in application.routes
    )
    return LeakSummary("", "", 1, 0.0, 1, 1, 0.5, 0.1, 0.0, None, routes), []

sys.exit(_conclude([summary(each, lambda route: eval(sys.argv[1])) for each in APPLICATIONS]))
"""

    def conclude(verdict: str) -> tuple[int, str]:
        command = [sys.executable, "-c", code, verdict]
        ended = subprocess.run(command, cwd=DEMO, capture_output=True, text=True)
        return ended.returncode, ended.stdout + ended.stderr

    status, output = conclude("route.expected")
    assert (status, output.strip()) == (0, "6 of 6 leaks found, none of 9 healthy routes accused.")
    status, output = conclude("None")
    assert status == 1
    assert "0 of 6 leaks found" in output
    assert "Wrong: Django: POST /carts/{n} leaks, but its verdict is unknown." in output
    status, output = conclude("'leak'")
    assert status == 1
    assert "6 of 6 leaks found, 9 of 9 healthy routes accused." in output
    assert "Wrong: Flask: GET / is clean, but its verdict is leak." in output


def test_a_server_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    code = "print('no module named shop', flush=True); raise SystemExit(3)"
    with (
        Server("Broken", (sys.executable, "-c", code), tmp_path) as server,
        pytest.raises(DemoError, match=r"(?s)ended by itself with status 3.*\| no module named"),
    ):
        server.wait_for_port()


def test_a_server_that_does_not_want_to_end_is_killed_with_its_workers(tmp_path: Path) -> None:
    code = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork():
    os.wait()
print(os.getpid(), "at http://127.0.0.1:1", flush=True)
time.sleep(60)
"""
    with Server("Stubborn", (sys.executable, "-c", code), tmp_path) as server:
        assert server.wait_for_port() == 1
        worker = int(server.log().split()[0])
        assert "os.fork" in command_of(worker)
    deadline = time.monotonic() + 60
    while command_of(worker) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not command_of(worker)


def command_of(pid: int) -> str:
    """The command of a process, empty if it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
