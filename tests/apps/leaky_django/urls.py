"""Views that leak, fill a bounded cache, or are clean."""

from __future__ import annotations

from django.core.cache import cache
from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path

CARTS: dict[int, dict[str, int]] = {}


def clean(request: HttpRequest, n: int) -> HttpResponse:
    return HttpResponse(f"{n}")


async def clean_async(request: HttpRequest, n: int) -> HttpResponse:
    return HttpResponse(f"{n}")


def cart(request: HttpRequest, n: int) -> HttpResponse:
    CARTS[n] = {"n": n}
    return HttpResponse("ok")


def cached(request: HttpRequest, n: int) -> HttpResponse:
    cache.set(f"page-{n}", [n])
    return HttpResponse("ok")


def receiver(request: HttpRequest, n: int) -> HttpResponse:
    def listen(sender: object, **extra: object) -> None:
        return None

    request_finished.connect(listen, weak=False)
    return HttpResponse("ok")


def members(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect("/accounts/login/?next=/members/")


urlpatterns = [
    path("clean/<int:n>/", clean),
    path("clean-async/<int:n>/", clean_async),
    path("cart/<int:n>/", cart),
    path("cached/<int:n>/", cached),
    path("receiver/<int:n>/", receiver),
    path("members/", members),
]
