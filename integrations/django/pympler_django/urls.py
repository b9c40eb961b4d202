"""The pages within a Django project: ``urlpatterns += pympler_urls()``."""

from __future__ import annotations

from typing import Any

from django.urls import re_path

from pympler_django.views import show_page

__all__ = ["pympler_urls"]


def pympler_urls() -> list[Any]:
    """The patterns of the pages, below ``/_pympler``.

    They answer while ``DEBUG`` is on or the setting ``pages`` is; otherwise, and to whoever may
    not see them, they are not there.

    Raises:
        ImportError: if Jinja2 is missing; it names the extra.

    Example:
        >>> [pattern.name for pattern in pympler_urls()]
        ['pympler']
    """
    import pympler.render.pages  # noqa: F401 - says at start-up what is missing

    return [re_path(r"^_pympler(?:/(?P<path>.*))?$", show_page, name="pympler")]
