"""Each front end of the pages behind the same few words, so that a test runs through all."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from django.test import override_settings
from flask import Flask
from flask import request as flask_request
from pympler_asgi import MemoryMiddleware, reports_app
from pympler_flask import Pympler
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

import tests.django_app.conftest  # noqa: F401 - configures Django
from pympler.leaks.settings import Settings
from pympler.render.pages import Access, Pages
from pympler.render.pages.from_wsgi import wsgi_pages
from pympler.store import Store
from pympler.store.memory import MemoryStore
from tests.asgi_server import call, scope_of
from tests.wsgi_server import environ_of

__all__ = ["FRONT_ENDS", "Answer", "Visit", "front_end"]

FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Answer:
    """What a visitor gets: the headers by their names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Visit:
    """Visits to the pages of one application, whose view ``/item/7`` answers with its query.

    Attributes:
        prefix: where they are.
        store: what they show.
        settle: have the requests reported that have ended.
    """

    def __init__(
        self,
        send: Callable[..., Answer],
        prefix: str,
        store: Store,
        settle: Callable[[], object] = lambda: None,
    ) -> None:
        self._send = send
        self.prefix = prefix
        self.store = store
        self.settle = settle

    def __call__(
        self,
        path: str = "/",
        *,
        method: str = "GET",
        query: Mapping[str, object] | str = "",
        form: Mapping[str, object] | None = None,
        host: str = "localhost",
        peer: str = "127.0.0.1",
        headers: Mapping[str, str] | None = None,
        of_the_application: bool = False,
    ) -> Answer:
        return self._send(
            method=method if form is None else "POST",
            path=path if of_the_application else self.prefix + path,
            query=query if isinstance(query, str) else urlencode(query),
            headers={"host": host, **(headers or {})},
            peer=peer,
            body=urlencode(form or {}).encode(),
        )


def wsgi_send(app: Any) -> Callable[..., Answer]:
    def send(
        method: str, path: str, query: str, headers: Mapping[str, str], peer: str, body: bytes
    ) -> Answer:
        given: dict[str, Any] = {
            "HTTP_" + name.upper().replace("-", "_"): value for name, value in headers.items()
        }
        environ = environ_of(
            path.encode().decode("latin-1"),
            method,
            QUERY_STRING=query,
            REMOTE_ADDR=peer,
            CONTENT_TYPE=FORM,
            CONTENT_LENGTH=str(len(body)),
            **{"wsgi.input": io.BytesIO(body)},
            **given,
        )
        started: list[Any] = []
        result = app(environ, lambda status, names, *rest: started.append((status, names)))
        content = b"".join(result)
        if hasattr(result, "close"):
            result.close()
        status, names = started[-1]
        return Answer(int(status[:3]), {name.lower(): value for name, value in names}, content)

    return send


def asgi_send(app: Any) -> Callable[..., Answer]:
    def send(
        method: str, path: str, query: str, headers: Mapping[str, str], peer: str, body: bytes
    ) -> Answer:
        scope = scope_of(
            path,
            method,
            raw_path=quote(path).encode(),
            query_string=query.encode("latin-1", "replace"),
            client=(peer, 50000),
            headers=[
                (b"content-type", FORM.encode()),
                *((name.encode(), value.encode("latin-1")) for name, value in headers.items()),
            ],
        )
        served = asyncio.run(call(app, scope, body=body))
        assert not served.error, served.error
        got = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in served.messages[0]["headers"]
        }
        return Answer(served.status, got, served.body)

    return send


@contextmanager
def flask_pages(debug: bool, settings: dict[str, Any]) -> Iterator[Visit]:
    app = Flask("shop")
    app.debug = debug
    app.add_url_rule("/item/<int:number>", "item", lambda number: flask_request.query_string)
    Pympler(app, **settings)
    monitor = app.extensions["pympler"].monitor
    yield Visit(wsgi_send(app), "/_pympler", monitor.store, monitor.summary)
    monitor.close()


@contextmanager
def django_pages(debug: bool, settings: dict[str, Any]) -> Iterator[Visit]:
    from django.core.handlers.wsgi import WSGIHandler
    from pympler_django import get_monitor

    options = {"DEBUG": debug, "ROOT_URLCONF": "tests.render.pages.django_urls"}
    with override_settings(PYMPLER=settings, **options):
        monitor = get_monitor()
        yield Visit(wsgi_send(WSGIHandler()), "/_pympler", monitor.store, monitor.summary)


@contextmanager
def django_asgi_pages(debug: bool, settings: dict[str, Any]) -> Iterator[Visit]:
    from django.core.handlers.asgi import ASGIHandler
    from pympler_django import get_monitor

    options = {"DEBUG": debug, "ROOT_URLCONF": "tests.render.pages.django_urls"}
    with override_settings(PYMPLER=settings, **options):
        monitor = get_monitor()
        yield Visit(asgi_send(ASGIHandler()), "/_pympler", monitor.store, monitor.summary)


async def item(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.url.query)


ITEM = Route("/item/{number:int}", item)


@contextmanager
def starlette_pages(debug: bool, settings: dict[str, Any]) -> Iterator[Visit]:
    inner = Starlette(debug=debug, routes=[ITEM, Mount("/_pympler", reports_app())])
    app = MemoryMiddleware(inner, **settings)
    yield Visit(asgi_send(app), "/_pympler", app.monitor.store, app.monitor.summary)
    app.monitor.close()


@contextmanager
def prefixed_pages(debug: bool, settings: dict[str, Any]) -> Iterator[Visit]:
    inner = MemoryMiddleware(Starlette(debug=debug, routes=[ITEM]), **settings)
    monitor = inner.monitor
    yield Visit(asgi_send(reports_app(inner)), "/_pympler", monitor.store, monitor.summary)
    inner.monitor.close()


@contextmanager
def stand_alone_pages(debug: bool, settings: dict[str, Any]) -> Iterator[Visit]:
    store = MemoryStore(10)
    pages = Pages(lambda: store, Access.of(Settings(**settings), asked_for=True))
    yield Visit(wsgi_send(wsgi_pages(pages)), "", store)


FRONT_ENDS = {
    "django": django_pages,
    "django-asgi": django_asgi_pages,
    "flask": flask_pages,
    "starlette": starlette_pages,
    "prefix": prefixed_pages,
    "alone": stand_alone_pages,
}


@contextmanager
def front_end(name: str, *, debug: bool = False, **settings: Any) -> Iterator[Visit]:
    """The pages in one of the front ends, on unless the settings say otherwise."""
    with FRONT_ENDS[name](debug, {"pages": True, "store": "memory:", **settings}) as visit:
        yield visit
