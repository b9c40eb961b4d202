"""The middleware, sync and async in one class, for WSGI and ASGI."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.exceptions import MiddlewareNotUsed
from django.core.signals import got_request_exception

from pympler.leaks.guard import guard
from pympler.leaks.settings import OWN_PREFIX, QUERY
from pympler.leaks.stepping import run
from pympler.leaks.watched import FinishOnClose, WatchedRequest
from pympler.wsgi import REQUEST_KEY as ENVIRON_KEY
from pympler_django.conf import get_monitor

__all__ = ["MemoryMiddleware", "Watching", "route_of", "watched_by_middleware"]

_ATTRIBUTE = "_pympler"
_NAME_ROUTE = guard("name the route of a request")
_TOOLBAR = "djdt"  # the namespace of django-debug-toolbar's own pages
_SCOPE_KEY = "pympler"  # of pympler_asgi, which may not be there


class MemoryMiddleware:
    """Watches the requests to a Django project and leaves its responses as they are.

    The further up in ``MIDDLEWARE``, the more of the other middlewares belongs to the request. A
    request ends when its response has passed, a streaming one when Django closes it: after the
    last chunk, or when the client is gone.

    If Pympler's ASGI or WSGI middleware is around Django, that one watches the request, and this
    one tells it the route.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        if not get_monitor().settings.enabled:
            raise MiddlewareNotUsed("Pympler is disabled by its settings")
        self._has_pages = get_monitor().settings.pages is not False
        self.get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._has_pages and get_monitor().settings.access is not None:
            # Who is signed in is known there, and not yet where the request begins.
            self.process_view = _ask_later if self._is_async else _ask
        if self._is_async:
            markcoroutinefunction(self)  # Django looks for this mark and not at __call__
        got_request_exception.connect(_note_exception)

    def __call__(self, request: Any) -> Any:
        """Serve a request; gives an awaitable of the response in an asynchronous stack."""
        if hasattr(request, _ATTRIBUTE) or self._is_ours(request):  # listed twice, or a page
            return self.get_response(request)
        if self._is_async:
            return self._serve_async(request)
        watching = Watching(request)
        try:
            response = self.get_response(request)
        except BaseException as error:
            watching.failed(error)
            raise
        watching.answered(response)
        return response

    def _is_ours(self, request: Any) -> bool:
        """Whether the request is for the pages, which are no part of the application."""
        return self._has_pages and request.path_info.startswith(OWN_PREFIX)

    async def _serve_async(self, request: Any) -> Any:
        watching = Watching(request)
        try:
            awaitable = self.get_response(request)
            watched = watching.watched
            response = await (run(watched, awaitable) if watched.is_followed else awaitable)
        except BaseException as error:  # also CancelledError: the client is gone
            watching.failed(error)
            raise
        watching.answered(response, asyncio.current_task())
        return response


class Watching:
    """From the moment that the request reaches the middleware until its response leaves it.

    Attributes:
        watched: the request as the monitor sees it.
    """

    __slots__ = ("_owns", "_request", "watched")

    def __init__(self, request: Any) -> None:
        outer = _outer(request)
        self._owns = outer is None
        self._request = request
        asked = _asks(request) and wants_snapshot(request, known=False)
        self.watched = outer or WatchedRequest(
            get_monitor(), request.method or "", request.path_info, asked
        )
        setattr(request, _ATTRIBUTE, self.watched)
        if asked and outer is not None:
            outer.snapshot()

    def failed(self, error: BaseException) -> None:
        """The exception passes that ended the request."""
        self.watched.failed(error)
        self._leave()
        if self._owns:
            self.watched.finish()

    def answered(self, response: Any, task: asyncio.Task[Any] | None = None) -> None:
        """The response passes; ``task`` is the one that sends it under ASGI."""
        self.watched.status = getattr(response, "status_code", None)
        self._leave()
        if not self._owns:
            return
        if getattr(response, "streaming", False):
            self.watched.goes_on()
            # The body is not touched, so that it stays a synchronous or asynchronous iterator.
            finish = self.watched.finish
            FinishOnClose.install(response, finish)
            if task is not None:
                # Under ASGI Django does not close a response whose body raised (5.2), and the
                # task that sends it is the one that has come by here.
                task.add_done_callback(lambda _: finish())
        else:
            self.watched.finish()

    def _leave(self) -> None:
        with _NAME_ROUTE:
            delattr(self._request, _ATTRIBUTE)  # a request may be used again
            match = self._request.resolver_match
            if match is not None:
                self.watched.route = route_of(match) or self.watched.route
                # Of the debug toolbar itself: when somebody opens a panel in it.
                self.watched.ours = self.watched.ours or _TOOLBAR in match.namespaces


def _asks(request: Any) -> bool:
    return QUERY in request.META.get("QUERY_STRING", "")


def wants_snapshot(request: Any, *, known: bool) -> bool:
    """Whether a request asks for a snapshot around it, and may have it.

    Args:
        request: of Django.
        known: whether it is known by now who is signed in.
    """
    with guard("look who asks for a snapshot"):
        from pympler_django.views import wants_snapshot

        return wants_snapshot(request, known=known)
    return False


def _ask(request: Any, *_: Any) -> None:
    """Before the view, with what the other middlewares know of the request."""
    watched = getattr(request, _ATTRIBUTE, None)
    if _asks(request) and watched is not None and wants_snapshot(request, known=True):
        watched.snapshot()


async def _ask_later(request: Any, *_: Any) -> None:
    _ask(request)


def route_of(match: Any) -> str:
    """The route template that a request was resolved to, empty if it has none."""
    if not isinstance(match.route, str):
        return ""
    # As in the other frameworks a route begins with a slash; "^" is of a re_path().
    return "/" + match.route.removeprefix("^")


def watched_by_middleware(request: Any) -> WatchedRequest | None:
    """The request as a middleware of Pympler's further out watches it, if there is one."""
    watched = getattr(request, _ATTRIBUTE, None)
    return watched if isinstance(watched, WatchedRequest) else None


def _outer(request: Any) -> WatchedRequest | None:
    """The request as Pympler's ASGI or WSGI middleware around Django watches it."""
    environ = getattr(request, "environ", None)  # of WSGI
    outer = (
        getattr(request, "scope", {}).get(_SCOPE_KEY)
        if environ is None
        else environ.get(ENVIRON_KEY)
    )
    return outer if isinstance(outer, WatchedRequest) else None


def _note_exception(sender: object, request: Any = None, **_: Any) -> None:
    # A middleware does not see exceptions, Django has made a response of them further in.
    with guard("note the exception of a request"):
        watched, error = getattr(request, _ATTRIBUTE, None), sys.exc_info()[1]
        if watched is not None and error is not None:
            watched.failed(error)
