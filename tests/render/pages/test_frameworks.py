"""What single frameworks ask of the pages within them."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest
from django.test import override_settings
from flask import Flask
from pympler_asgi import MemoryMiddleware, reports_app
from pympler_django.views import is_staff
from pympler_flask import Pympler

from pympler.leaks import comparison
from pympler.wsgi import MemoryMiddleware as WsgiMiddleware
from tests.render.pages.front_ends import asgi_send, django_pages, wsgi_send
from tests.render.pages.test_on_demand import FakeHeap

LOCAL = {"peer": "127.0.0.1", "headers": {"host": "localhost"}, "query": "", "body": b""}


def test_forms_in_django_keep_its_token() -> None:
    csrf = "django.middleware.csrf.CsrfViewMiddleware"
    settings = {"pages": True, "store": "memory:"}
    with override_settings(MIDDLEWARE=[csrf]), django_pages(False, settings) as visit:
        from tests.render.pages.values import NOW, fill

        worker = fill(visit.store, NOW)
        page = visit("/heap")
        assert 'name="csrfmiddlewaretoken"' in page.text
        form = {"kind": "heap", "worker": worker}
        assert visit("/jobs", form=form).status == 403
        token = page.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
        cookie = page.headers["set-cookie"].partition(";")[0]
        answer = visit(
            "/jobs", form={**form, "csrfmiddlewaretoken": token}, headers={"cookie": cookie}
        )
        assert answer.status == 303


def test_djangos_own_hosts_are_kept() -> None:
    settings = {"pages": True, "store": "memory:"}
    hosts = ["shop.example", "localhost"]
    with override_settings(ALLOWED_HOSTS=hosts), django_pages(False, settings) as visit:
        assert visit(host="shop.example").status == 200
        assert visit(host="127.0.0.1").status == 404  # by Django itself
        assert visit(host="evil.example").status == 404


@pytest.mark.parametrize(
    ("active", "staff", "allowed"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_members_of_the_staff(active: bool, staff: bool, allowed: bool) -> None:
    class User:
        is_active, is_staff = active, staff

    request = HttpRequest()
    assert is_staff(request) is False
    request.user = User()
    assert is_staff(request) is allowed


def test_forms_in_flask_have_the_token_of_its_extension() -> None:
    app = Flask("shop")
    Pympler(app, pages=True, store="memory:")
    app.jinja_env.globals["csrf_token"] = lambda: "t<o>ken"
    monitor = app.extensions["pympler"].monitor
    from tests.render.pages.values import fill

    fill(monitor.store)
    text = wsgi_send(app)(method="GET", path="/_pympler/heap", **LOCAL).text
    assert '<input type="hidden" name="csrf_token" value="t&lt;o&gt;ken">' in text
    monitor.close()


async def inner(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


def test_around_an_application_everything_else_is_the_applications() -> None:
    app = reports_app(MemoryMiddleware(inner, store="memory:"), prefix="/debug/memory")
    send = asgi_send(app)
    for path in ("/", "/debug", "/debug/memoryx", "/_pympler/"):
        assert send(method="GET", path=path, **LOCAL).status == 418
    for path in ("/debug/memory", "/debug/memory/", "/debug/memory/requests"):
        answer = send(method="GET", path=path, **LOCAL)
        assert answer.status == 200
        assert 'href="/debug/memory/static/pages.css"' in answer.text
    assert app.monitor is not None
    app.monitor.close()


def test_without_a_middleware_there_are_no_pages_and_the_log_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    send = asgi_send(reports_app())
    for _ in range(2):
        assert send(method="GET", path="/", **LOCAL).status == 404
    assert [record.getMessage()[:29] for record in caplog.records] == [
        "reports_app() has no pages: p"
    ]


def test_requests_to_the_pages_are_not_counted() -> None:
    app = Flask("shop")
    app.add_url_rule("/", "home", lambda: "home")
    Pympler(app, pages=True, store="memory:", sample_rate=1.0)
    monitor = app.extensions["pympler"].monitor
    send = wsgi_send(app)
    for path in ("/", "/_pympler/", "/_pympler/requests"):
        assert send(method="GET", path=path, **LOCAL).status == 200
    assert monitor.summary().requests == 1
    monitor.close()


@pytest.mark.parametrize(("pages", "taken"), [(None, 0), (False, 0), (True, 1)])
def test_a_bare_wsgi_application_is_looked_at_where_the_setting_says_so(
    pages: bool | None, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "heap_snapshot", FakeHeap)
    seen: list[str] = []

    def application(environ: Any, start_response: Any) -> list[bytes]:
        seen.append(environ["QUERY_STRING"])
        start_response("200 OK", [])
        return [environ["wsgi.input"].read(9)]

    app = WsgiMiddleware(application, store="memory:", pages=pages)
    asked = {**LOCAL, "query": "pympler=1", "body": b"kind=heap"}
    answer = wsgi_send(app)(method="POST", path="/", **asked)
    assert (answer.status, answer.body, seen) == (200, b"kind=heap", ["pympler=1"])
    assert len(app.monitor.store.jobs("snapshot")) == taken
    app.monitor.close()
