"""A Django project that leaks, with the debug toolbar, on a server of Django's own.

Run as a program it prints the port that it listens on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import django
from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import include, path

from tests.browser.leaking import leak_until_it_is_known, start_afresh

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>
<link rel="icon" href="data:,"></head><body><h1>{}</h1></body></html>"""


class Basket:
    """What is left behind."""

    def __init__(self, number: int) -> None:
        self.items = [number] * 100


BASKETS: dict[int, Basket] = {}


def cart(request: Any, number: int) -> HttpResponse:
    if is_local(request):
        start_afresh()
    BASKETS[len(BASKETS)] = Basket(number)
    return HttpResponse(PAGE.format(f"Cart {number}"))


def home(request: Any) -> HttpResponse:
    return HttpResponse(PAGE.format("Home"))


def is_local(request: Any) -> bool:
    return bool(request.META["REMOTE_ADDR"] == "127.0.0.1")


def configure(**more: Any) -> None:
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        DEBUG=True,
        DEBUG_TOOLBAR_CONFIG={"SHOW_TOOLBAR_CALLBACK": is_local},
        DEBUG_TOOLBAR_PANELS=[
            "debug_toolbar.panels.history.HistoryPanel",
            "debug_toolbar.panels.headers.HeadersPanel",
            "debug_toolbar.panels.signals.SignalsPanel",
            "pympler_django.panel.MemoryPanel",
        ],
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.staticfiles",
            "debug_toolbar",
            "pympler_django",
        ],
        LOGGING_CONFIG=None,
        MIDDLEWARE=[
            "pympler_django.middleware.MemoryMiddleware",
            "debug_toolbar.middleware.DebugToolbarMiddleware",
        ],
        PYMPLER={
            "application": "shop",
            "max_overhead": 1.0,
            "sample_rate": 1.0,
            "store": "memory:",
            "track_classes": [f"{__name__}.Basket"],
        },
        ROOT_URLCONF=__name__,
        SECRET_KEY="for tests only",
        STATIC_URL="/static/",
        TEMPLATES=[
            {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
        ],
        **more,
    )
    django.setup()


def patterns() -> Iterator[Any]:
    from pympler_django.urls import pympler_urls

    yield path("", home)
    yield path("cart/<int:number>/", cart)
    yield path("__debug__/", include("debug_toolbar.urls"))
    yield from pympler_urls()


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def main() -> None:
    from pympler_django import get_monitor

    app = get_wsgi_application()
    leak_until_it_is_known(app, get_monitor(), "/cart/{}/")
    server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    server.set_app(StaticFilesHandler(app))
    print(server.server_address[1], flush=True)
    server.serve_forever()


urlpatterns: list[Any] = []

if __name__ == "__main__":
    # Under its full name, by which the settings refer to it.
    from tests.browser import toolbar_django

    toolbar_django.configure()
    toolbar_django.urlpatterns += toolbar_django.patterns()
    toolbar_django.main()
