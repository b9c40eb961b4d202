"""gunicorn and uvicorn send the same bytes with and without the middleware."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from tests.servers.running import TIMEOUT_S, running

pytestmark = pytest.mark.integration

# What a server sends only for the time of day.
VARIES = re.compile(rb"(?im)^date: [^\r]*\r\n")

GUNICORN = ["gunicorn", "--workers", "1", "--threads", "4", "--bind", "fd://{fd}"]
UVICORN = ["uvicorn", "--log-level", "warning", "--fd", "{fd}"]
SERVERS = {
    "gunicorn flask": [*GUNICORN, "tests.servers.flask_app:app"],
    "gunicorn django": [*GUNICORN, "tests.servers.django_app:wsgi"],
    "uvicorn starlette": [*UVICORN, "tests.servers.asgi_apps:starlette"],
    "uvicorn fastapi": [*UVICORN, "tests.servers.asgi_apps:fastapi"],
    "uvicorn django": [*UVICORN, "tests.servers.django_app:asgi"],
}
NUMBER = {"flask": "/plain/<int:number>", "django": "/plain/<int:number>"}


@pytest.fixture(scope="module", params=SERVERS)
def ports(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, int, int]]:
    """The name of a server, and its ports with the middleware and without."""
    home = tmp_path_factory.mktemp("home")
    with ExitStack() as stack:
        command = SERVERS[request.param]
        watched, bare = (
            stack.enter_context(running(command, home, f"{on}.log", WATCHED=on)) for on in "10"
        )
        yield request.param, watched, bare


def connect(port: int, path: str, method: str = "GET") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
    lines = [f"{method} {path} HTTP/1.1", "Host: testserver", "Connection: close", "", ""]
    connection.sendall("\r\n".join(lines).encode())
    return connection


def exchange(port: int, path: str, method: str = "GET") -> bytes:
    """Everything that the server sends until it closes the connection."""
    received = []
    with closing(connect(port, path, method)) as connection:
        while data := connection.recv(65536):
            received.append(data)
    return VARIES.sub(b"", b"".join(received), count=1)


def reports(port: int) -> list[tuple[str, int, str | None]]:
    """Route, status and error of the reports, but for those of requests for reports."""
    body = exchange(port, "/reports").partition(b"\r\n\r\n")[2]
    rows = json.loads(body[body.index(b"[") : body.rindex(b"]") + 1])
    return [tuple(row) for row in rows if row[0] != "/reports"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/plain/7", "/file", "/breaks", "/missing/17"])
def test_the_same_bytes(ports: tuple[str, int, int], path: str, method: str) -> None:
    _, watched, bare = ports
    sent = exchange(bare, path, method)
    assert sent.startswith(b"HTTP/1.1 ")
    assert exchange(watched, path, method) == sent


@pytest.mark.parametrize("which", ["watched", "bare"])
def test_a_stream_arrives_as_it_is_made(ports: tuple[str, int, int], which: str) -> None:
    port = ports[1] if which == "watched" else ports[2]
    received = b""
    with closing(connect(port, "/stream")) as connection:
        while b"first" not in received:
            received += connection.recv(65536)
        assert b"second" not in received
        exchange(port, "/go-on")
        while data := connection.recv(65536):
            received += data
    assert b"second" in received


def test_a_stream_that_breaks_sends_the_same_bytes(ports: tuple[str, int, int]) -> None:
    _, watched, bare = ports
    assert exchange(watched, "/stream-breaks") == exchange(bare, "/stream-breaks")


def test_a_client_that_leaves_ends_its_request(ports: tuple[str, int, int]) -> None:
    _, watched, _ = ports
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        # Again and again: one that begins while the background thread is busy is not watched.
        with closing(connect(watched, "/endless")) as connection:
            assert connection.recv(1000)
        for _ in range(20):
            if "/endless" in [route for route, *_ in reports(watched)]:
                return
            time.sleep(0.05)
    pytest.fail("the request to /endless has not ended")


def test_reports_name_the_route(ports: tuple[str, int, int]) -> None:
    name, watched, _ = ports
    route = NUMBER.get(name.split()[1], "/plain/{number}")
    deadline = time.monotonic() + TIMEOUT_S
    rows: list[tuple[str, int, str | None]] = []
    # A report is written a moment after the response of its request, and a request that begins
    # while the background thread is busy has none.
    while rows.count((route, 200, None)) < 3 or "/breaks" not in [path for path, *_ in rows]:
        assert time.monotonic() < deadline, rows
        exchange(watched, "/plain/1")
        exchange(watched, "/breaks")
        rows = reports(watched)
    assert [error for path, _, error in rows if path == "/breaks"][-1] == "LookupError"
