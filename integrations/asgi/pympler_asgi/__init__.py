"""ASGI middleware: which request left what behind; needs no framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pympler_asgi.middleware import MemoryMiddleware

if TYPE_CHECKING:
    from pympler_asgi.pages import reports_app

__all__ = ["MemoryMiddleware", "reports_app"]


def __getattr__(name: str) -> Any:
    if name == "reports_app":  # needs Jinja2, which the middleware does not
        from pympler_asgi.pages import reports_app

        return reports_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
