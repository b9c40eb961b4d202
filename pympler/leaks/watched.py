"""One HTTP request as the middlewares see it: begun, taken note of, and finished once."""

from __future__ import annotations

from collections.abc import Callable

from pympler.leaks.guard import guard
from pympler.leaks.monitor import UNROUTED, ActiveRequest, LeakMonitor
from pympler.leaks.settings import OWN_ROUTE
from pympler.leaks.steps import RequestSteps

__all__ = ["FinishOnClose", "WatchedRequest"]

# Anybody can send a method of his own; as a part of the route's key it would be a route of its own.
_METHODS = frozenset(
    ("", "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE")
)
_OTHER_METHOD = "_OTHER"
# A guard may be used again, and each request would pay for a new one.
_BEGIN, _FINISH = guard("begin a request"), guard("finish a request")
_WATCH = guard("watch a request that is shown")
_SNAPSHOT = guard("take a snapshot of a request")


class WatchedRequest:
    """A request that a middleware has begun to watch.

    Holds plain values and the monitor, never the framework's request, so that a framework's
    request can hold it without a reference cycle. Nothing in it raises.

    Attributes:
        monitor: the monitor that watches the request.
        method: HTTP method, ``"_OTHER"`` for one that is not known.
        route: route template, written by the hook of the framework that knows it; never a raw
            path, of which there may be any number.
        status: HTTP status, once it is known.
        error: name of the type of the exception that ended the request.
        ours: whether this is a request to pages of ours, which is not reported.
    """

    __slots__ = ("_active", "error", "method", "monitor", "ours", "route", "status")

    def __init__(
        self,
        monitor: LeakMonitor,
        method: str = "",
        path: str | None = None,
        asked: bool = False,
    ) -> None:
        self.monitor = monitor
        self.method = method if method in _METHODS else _OTHER_METHOD
        self.route: str | None = None
        self.status: int | None = None
        self.error: str | None = None
        self.ours = False
        self._active: ActiveRequest | None = None
        with _BEGIN:
            self._active = monitor.begin(self.method, path, asked)

    def watch(self) -> str:
        """Open a window now if there is none, and give the key that the report is going to have.

        For who shows this very request: a toolbar. Empty if the request is not watched at all.
        """
        with _WATCH:
            return self._active.watch() if self._active is not None else ""
        return ""

    def snapshot(self) -> None:
        """Compare the whole heap from now on to the end of the request, as its query asks for."""
        with _SNAPSHOT:
            if self._active is not None:
                self._active.snapshot()

    @property
    def is_followed(self) -> bool:
        """Whether marks around its steps would tell something: it has a window, or is traced.

        Not if there are marks already.
        """
        active = self._active
        if active is None or active.steps is not None:
            return False
        return active.window is not None or active.tracer is not None

    def step(self) -> RequestSteps | None:
        """The steps of this request, to be called where it begins to run in steps."""
        return self._active.step() if self._active is not None else None

    def goes_on(self) -> None:
        """The request goes on outside of its steps: a response that is streamed later."""
        active = self._active
        if active is not None and active.steps is not None:
            active.steps.is_complete = False
        elif active is not None and active.tracer is not None:
            active.tracer.stop()  # it would see the steps of others
            active.tracer = None

    def failed(self, error: BaseException) -> None:
        """Note the exception that ended the request; the first one counts."""
        if self.error is None:
            self.error = type(error).__name__

    def finish(self) -> None:
        """The request has ended; only the first call counts."""
        active, self._active = self._active, None
        if active is not None:
            with _FINISH:
                route = OWN_ROUTE if self.ours else self.route or UNROUTED
                active.finish(route, self.method, self.status, self.error)


class FinishOnClose:
    """Finishes a request when its response is closed, without putting anything around it.

    Takes the place of ``response.close`` on the instance, so that the response stays the object
    that the server, or a middleware further out, asks for its type. A response that is dropped
    without being closed finishes its request too.
    """

    __slots__ = ("_close", "_finish")

    def __init__(self, response: object, finish: Callable[[], object]) -> None:
        self._close: Callable[[], object] | None = getattr(response, "close", None)
        self._finish = finish

    @classmethod
    def install(cls, response: object, finish: Callable[[], object]) -> None:
        """Hook the response; one that takes no attributes finishes its request at once."""
        with guard("watch the end of a response"):
            hook = cls(response, finish)
            try:
                object.__setattr__(response, "close", hook)
            except (AttributeError, TypeError):
                finish()

    def __call__(self) -> None:
        """Close the response and finish its request."""
        # Letting go of the bound method undoes the cycle response -> hook -> method -> response.
        close, self._close = self._close, None
        try:
            if close is not None:
                close()
        finally:
            self._finish()

    def __del__(self) -> None:
        self._finish()
