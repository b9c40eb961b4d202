"""Settings, URLs and views of a project in one module, for ``manage.py pympler_check``."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import path

SECRET_KEY = "for tests"
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["pympler_django"]
ROOT_URLCONF = __name__
PYMPLER = {"store": "memory:"}

kept: list[list[int]] = []


def leaks(request: Any, number: int) -> HttpResponse:
    kept.append([number])
    return HttpResponse("ok")


urlpatterns = [path("leaks/<int:number>/", leaks)]
