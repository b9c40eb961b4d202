"""The URLs and views of the Django project that the tests run."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Iterator
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import (
    FileResponse,
    Http404,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import include, path, re_path

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def root(request: Any) -> HttpResponse:
    return HttpResponse("root")


def number(request: Any, number: int, version: str = "") -> HttpResponse:
    return JsonResponse({"number": int(number)})


def posted(request: Any) -> HttpResponse:
    return HttpResponse(request.body)


def stream(request: Any) -> StreamingHttpResponse:
    return StreamingHttpResponse(f"chunk {n}\n" for n in range(3))


async def async_stream(request: Any) -> StreamingHttpResponse:
    async def body() -> AsyncIterator[str]:
        for n in range(3):
            await asyncio.sleep(0)
            yield f"chunk {n}\n"

    return StreamingHttpResponse(body())


def stream_breaks(request: Any) -> StreamingHttpResponse:
    def body() -> Iterator[str]:
        yield "so far\n"
        raise LookupError("no more")

    return StreamingHttpResponse(body())


def file(request: Any) -> FileResponse:
    return FileResponse(open(__file__, "rb"))


def redirects(request: Any) -> HttpResponse:
    return HttpResponseRedirect("/")


def breaks(request: Any) -> HttpResponse:
    raise LookupError("no such thing")


async def async_breaks(request: Any) -> HttpResponse:
    raise LookupError("no such thing")


def missing(request: Any) -> HttpResponse:
    raise Http404


def denied(request: Any) -> HttpResponse:
    raise PermissionDenied


async def asynchronous(request: Any) -> HttpResponse:
    await asyncio.sleep(0)
    return HttpResponse("async")


async def waits(request: Any) -> HttpResponse:
    await asyncio.Event().wait()
    return HttpResponse("never")


def shows_variable(request: Any) -> HttpResponse:
    return HttpResponse(variable.get())


class SetsVariable:
    """A middleware that sets a context variable and resets it with its token."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        token = variable.set("by a middleware")
        try:
            return self.get_response(request)
        finally:
            variable.reset(token)


class Breaks:
    """A middleware that raises."""

    def __init__(self, get_response: Any) -> None:
        pass

    def __call__(self, request: Any) -> Any:
        raise OSError("a middleware broke")


inner = [
    path("item/<int:number>/", number),
    re_path(r"^re/(?P<number>[0-9]+)/$", number),
]

urlpatterns = [
    path("", root),
    path("posted/", posted),
    path("stream/", stream),
    path("async-stream/", async_stream),
    path("stream-breaks/", stream_breaks),
    path("file/", file),
    path("redirects/", redirects),
    path("breaks/", breaks),
    path("async-breaks/", async_breaks),
    path("missing/", missing),
    path("denied/", denied),
    path("async/", asynchronous),
    path("waits/", waits),
    path("variable/", shows_variable),
    re_path(r"^old/(?P<number>[0-9]+)/$", number),
    path("api/<str:version>/", include((inner, "inner"))),
]
