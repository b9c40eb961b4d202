"""The web profiler: the addresses of Pympler 1.1, served by the pages of today."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

import pympler.web
from pympler.classtracker import ClassTracker
from pympler.classtracker_stats import Stats
from pympler.web import ProfilerThread, start_in_background, start_profiler

ROOT = Path(__file__).resolve().parent.parent


class Cart:
    """What is tracked."""


class Follow(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer, and not followed."""

    def redirect_request(self, *_: Any) -> None:
        return None


@contextmanager
def profiler(**options: Any) -> Iterator[ProfilerThread]:
    thread = start_in_background(port=0, quiet=True, **options)
    try:
        yield thread
    finally:
        thread.stop()


def get(thread: ProfilerThread, path: str, **headers: str) -> tuple[int, str, str]:
    """Status, body and location."""
    url = thread.url.partition("?")[0].rstrip("/") + path
    opener = urllib.request.build_opener(Follow())
    try:
        with opener.open(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return answer.status, answer.read().decode(), ""
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.read().decode(), answer.headers.get("Location", "")


def test_the_addresses_of_the_old_version() -> None:
    with profiler() as thread:
        for path in ("/", "/process", "/tracker", "/garbage", f"/traceback/{thread.ident}"):
            assert get(thread, path)[0] == 200, path
        for path, target in {
            "/refresh": "/",
            "/objects/140558148258688": "/heap",
            "/garbage/0": "/garbage",
            "/garbage/graph/0?reduce=1": "/garbage",
        }.items():
            status, _, location = get(thread, path)
            assert (status, location) == (303, target)
        status, _, location = get(thread, "/help")
        assert status == 303
        assert location.startswith("https://")
        assert get(thread, "/static/pages.css")[0] == 200
        for path in (
            "/traceback/gabelstapler",
            "/traceback/-1",
            "/tracker/class/nope",
            "/tracker/x",
        ):
            assert get(thread, path)[0] == 404, path


def test_the_stack_of_a_thread() -> None:
    with profiler() as thread:
        _, page, _ = get(thread, f"/traceback/{threading.get_ident()}")
        assert "in test_the_stack_of_a_thread" in page
        assert f"{Path(__file__).name}:" in page


def test_the_process_is_known_from_the_start() -> None:
    with profiler() as thread:
        _, page, _ = get(thread, "/process")
        assert f"pid {os.getpid()}" in page or str(os.getpid()) in page
        assert "Read it now" in page


def test_without_a_tracker_the_page_says_what_to_do() -> None:
    with profiler() as thread:
        assert "start_profiler(tracker=tracker)" in get(thread, "/tracker")[1]
    with closing(ClassTracker()) as tracker, profiler(tracker=tracker) as thread:
        assert "tracker.track_class(Cart)" in get(thread, "/tracker")[1]


def test_a_tracker_and_its_classes() -> None:
    with closing(ClassTracker()) as tracker:
        tracker.track_class(Cart, name="<b>Cart & Co</b>", trace=1)
        carts = [Cart() for _ in range(7)]
        tracker.create_snapshot("<i>seven</i>")
        del carts[3:]
        with profiler(tracker=tracker) as thread:
            status, page, _ = get(thread, "/tracker")
            assert status == 200
            assert "&lt;b&gt;Cart &amp; Co&lt;/b&gt;" in page
            assert "&lt;i&gt;seven&lt;/i&gt;" in page
            assert "<b>Cart" not in page
            assert "<i>seven" not in page
            _, page, _ = get(thread, "/tracker/class/%3Cb%3ECart%20%26%20Co%3C/b%3E")
            assert "Where those alive were made" in page
            assert "test_web.py:" in page
            assert page.count("alive</td>") == 3
            # Looking makes no class (it did in 1.1) and no instance.
            assert list(tracker.picture().classes) == ["<b>Cart & Co</b>"]


def test_statistics_of_a_dump(tmp_path: Path) -> None:
    with closing(ClassTracker()) as tracker:
        tracker.track_class(Cart, name="Cart")
        kept = [Cart()]
        tracker.create_snapshot("one")
        tracker.stats.dump_stats(tmp_path / "run.dump")
    with profiler(stats=Stats(filename=tmp_path / "run.dump")) as thread:
        assert "Cart" in get(thread, "/tracker")[1]
    assert kept


def test_other_hosts_and_proxies_are_refused() -> None:
    with profiler() as thread:
        assert get(thread, "/process", Host="evil.example")[0] == 404
        assert get(thread, "/process", **{"X-Forwarded-For": "10.0.0.1"})[0] == 404


def test_beyond_this_machine_a_token_is_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    thread = start_in_background("0.0.0.0", 0)
    try:
        assert "?token=" in thread.url
        assert thread.url in caplog.text
        assert len(thread.url.partition("?token=")[2]) >= 32
    finally:
        thread.stop()
    with profiler(token="given") as thread:
        refused = {"X-Forwarded-For": "10.0.0.1"}
        assert get(thread, "/?token=wrong", **refused)[0] == 404
        assert get(thread, "/?token=given", **refused)[0] == 303


def test_debug_logs_each_request(caplog: pytest.LogCaptureFixture) -> None:
    with profiler() as thread:
        get(thread, "/refresh")
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]
    with profiler(debug=True) as thread:
        get(thread, "/refresh")
    assert "GET /refresh" in caplog.text


def test_it_stops_and_lets_go_of_the_port() -> None:
    thread = start_in_background(port=0, quiet=True)
    assert (thread.name, thread.daemon) == ("Pympler web frontend", True)
    port = int(thread.url.rpartition(":")[2].strip("/"))
    thread.stop()
    thread.stop()
    assert not thread.is_alive()
    again = start_in_background(port=port, quiet=True)
    with pytest.raises(OSError, match="in use"):
        start_in_background(port=port, quiet=True)
    again.stop()


def test_the_blocking_one_ends_with_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pympler.web.PagesServer, "serve_forever", interrupted)
    start_profiler(port=0, quiet=True)


def test_a_bare_install_names_the_extra() -> None:
    code = "import sys; sys.modules['jinja2'] = None; import pympler.web"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pympler[web]" in done.stderr.splitlines()[-1]


def test_many_requests_leave_nothing_of_ours() -> None:
    import gc

    with closing(ClassTracker()) as tracker, profiler(tracker=tracker) as thread:
        tracker.track_class(Cart)
        paths = ("/", "/tracker", f"/traceback/{thread.ident}", "/nowhere")

        def ours() -> int:
            gc.collect()
            found = gc.get_objects()
            return sum(str(type(each).__module__).startswith("pympler") for each in found)

        for path in paths * 5:
            get(thread, path)
        before = ours()
        for path in paths * 15:
            get(thread, path)
        assert ours() - before < 30
