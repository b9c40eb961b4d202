"""Middleware for any WSGI application: one line tells which request left what behind.

A request begins when the application is called and ends, once, when the server closes the
response, be it sent, broken off or never read. What the server gets is what it would have got:

* a list, tuple or string as it is: nothing of the application runs after returning one, so the
  request ends there;
* a file (what ``wsgi.file_wrapper`` makes, and anything else with ``read``) as it is, since
  servers send it by its type; its ``close`` is hooked on the instance;
* anything else within an iterable that passes on each item, the length if there is one, and
  ``close``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pympler.leaks.guard import guard
from pympler.leaks.monitor import LeakMonitor
from pympler.leaks.settings import OWN_PREFIX, QUERY, Settings
from pympler.leaks.watched import FinishOnClose, WatchedRequest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["REQUEST_KEY", "ROUTE_KEY", "MemoryMiddleware"]

REQUEST_KEY = "pympler.request"
"""Key of the :class:`~pympler.leaks.watched.WatchedRequest` in the environ of a request."""

ROUTE_KEY = "pympler.route"
"""Key under which a framework may leave the route template in the environ."""

_COMPLETE = frozenset({list, tuple, bytes, str})
_NAME_ROUTE = guard("name the route of a request")
_ASK = guard("look who asks for a snapshot")


class MemoryMiddleware:
    """Watches the requests to a WSGI application and leaves its responses as they are.

    A request that is already watched, by another middleware of Pympler around this one, is
    passed through.

    Args:
        app: the application.
        settings: what to do; or give single settings by name.
        monitor: a monitor of your own instead of settings.
        route: gives the route template of a request from its environ, called when the request
            has ended; otherwise ``environ["pympler.route"]``, if the framework or the
            application leaves it there, names the route.
        options: arguments of :class:`~pympler.leaks.LeakMonitor`, such as the settings by name.

    Attributes:
        monitor: the monitor, for ``middleware.monitor.summary()``.

    Raises:
        SettingsError: for an unknown setting or a bad value.

    Example:
        >>> def application(environ, start_response):
        ...     start_response("200 OK", [("Content-Type", "text/plain")])
        ...     return [b"hello"]
        >>> application = MemoryMiddleware(application, sample_rate=0.5)
        >>> application({"REQUEST_METHOD": "GET"}, lambda status, headers: None)
        [b'hello']
        >>> application.monitor.summary().requests
        1
        >>> application.monitor.close()
    """

    def __init__(
        self,
        app: WSGIApplication,
        settings: Settings | None = None,
        *,
        monitor: LeakMonitor | None = None,
        route: Callable[[WSGIEnvironment], str | None] | None = None,
        **options: Any,
    ) -> None:
        if monitor is None:
            monitor = LeakMonitor(settings, **options)
        elif settings is not None or options:
            raise TypeError("give either a monitor or its settings, not both")
        self.app = app
        self.monitor = monitor
        self._route = route
        self._enabled = monitor.settings.enabled
        self._has_pages = monitor.settings.pages is not False

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request."""
        path = environ.get("PATH_INFO", "")
        if not self._enabled or REQUEST_KEY in environ:
            return self.app(environ, start_response)
        if self._has_pages and path.startswith(OWN_PREFIX):  # which are none of the application
            return self.app(environ, start_response)
        asked = QUERY in environ.get("QUERY_STRING", "") and self._wants_snapshot(environ)
        watched = environ[REQUEST_KEY] = WatchedRequest(
            self.monitor, environ.get("REQUEST_METHOD", ""), path, asked
        )
        exchange = _Exchange(watched, environ, self._route)

        def start(status: str, headers: Any, *rest: Any, **named: Any) -> Callable[[bytes], object]:
            watched.status = _status_code(status)
            try:
                return start_response(status, headers, *rest, **named)
            finally:
                del rest, named  # an exc_info in our frame would be a reference cycle

        try:
            result = self.app(environ, start)
        except BaseException as error:
            watched.failed(error)
            exchange.finish()
            raise
        kind = type(result)
        if kind in _COMPLETE:
            exchange.finish()
            return result
        if _is_file(kind, environ):
            FinishOnClose.install(result, exchange.finish)
            return result
        exchange.result = result
        return _SizedResponse(exchange) if hasattr(kind, "__len__") else exchange

    def _wants_snapshot(self, environ: WSGIEnvironment) -> bool:
        """Whether a request asks for a snapshot around it, and may have it."""
        settings = self.monitor.settings
        if settings.pages is not True:  # here no framework's debug mode could ask for them
            return False
        with _ASK:
            from pympler.render.pages.access import Access, wants_snapshot
            from pympler.render.pages.from_wsgi import from_environ

            return wants_snapshot(Access.of(settings), from_environ(environ, with_form=False))
        return False


class _Exchange:
    """A watched request with its environ, to which it is reachable as long as it lasts.

    It is its own response, where there is something to pass on: it passes on the items and sees
    when it is closed.

    Attributes:
        result: what the application has returned.
    """

    __slots__ = ("_environ", "_iterator", "_route", "_watched", "result")

    def __init__(
        self,
        watched: WatchedRequest,
        environ: WSGIEnvironment,
        route: Callable[[WSGIEnvironment], str | None] | None,
    ) -> None:
        self._watched = watched
        self._environ: WSGIEnvironment | None = environ
        self._route = route
        self.result: Iterable[bytes] = ()
        self._iterator: Iterator[bytes] | None = None

    def finish(self) -> None:
        """The request has ended; only the first call counts."""
        environ, self._environ = self._environ, None
        if environ is None:
            return
        # An environ may be used again, so nothing is left in it.
        environ.pop(REQUEST_KEY, None)
        route = environ.pop(ROUTE_KEY, None)
        if isinstance(route, str):
            self._watched.route = route
        if self._route is not None:
            with _NAME_ROUTE:
                self._watched.route = self._route(environ) or self._watched.route
        self._watched.finish()

    def __iter__(self) -> Iterator[bytes]:
        try:
            self._iterator = iter(self.result)
        except BaseException as error:
            self._watched.failed(error)
            raise
        return self

    def __next__(self) -> bytes:
        if self._iterator is None:
            iter(self)
        try:
            return next(self._iterator)  # type: ignore[arg-type]
        except StopIteration:
            raise
        except BaseException as error:
            self._watched.failed(error)
            raise

    def close(self) -> None:
        try:
            close = getattr(self.result, "close", None)
            if close is not None:
                close()
        except BaseException as error:
            self._watched.failed(error)
            raise
        finally:
            self.finish()

    def __del__(self) -> None:  # servers and test clients that drop a response without closing it
        if self._environ is not None:
            self.finish()


class _SizedResponse:
    """Servers take the length of a response, and with it the Content-Length, from ``len()``."""

    __slots__ = ("_exchange",)

    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._exchange)

    def __next__(self) -> bytes:
        return next(self._exchange)

    def close(self) -> None:
        self._exchange.close()

    def __len__(self) -> int:
        return len(self._exchange.result)  # type: ignore[arg-type]


def _is_file(kind: type, environ: WSGIEnvironment) -> bool:
    # By type, since isinstance() may run a property of the application's.
    wrapper = environ.get("wsgi.file_wrapper")
    is_wrapped = isinstance(wrapper, type) and issubclass(kind, wrapper)
    return is_wrapped or hasattr(kind, "read")


def _status_code(status: object) -> int | None:
    code = status[:3] if type(status) is str else ""
    return int(code) if code.isascii() and code.isdigit() else None
