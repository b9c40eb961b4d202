"""A project that leaks, with the debug toolbar and the pages of Pympler."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import include, path
from pympler_django.urls import pympler_urls

BODY = "<html><body>{}</body></html>"


class Basket:
    """What is left behind."""


KEPT: list[object] = []


def leaks(request: Any, number: int) -> HttpResponse:
    KEPT.append(Basket())
    return HttpResponse(BODY.format(number))


async def leaks_async(request: Any, number: int) -> HttpResponse:
    KEPT.append(Basket())
    return HttpResponse(BODY.format(number))


def clean(request: Any) -> HttpResponse:
    return HttpResponse(BODY.format("clean"))


def makes_garbage(request: Any) -> HttpResponse:
    basket: Any = Basket()
    basket.itself = basket
    return HttpResponse(BODY.format("garbage"))


def streams(request: Any) -> StreamingHttpResponse:
    def body() -> Iterator[str]:
        KEPT.append(Basket())
        yield "streamed"

    return StreamingHttpResponse(body())


def breaks(request: Any) -> HttpResponse:
    raise LookupError("no such thing")


urlpatterns = [
    path("leaks/<int:number>/", leaks),
    path("leaks-async/<int:number>/", leaks_async),
    path("clean/", clean),
    path("garbage/", makes_garbage),
    path("streams/", streams),
    path("breaks/", breaks),
    path("__debug__/", include("debug_toolbar.urls")),
    *pympler_urls(),
]
