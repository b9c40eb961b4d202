"""The view behind the pages."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.conf import settings as django_settings
from django.core.exceptions import DisallowedHost
from django.http import Http404, HttpResponse
from django.middleware.csrf import get_token

from pympler.leaks.refused import say_that_pages_are_off
from pympler.leaks.watched import WatchedRequest
from pympler_django.conf import get_monitor

try:
    from django.contrib.auth.decorators import login_not_required
except ImportError:  # before Django 5.1, which brought a middleware that asks for a login

    def login_not_required(view: Any) -> Any:
        """Leave the view as it is."""
        return view


if TYPE_CHECKING:
    from pympler.leaks.monitor import LeakMonitor
    from pympler.leaks.settings import Settings
    from pympler.render.pages import PageRequest, Pages

__all__ = ["is_staff", "show_page", "wants_snapshot"]

_ATTRIBUTE = "_pympler"
_lock = threading.Lock()
_pages: tuple[LeakMonitor, Pages] | None = None


@login_not_required
def show_page(request: Any, path: str | None = None) -> HttpResponse:
    """Show a page, or raise ``Http404`` where there is none for this visitor."""
    monitor = get_monitor()
    if not _has_pages(monitor.settings):
        say_that_pages_are_off(monitor.settings)
        raise Http404
    watched = getattr(request, _ATTRIBUTE, None)
    if isinstance(watched, WatchedRequest):
        watched.ours = True
    try:
        request.get_host()
    except DisallowedHost:
        raise Http404 from None
    response = _pages_of(monitor).respond(_asked(request, path or ""))
    if response.refused:
        raise Http404
    answer = HttpResponse(response.body, status=response.status)
    for name, value in response.headers:
        answer.headers[name] = value
    return answer


def wants_snapshot(request: Any, *, known: bool) -> bool:
    """Whether a request of the project asks for a snapshot around it, and may have it.

    Args:
        request: of Django.
        known: whether it is known by now who is signed in, so that the setting ``access`` can be
            asked.
    """
    settings = get_monitor().settings
    if not _has_pages(settings):
        return False
    from pympler.render.pages import Access
    from pympler.render.pages.access import wants_snapshot

    try:
        request.get_host()
    except DisallowedHost:
        return False
    access = Access.of(settings)
    return wants_snapshot(
        access if known else replace(access, consent=None), _page_request(request)
    )


def is_staff(request: Any) -> bool:
    """Whether a member of the staff is signed in, for the setting ``access``.

    Example: ``PYMPLER = {"pages": True, "access": "pympler_django.views.is_staff"}``.
    """
    user = getattr(request, "user", None)
    return bool(user is not None and user.is_active and user.is_staff)


def _pages_of(monitor: LeakMonitor) -> Pages:
    """The pages of a monitor; tests that override settings make a new one."""
    global _pages
    with _lock:
        if _pages is None or _pages[0] is not monitor:
            from pympler.render.pages import Access, Pages

            _pages = (monitor, Pages(lambda: monitor.store, Access.of(monitor.settings)))
        return _pages[1]


def _has_pages(settings: Settings) -> bool:
    pages = settings.pages
    return settings.enabled and (django_settings.DEBUG if pages is None else pages)


def _asked(request: Any, path: str) -> PageRequest:
    field_name = "csrfmiddlewaretoken"
    return replace(
        _page_request(request),
        path=f"/{path}",
        form=request.POST.dict(),
        prefix=request.path[: len(request.path) - len(path)].rstrip("/"),
        csrf=lambda: (field_name, get_token(request)),
    )


def _page_request(request: Any) -> PageRequest:
    """What the rules of access ask of a request; its body stays unread."""
    from pympler.render.pages import PageRequest

    return PageRequest(
        method=request.method or "",
        path="/",
        query=request.GET.dict(),
        headers={name.lower(): value for name, value in request.headers.items()},
        peer=request.META.get("REMOTE_ADDR"),
        secure=request.is_secure(),
        debug=django_settings.DEBUG,
        hosts=tuple(host for host in django_settings.ALLOWED_HOSTS if host != "*"),
        original=request,
    )
