"""``pympler serve``: what it serves, to whom, and how it fails."""

from __future__ import annotations

import os
import platform
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pympler.cli import main
from pympler.render.pages import PageRequest, Pages
from pympler.store.sqlite import SqliteStore
from tests.render.pages.values import fill, report
from tests.support import let_be_interrupted

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[str]:
    """The address that the command prints, until it is interrupted."""
    command = [sys.executable, "-m", "pympler", "serve", "--port", "0", *arguments]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=let_be_interrupted,
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://\S+", process.stdout.readline())
            assert found, process.communicate(timeout=30)
            yield found[0]
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)
        assert process.returncode == 0


def get(address: str, **headers: str) -> tuple[int, str]:
    asked = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


@pytest.mark.integration
def test_it_serves_what_the_workers_have_reported(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    store = SqliteStore(path)
    fill(store, time.time())
    store.close()
    with serving("--store", f"sqlite:///{path}") as address:
        assert address.startswith("http://127.0.0.1:")
        status, text = get(address)
        assert status == 200
        assert "1 of 5 routes leaks" in text
        assert get(address, Host="evil.example")[0] == 404
        assert get(address, Via="1.1 proxy")[0] == 404
        assert get(f"{address}requests?route=/cart/%7Bid%7D")[0] == 200


class Listening:
    """Stands for the server, which tests must not open to other machines."""

    url, port = "http://0.0.0.0:8090/", 8090

    def __init__(self, pages: Pages, host: str, port: int) -> None:
        type(self).pages = pages

    pages: Pages

    def serve_forever(self) -> None:
        raise KeyboardInterrupt

    def close(self) -> None:
        pass


@pytest.mark.parametrize("given", ["", "s3cret"])
def test_beyond_this_machine_it_asks_for_a_token(
    given: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "shop.db"
    with SqliteStore(path) as store:
        store.save(report())
    monkeypatch.setattr("pympler.web.PagesServer", Listening)
    monkeypatch.setenv("PYMPLER_TOKEN", given)
    asked = ["--host", "0.0.0.0", "--allow-host", "shop.example"]
    assert main(["serve", "--store", f"sqlite:///{path}", *asked]) == 0
    host, token = re.findall(r"http://(.+):8090/\?token=(\S+)", capsys.readouterr().out)[0]
    assert (host, len(token) > 20 or token == given) == (platform.node(), True)

    def visit(host: str, **query: str) -> int:
        headers = {"host": host}
        return Listening.pages.respond(
            PageRequest("GET", "/", query, headers=headers, peer="203.0.113.9")
        ).status

    for name in (host, "shop.example:8090"):
        assert visit(name) == 404
        assert visit(name, token="wrong") == 404
        assert visit(name, token=token) == 303
    assert visit("evil.example", token=token) == 404


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--store", "sqlite:////nowhere/shop.db"], "there is no store at /nowhere/shop.db"),
        (["--store", "memory:"], "known to its own process alone"),
        (["--store", "carrier-pigeon:"], "carrier-pigeon"),
        (["--port", "70000"], "no port"),
        ([], "no application has left a store"),
    ],
)
def test_what_cannot_be_served_is_said(
    arguments: list[str],
    reason: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PYMPLER_STORE")
    assert main(["serve", *arguments]) == 2
    assert reason in capsys.readouterr().err
