"""The memory panel in the real Flask-DebugToolbar."""

from __future__ import annotations

import gc
import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask, jsonify
from flask_debugtoolbar import DebugToolbarExtension
from pympler_flask import Pympler

from pympler.leaks import LeakMonitor, guard
from pympler.util.names import type_name
from tests.wsgi_server import environ_of, serve

PANEL = "pympler_flask.panel.MemoryPanel"
BODY = "<html><body>{}</body></html>"


class Basket:
    """What is left behind."""


@pytest.fixture(autouse=True)
def no_faults(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What a guard swallows is a fault of ours all the same; it is logged the first time only."""
    guard._reported.clear()
    yield
    guard._reported.clear()
    assert "pympler could not" not in caplog.text


@contextmanager
def application(*, watched: bool = True, **config: Any) -> Iterator[Flask]:
    kept: list[Basket] = []
    app = Flask("shop")
    app.debug = True
    app.config.update(
        SECRET_KEY="for tests only",
        DEBUG_TB_PANELS=(
            "flask_debugtoolbar.panels.timer.TimerDebugPanel",
            "flask_debugtoolbar.panels.template.TemplateDebugPanel",
            PANEL,
        ),
        PYMPLER_SAMPLE_RATE=0.0,
        PYMPLER_LOG_LEVEL="DEBUG",
        PYMPLER_STORE="memory:",
    )
    app.config.update(config)

    @app.get("/leaks/<int:number>")
    def leaks(number: int) -> str:
        kept.append(Basket())
        return BODY.format(number)

    @app.get("/clean")
    def clean() -> str:
        return BODY.format("clean")

    @app.get("/json")
    def as_json() -> Any:
        return jsonify(kept=len(kept))

    DebugToolbarExtension(app)
    if watched:
        Pympler(app)
    for _ in range(2):  # first requests fill caches of Flask and of the toolbar
        get(app, "/leaks/0")
    try:
        yield app
    finally:
        if watched:
            monitor_of(app).close()


def monitor_of(app: Flask) -> LeakMonitor:
    monitor: LeakMonitor = app.extensions["pympler"].monitor
    return monitor


def get(app: Flask, path: str, **more: str) -> str:
    served = serve(app, environ_of(path, HTTP_HOST="localhost", **more))
    return b"".join(served.chunks).decode()


def load(app: Flask, path: str) -> str:
    """A request in the midst of which no older objects are collected: that comes after others."""
    gc.collect()
    return get(app, path)


def report_url(page: str) -> str:
    found = re.search(r'data-pympler-report="([^"]+)"', page)
    assert found, page[-3000:]
    return found[1]


def open_panel(app: Flask, page: str) -> str:
    return str(json.loads(get(app, report_url(page)))["content"])


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def test_a_page_in_the_toolbar_always_has_a_window() -> None:
    with application() as app:
        page = load(app, "/leaks/1")
        assert re.search(r"Memory\s*<br /><small>[\d.]+ MB \([+-]", page)
        assert "GET /leaks/&lt;int:number&gt;" in page
        text = text_of(open_panel(app, page))
        routes = {route.route: route.windows for route in monitor_of(app).summary().routes}
    assert f"{__name__}.Basket 1 " in text
    assert "which no collection would free." in text
    # What the toolbar fetches for itself is none of the application's.
    assert routes == {"/leaks/<int:number>": 3}


def test_other_answers_are_left_alone() -> None:
    with application() as app:
        assert json.loads(get(app, "/json")) == {"kept": 2}
        assert get(app, "/_debug_toolbar/pympler/panel.js").startswith("//")
        assert "404" in get(app, "/_debug_toolbar/pympler/../panel.py")
        assert monitor_of(app).summary().requests == 5


def test_the_panel_leads_to_the_page_of_the_report() -> None:
    with application() as app:
        content = open_panel(app, load(app, "/leaks/1"))
        link = re.search(r'<a href="(/_pympler/requests/[^"]+)"', content)
        assert link
        assert f"{__name__}.Basket" in get(app, link[1], REMOTE_ADDR="127.0.0.1")
    with application(PYMPLER_PAGES=False) as app:
        assert "/_pympler/" not in open_panel(app, load(app, "/leaks/1"))


def test_an_application_without_the_extension_is_told_what_to_do() -> None:
    with application(watched=False) as app:
        assert "call Pympler(app)" in get(app, "/leaks/1")
    with application(PYMPLER_ENABLED=False) as app:
        assert "call Pympler(app)" in get(app, "/leaks/1")


def test_who_may_not_see_the_toolbar_does_not_see_reports() -> None:
    with application(DEBUG_TB_HOSTS=("10.0.0.1",)) as app:
        key = f"{monitor_of(app).summary().worker}.1"
        assert "404" in get(app, f"/_debug_toolbar/pympler/report/{key}", REMOTE_ADDR="10.0.0.2")
        seen = get(app, f"/_debug_toolbar/pympler/report/{key}", REMOTE_ADDR="10.0.0.1")
        assert "content" in json.loads(seen)


@pytest.mark.parametrize("key", ["nonsense", "a.b.c.1", "%3Cscript%3E", "x" * 5000])
def test_keys_that_are_none(key: str) -> None:
    with application() as app:
        content = json.loads(get(app, f"/_debug_toolbar/pympler/report/{key}"))["content"]
    assert "<script" not in content


def test_a_fault_of_ours_is_not_the_applications(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import pympler_flask.panel as panel

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with application() as app:
        url = report_url(get(app, "/leaks/1"))
        for name in ("Shown", "view", "subtitle"):
            with monkeypatch.context() as patched:
                patched.setattr(panel, name, broken)
                assert "<body>1" in get(app, "/leaks/1")
                assert "content" in json.loads(get(app, url))
    assert "pympler could not" in caplog.text
    caplog.clear()


def test_requests_leave_nothing_of_ours() -> None:
    with application(PYMPLER_KEEP=5) as app:
        for n in range(60):
            open_panel(app, get(app, f"/leaks/{n}"))
        before = own_objects(app)
        for n in range(60):
            open_panel(app, get(app, f"/leaks/{n}"))
        # What a request leaves would have grown by 60; the rows of the reports kept vary.
        assert max((own_objects(app) - before).values(), default=0) < 30


def own_objects(app: Flask) -> Counter[str]:
    monitor_of(app)._budget.allows_walk = lambda cost_s: False  # type: ignore[method-assign]
    monitor_of(app).summary()
    gc.collect()
    names = (type_name(type(item)) for item in gc.get_objects())
    return Counter(name for name in names if name.startswith("pympler"))
