"""The Flask extension: nothing changes, and each request is reported with its route."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from flask import Blueprint, Flask, abort, jsonify, redirect, send_file, stream_with_context
from pympler_flask import Pympler

from pympler.errors import SettingsError, UsageError
from pympler.leaks import UNROUTED, LeakMonitor
from pympler.wsgi import MemoryMiddleware
from tests.doubles import Ended, FailingMonitor, RecordingMonitor, faults_logged, reports_of
from tests.wsgi_server import Served, environ_of, serve

Make = Callable[..., Flask]


def make_app(name: str = "shop", **config: Any) -> Flask:
    app = Flask(name, root_path=str(Path(__file__).parent))
    app.config.update(config)

    @app.get("/plain")
    def plain() -> str:
        return "plain"

    @app.get("/json/<int:number>")
    def json(number: int) -> flask.Response:
        return jsonify(number=number)

    @app.get("/stream")
    def stream() -> flask.Response:
        return app.response_class(f"chunk {n}\n" for n in range(3))

    @app.get("/stream-with-context")
    def with_context() -> flask.Response:
        def body() -> Iterator[str]:
            for n in range(3):
                yield f"{flask.request.path} {n}\n"

        return app.response_class(stream_with_context(body()))

    @app.get("/stream-breaks")
    def stream_breaks() -> flask.Response:
        def body() -> Iterator[str]:
            yield "so far\n"
            raise LookupError("no more")

        return app.response_class(body())

    @app.get("/file")
    def file() -> flask.Response:
        return send_file(__file__)

    @app.get("/aborts")
    def aborts() -> str:
        abort(403)

    @app.get("/breaks")
    def breaks() -> str:
        raise LookupError("no such thing")

    @app.get("/handled")
    def handled() -> str:
        raise KeyError("handled")

    @app.errorhandler(KeyError)
    def on_key_error(error: KeyError) -> tuple[str, int]:
        return "handled", 409

    @app.get("/redirects")
    def redirects() -> Any:
        return redirect("/plain")

    @app.get("/slash/")
    def slash() -> str:
        return "slash"

    @app.get("/async")
    async def asynchronous() -> str:
        await asyncio.sleep(0)
        return "async"

    blueprint = Blueprint("admin", __name__, url_prefix="/admin")

    @blueprint.post("/<path:page>")
    def page(page: str) -> str:
        return page

    app.register_blueprint(blueprint)
    return app


@pytest.fixture
def watched() -> Iterator[Flask]:
    app = make_app(PYMPLER_SAMPLE_RATE=1.0, PYMPLER_MAX_OVERHEAD=1.0)
    Pympler(app)
    yield app
    monitor_of(app).close()


def monitor_of(app: Flask) -> LeakMonitor:
    monitor: LeakMonitor = app.extensions["pympler"].monitor
    return monitor


def get(app: Flask, path: str, method: str = "GET", **more: Any) -> Served:
    return serve(app, environ_of(path, method), **more)


REQUESTS = {
    "/plain": ("GET", "/plain", 200, None),
    "/json/7": ("GET", "/json/<int:number>", 200, None),
    "/stream": ("GET", "/stream", 200, None),
    "/stream-with-context": ("GET", "/stream-with-context", 200, None),
    "/stream-breaks": ("GET", "/stream-breaks", 200, "LookupError"),
    "/file": ("GET", "/file", 200, None),
    "/aborts": ("GET", "/aborts", 403, None),
    "/breaks": ("GET", "/breaks", 500, "LookupError"),
    "/handled": ("GET", "/handled", 409, None),
    "/redirects": ("GET", "/redirects", 302, None),
    "/slash": ("GET", UNROUTED, 308, None),
    "/missing/17": ("GET", UNROUTED, 404, None),
    "/async": ("GET", "/async", 200, None),
    "/admin/a/b": ("POST", "/admin/<path:page>", 200, None),
    "/plain?": ("HEAD", "/plain", 200, None),
    "/json/8": ("POST", UNROUTED, 405, None),
    "/static/none.css": ("GET", "/static/<path:filename>", 404, None),
}


@pytest.mark.parametrize("path", REQUESTS)
def test_the_same_bytes_and_a_report_with_the_route(watched: Flask, path: str) -> None:
    method, route, status, error = REQUESTS[path]
    path = path.rstrip("?")
    assert get(watched, path, method) == get(make_app(), path, method)
    assert reports_of(monitor_of(watched)) == [Ended(route, method, status, error)]


@pytest.mark.parametrize("path", ["/stream", "/stream-with-context", "/file"])
def test_a_client_that_leaves_in_mid_stream(watched: Flask, path: str) -> None:
    assert get(watched, path, at_most=1) == get(make_app(), path, at_most=1)
    assert reports_of(monitor_of(watched)) == [Ended(path, "GET", 200)]


def test_an_exception_that_propagates_is_raised_unchanged(watched: Flask) -> None:
    watched.testing = True
    with pytest.raises(LookupError, match="no such thing"):
        watched.test_client().get("/breaks")
    assert reports_of(monitor_of(watched)) == [Ended("/breaks", "GET", None, "LookupError")]


def test_an_answer_of_before_request_has_a_route(watched: Flask) -> None:
    watched.before_request(lambda: ("stopped", 401))
    assert get(watched, "/json/7").chunks == [b"stopped"]
    assert reports_of(monitor_of(watched)) == [Ended("/json/<int:number>", "GET", 401)]


def test_the_test_client_of_flask_ends_its_requests(watched: Flask) -> None:
    client = watched.test_client()
    assert [client.get("/json/1").json for _ in range(3)] == [{"number": 1}] * 3
    assert len(reports_of(monitor_of(watched))) == 3


def test_context_variables_of_the_application_survive(watched: Flask) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    @watched.before_request
    def before() -> None:
        variable.set("by before_request")

    @watched.get("/variable")
    async def view() -> str:
        return variable.get()

    assert get(watched, "/variable").chunks == [b"by before_request"]


def test_a_factory_serves_several_applications_each_with_its_own_state() -> None:
    extension = Pympler(sample_rate=0.5)
    first, second = make_app("first", PYMPLER_KEEP=7), make_app("second")
    extension.init_app(first)
    extension.init_app(second)
    get(first, "/plain")
    settings = [monitor_of(app).settings for app in (first, second)]
    assert [(s.application, s.keep, s.sample_rate) for s in settings] == [
        ("first", 7, 0.5),
        ("second", None, 0.5),
    ]
    assert [monitor_of(app).summary().requests for app in (first, second)] == [1, 0]
    assert not hasattr(extension, "app")


def test_an_application_that_is_run_as_a_script_is_called_like_its_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "/srv/shop/orders.py", raising=False)
    app = make_app("__main__")  # as of Flask(__name__) under `python orders.py`
    Pympler(app)
    assert monitor_of(app).settings.application == "orders"  # as under `flask --app orders run`


def test_installing_twice_does_nothing() -> None:
    app = make_app()
    extension = Pympler(app)
    wsgi_app, monitor = app.wsgi_app, monitor_of(app)
    extension.init_app(app)
    Pympler(app)
    assert (app.wsgi_app, monitor_of(app)) == (wsgi_app, monitor)
    get(app, "/plain")
    assert monitor.summary().requests == 1


def test_a_middleware_around_the_application_counts_alone_and_knows_the_route() -> None:
    app, outer = make_app(), RecordingMonitor()
    Pympler(app)
    app.wsgi_app = MemoryMiddleware(app.wsgi_app, monitor=outer)  # type: ignore[method-assign]
    get(app, "/json/7")
    get(app, "/breaks")
    assert outer.ended == [
        Ended("/json/<int:number>", "GET", 200),
        Ended("/breaks", "GET", 500, "LookupError"),
    ]
    assert monitor_of(app).summary().requests == 0


def test_a_copied_environ_does_not_lose_the_route() -> None:
    app, outer = make_app(), RecordingMonitor()
    Pympler(app)
    inner = app.wsgi_app
    app.wsgi_app = MemoryMiddleware(  # type: ignore[method-assign]
        lambda environ, start: inner(dict(environ), start), monitor=outer
    )
    get(app, "/json/7")
    assert outer.ended == [Ended("/json/<int:number>", "GET", 200)]


def test_disabled_means_untouched() -> None:
    app = make_app(PYMPLER_ENABLED=False)
    before = app.wsgi_app
    Pympler(app)
    assert app.wsgi_app == before
    assert not flask.request_started.has_receivers_for(app)


@pytest.mark.parametrize("point", ["begin", "finish"])
def test_a_monitor_that_raises_is_logged_once_and_the_request_served(point: str) -> None:
    app, monitor = make_app(), FailingMonitor(point)
    Pympler(app)
    app.wsgi_app.monitor = monitor  # type: ignore[attr-defined]
    with faults_logged() as lines:
        assert [get(app, "/plain") for _ in range(3)] == [get(make_app(), "/plain")] * 3
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"PYMPLER_SAMPLE_RAT": 1.0}, "'sample_rat'.*did you mean 'sample_rate'"),
        ({"PYMPLER_SAMPLE_RATE": 2.0}, "'sample_rate' is 2.0"),
    ],
)
def test_a_wrong_setting_is_an_error_at_the_start(config: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=rf"'shop'.*{message}"):
        Pympler(make_app(**config))
    with pytest.raises(SettingsError, match="'sample_rate'"):
        Pympler(make_app(), smple_rate=1.0)


def test_something_else_is_refused() -> None:
    with pytest.raises(UsageError, match="Flask application, not function"):
        Pympler(lambda environ, start: [])  # type: ignore[arg-type]


def test_quart_is_sent_to_asgi_even_if_it_has_taken_flasks_place() -> None:
    quart_like = type("Quart", (Flask,), {"__module__": "quart.app"})
    with pytest.raises(UsageError, match=r"pympler_asgi import MemoryMiddleware"):
        Pympler(quart_like("shop"))


def test_the_extra_is_named_if_flask_is_missing() -> None:
    code = "import sys; sys.modules['flask'] = None; import pympler_flask"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
        check=False,
    )
    assert done.stderr.splitlines()[-1] == (
        'ImportError: pympler_flask needs Flask: pip install "pympler[flask]"'
    )
