"""The URLs of a Django project with the pages."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from pympler_django.urls import pympler_urls


def item(request: HttpRequest, number: int) -> HttpResponse:
    return HttpResponse(request.META["QUERY_STRING"])


urlpatterns: list[Any] = [path("item/<int:number>", item), *pympler_urls()]
