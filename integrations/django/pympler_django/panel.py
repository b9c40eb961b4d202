"""The panel for django-debug-toolbar: what this request left behind, and what leaks.

A request that the toolbar shows always has a window, with Pympler's middleware or without it.
Nothing but plain JSON is given to the toolbar, which keeps it in a store and may render it later
or in another process.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Warning
from django.template import Context, Engine
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils.functional import cached_property

try:
    from debug_toolbar.panels import Panel
    from debug_toolbar.store import get_store as _get_store  # noqa: F401 - since version 6
except ImportError as error:
    raise ImportError(
        "pympler_django.panel needs django-debug-toolbar 6 or later: "
        "pip install django-debug-toolbar (other packages are called debug_toolbar, too)"
    ) from error

from pympler.leaks.guard import guard
from pympler.leaks.watched import WatchedRequest
from pympler.render.panel import TEMPLATES, Shown, subtitle, view
from pympler_django.conf import get_monitor
from pympler_django.middleware import Watching, route_of, watched_by_middleware

__all__ = ["MemoryPanel"]

_APP = "pympler_django"
_PATHS = ("pympler_django.panel.MemoryPanel", "pympler.panels.MemoryPanel")
# An engine of its own: the template is found whatever TEMPLATES says, and fills in nothing but
# what it is given.
_ENGINE = Engine(dirs=[str(TEMPLATES)])
_Panel: Any = Panel  # typed in some of its versions, and differently


class MemoryPanel(_Panel):
    """Put ``"pympler_django.panel.MemoryPanel"`` into ``DEBUG_TOOLBAR_PANELS``.

    As the last one it measures the view and the middlewares below the toolbar, and not the other
    panels.
    """

    is_async = True
    title = "Memory"
    nav_icon = "pympler_django/memory.svg"  # drawn since version 8
    template = "panel.html"

    _shown: Shown | None = None
    _own: Watching | None = None

    @property
    def nav_subtitle(self) -> str:
        """Resident memory, its change within the request, and whether the route leaks."""
        with guard("name a panel"):
            return subtitle(self.get_stats())
        return ""

    @property
    def content(self) -> str:
        """The report as it is known now: its survivors have been looked at again since."""
        with guard("fill a panel"):
            content: str = self._content
            return content
        return "<p>This panel failed; the log of the application says why.</p>"

    @cached_property
    def _content(self) -> str:
        filled = view(self.get_stats(), get_monitor(), is_running=not self.from_store)
        filled["style"] = _style()
        filled["page"] = _page(filled.get("key", ""))
        return str(_ENGINE.get_template(self.template).render(Context(filled)))

    def process_request(self, request: Any) -> Any:
        """Called by the toolbar in place of the next panel or middleware, which this one calls."""
        with guard("begin a panel"):
            self._begin(request)
        try:
            response = super().process_request(request)
        except BaseException as error:
            self._failed(error)
            raise
        if inspect.isawaitable(response):  # under ASGI, on the event loop
            return self._awaited(response)
        self._answered(response)
        return response

    async def _awaited(self, awaitable: Awaitable[Any]) -> Any:
        try:
            response = await awaitable
        except BaseException as error:
            self._failed(error)
            raise
        self._answered(response, asyncio.current_task())
        return response

    def _begin(self, request: Any) -> None:
        if not get_monitor().settings.enabled:
            return
        watched: WatchedRequest | None = watched_by_middleware(request)
        if watched is None:
            self._own = Watching(request)
            watched = self._own.watched
        self._shown = Shown(watched)

    def _answered(self, response: Any, task: asyncio.Task[Any] | None = None) -> None:
        own, self._own = self._own, None
        if own is not None:
            with guard("end a panel"):
                own.answered(response, task)

    def _failed(self, error: BaseException) -> None:
        own, self._own = self._own, None
        self._shown = None
        if own is not None:
            with guard("end a panel"):
                own.failed(error)

    def generate_stats(self, request: Any, response: Any) -> None:
        """Called by the toolbar when the response is there."""
        shown, self._shown = self._shown, None
        with guard("write down what a panel shows"):
            if shown is not None:
                match = request.resolver_match
                route = route_of(match) if match is not None else ""
                self.record_stats(shown.stats(request.method or "", route))
            else:
                self.record_stats({"key": ""})

    @classmethod
    def run_checks(cls) -> list[CheckMessage]:
        """``pympler.W003``: the app is missing; ``pympler.W004``: the panel is there twice."""
        found: list[CheckMessage] = []
        if not apps.is_installed(_APP):
            found.append(
                Warning(
                    "The memory panel is in DEBUG_TOOLBAR_PANELS, but its app is not installed, "
                    "so its style and its commands are missing.",
                    hint='Add it: INSTALLED_APPS = [..., "pympler_django"].',
                    id="pympler.W003",
                )
            )
        listed = [path for path in _listed_panels() if path in _PATHS]
        if len(listed) > 1:
            found.append(
                Warning(
                    f"The memory panel is in DEBUG_TOOLBAR_PANELS {len(listed)} times; "
                    "the toolbar shows one panel of a name.",
                    hint=f'Leave one: "{_PATHS[0]}".',
                    id="pympler.W004",
                )
            )
        return found


def _listed_panels() -> list[str]:
    listed = getattr(django_settings, "DEBUG_TOOLBAR_PANELS", None) or ()
    return [path for path in listed if isinstance(path, str)]


def _page(key: str) -> str:
    """Address of the page of a report, empty if the project has not included the pages."""
    with suppress(NoReverseMatch):
        return str(reverse("pympler", kwargs={"path": f"requests/{key}"})) if key else ""
    return ""


def _style() -> str:
    """Address of the style sheet, empty where nothing would be served from there."""
    needed = ("django.contrib.staticfiles", _APP)
    if not all(map(apps.is_installed, needed)):
        return ""
    with guard("find the style of a panel"):  # a manifest without it raises
        return str(static("pympler_django/panel.css"))
    return ""
