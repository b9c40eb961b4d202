"""The quickstart programs, run as their first lines say."""

from __future__ import annotations

import importlib.util
import re
import socket
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from examples.demo.servers import Server
from tests.support import require

pytestmark = [pytest.mark.integration, pytest.mark.long]

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "quickstart"
LONGEST_S = 20.0


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@pytest.mark.parametrize(
    ("framework", "command", "route"),
    [
        ("flask", ("-m", "flask", "--app", "flask_app", "run", "--port", "0"), "/notes/<text>"),
        (
            "django",  # which prints the port that it was given, so 0 would not do
            ("django_app.py", "runserver", "--noreload", "127.0.0.1:{port}"),
            "/notes/<str:text>",
        ),
        ("starlette", ("-m", "uvicorn", "starlette_app:app", "--port", "0"), "/notes/{text}"),
        ("fastapi", ("-m", "uvicorn", "fastapi_app:app", "--port", "0"), "/notes/{text}"),
    ],
)
def test_a_quickstart_program_says_what_its_requests_leave(
    framework: str, command: tuple[str, ...], route: str
) -> None:
    require(framework, importlib.util.find_spec(framework), "pympler[demo] fastapi")
    parts = (sys.executable, "-u", *(part.format(port=free_port()) for part in command))
    left = re.compile(rf"GET {re.escape(route)} 200 left .*\b1 list")
    with Server(framework, parts, FOLDER) as server:
        url = f"http://127.0.0.1:{server.wait_for_port()}/notes/hello"
        deadline = time.monotonic() + LONGEST_S
        while not left.search(server.log()) and time.monotonic() < deadline:
            server.check()
            with urllib.request.urlopen(url, timeout=60) as response:
                assert response.status == 200
        assert left.search(server.log()), server.log_tail()
