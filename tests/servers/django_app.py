"""A Django project in one file for gunicorn and uvicorn; ``WATCHED=1`` puts the middleware in."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

go_on = threading.Event()

settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["pympler_django"],
    LOGGING_CONFIG=None,
    MIDDLEWARE=["pympler_django.middleware.MemoryMiddleware"] * (os.environ.get("WATCHED") == "1"),
    PYMPLER={"sample_rate": 1.0, "max_overhead": 1.0},
    ROOT_URLCONF=__name__,
    SECRET_KEY="for tests only",
)
django.setup()


def plain(request: Any, number: int) -> HttpResponse:
    return HttpResponse(f"plain {number}")


def file(request: Any) -> FileResponse:
    return FileResponse(open(__file__, "rb"))


def breaks(request: Any) -> HttpResponse:
    raise LookupError("no such thing")


def of_its_kind(request: Any, body: list[str], number: int) -> StreamingHttpResponse:
    """A stream as the server wants it: Django makes a list of one of the other kind."""

    def wait() -> None:
        go_on.wait(10)
        go_on.clear()

    def sync_body() -> Iterator[str]:
        for _ in range(number):
            yield body[0]
            if body[1:]:
                wait()
                yield body[1]

    async def async_body() -> AsyncIterator[str]:
        for _ in range(number):
            yield body[0]
            await asyncio.sleep(0)
            if body[1:]:
                await asyncio.to_thread(wait)
                yield body[1]

    return StreamingHttpResponse(async_body() if hasattr(request, "scope") else sync_body())


def stream(request: Any) -> StreamingHttpResponse:
    return of_its_kind(request, ["first", "second"], 1)


def endless(request: Any) -> StreamingHttpResponse:
    return of_its_kind(request, ["x" * 1000], 100_000)


def set_go_on(request: Any) -> HttpResponse:
    go_on.set()
    return HttpResponse("gone on")


def reports(request: Any) -> JsonResponse:
    from pympler_django import get_monitor

    monitor = get_monitor()
    monitor.summary()
    rows = [[r.route.rstrip("/"), r.status, r.error] for r in monitor.store.reports()]
    return JsonResponse(rows, safe=False)


urlpatterns = [
    path("plain/<int:number>", plain),
    path("file", file),
    path("breaks", breaks),
    path("stream", stream),
    path("go-on", set_go_on),
    path("endless", endless),
    path("reports", reports),
]

wsgi = get_wsgi_application()
asgi = get_asgi_application()
