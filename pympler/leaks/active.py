"""Active requests: what is known of a request while it is in flight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pympler.leaks.steps import RequestSteps
from pympler.leaks.suspects import LiveSuspect
from pympler.leaks.tracing import StoreTracer
from pympler.leaks.window import Window

if TYPE_CHECKING:
    from pympler.leaks.chosen import RequestBirths
    from pympler.leaks.comparison import HeapBefore

__all__ = ["ActiveRequest"]


class Finisher(Protocol):
    """Takes a request that has ended: the monitor."""

    def _finish(self, request: ActiveRequest) -> None: ...

    def _watch(self, request: ActiveRequest) -> str: ...

    def _step(self, request: ActiveRequest) -> RequestSteps: ...

    def _snapshot(self, request: ActiveRequest) -> None: ...


class ActiveRequest:
    """A request in flight; made by :meth:`LeakMonitor.begin`, ended by :meth:`finish`."""

    __slots__ = (
        "_monitor",
        "before",
        "began_s",
        "births",
        "error",
        "id",
        "is_plain",
        "lengths",
        "method",
        "others",
        "own_cost_s",
        "refused",
        "route",
        "serial",
        "started_at",
        "status",
        "steps",
        "tracer",
        "walks",
        "window",
    )

    def __init__(self, monitor: Finisher | None, serial: int = 0, others: int = 0) -> None:
        self._monitor = monitor
        self.is_plain = True  # nothing but its number is to be taken care of at its end
        self.serial = serial
        self.others = others
        self.window: Window | None = None
        self.tracer: StoreTracer | None = None
        self.steps: RequestSteps | None = None
        self.refused = ""
        self.births: RequestBirths | None = None
        self.before: HeapBefore | None = None
        self.id = 0  # of its report, given when there is one unless it was asked for before
        # Known only to the requests that have ended, or that are watched.
        self.route: str
        self.method: str
        self.status: int | None
        self.error: str | None
        self.lengths: dict[LiveSuspect, int | None]
        self.began_s: float
        self.started_at: float
        self.own_cost_s: float
        self.walks: int

    def step(self) -> RequestSteps | None:
        """The request is going to run in steps, with other requests in between."""
        monitor = self._monitor
        return monitor._step(self) if monitor is not None else None

    def watch(self) -> str:
        """Open a window now if there is none: somebody is going to look at this request.

        Whether it was its turn and what it costs does not matter then.

        Returns:
            The key that its report is going to have, empty if it has ended.
        """
        monitor = self._monitor
        return monitor._watch(self) if monitor is not None else ""

    def snapshot(self) -> None:
        """Compare the whole heap from now on to the end of the request, as somebody asks for."""
        monitor = self._monitor
        if monitor is not None:
            monitor._snapshot(self)

    def met(self, started: int) -> int:
        """The number of requests that overlapped with it, itself included.

        Args:
            started: number of requests that have begun by now.
        """
        # The serial is the parent's if the process was forked meanwhile.
        return max(1 + self.others + started - self.serial, 1)

    def finish(
        self,
        route: str,
        method: str = "",
        status: int | None = None,
        error: str | None = None,
    ) -> None:
        """The request has ended: its response is sent and closed.

        Only the first call counts.

        Args:
            route: route template or label, never a raw path; :data:`UNROUTED` if there is none.
            method: HTTP method.
            status: HTTP status.
            error: name of the type of the exception that ended it.
        """
        monitor, self._monitor = self._monitor, None
        if monitor is not None:
            self.route, self.method, self.status, self.error = route, method, status, error
            births = self.births
            if births is None:
                monitor._finish(self)
                return
            births.finish(method, route)
            try:
                monitor._finish(self)
            finally:
                births.leave()
