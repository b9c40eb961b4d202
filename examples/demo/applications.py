"""The three applications of the demo, and what each of their routes is expected to do."""

from __future__ import annotations

import sys
from dataclasses import dataclass

__all__ = ["APPLICATIONS", "Application", "Route"]


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the shop.

    Attributes:
        weight: its share of a hundred requests.
        expected: the verdict that Pympler should come to.
    """

    method: str
    path: str
    weight: int
    expected: str


@dataclass(frozen=True, slots=True)
class Application:
    """One of the applications.

    Attributes:
        command: starts its server on a free port of the loopback interface, which it prints.
    """

    name: str
    server: str
    command: tuple[str, ...]
    routes: tuple[Route, ...]


_GUNICORN = (
    *(sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--workers", "1"),
    *("--worker-class", "gthread", "--threads", "1", "--keep-alive", "30"),
    *("--graceful-timeout", "2"),
)
_UVICORN = (
    *(sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--port", "0", "--workers", "1"),
    *("--timeout-graceful-shutdown", "2", "--timeout-keep-alive", "30", "--no-access-log"),
)
_HEALTHY = (
    Route("GET", "/products/{sku}", 30, "bounded"),
    Route("GET", "/search/{word}", 4, "clean"),
    Route("GET", "/", 4, "clean"),
)


def _leaking(first: str, second: str) -> tuple[Route, ...]:
    return (Route("POST", first, 31, "leak"), Route("POST", second, 31, "leak"), *_HEALTHY)


APPLICATIONS = (
    Application(
        "Django",
        "gunicorn",
        (*_GUNICORN, "django_shop.wsgi:application"),
        _leaking("/carts/{n}", "/orders/{n}"),
    ),
    Application(
        "Flask",
        "gunicorn",
        (*_GUNICORN, "flask_shop:app"),
        _leaking("/visitors/{n}", "/orders/{n}"),
    ),
    Application(
        "Starlette",
        "uvicorn",
        (*_UVICORN, "starlette_shop:app"),
        _leaking("/watches/{n}", "/quotes/{n}"),
    ),
)
