"""The visitor: sends requests for one route and insists on good answers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pympler.errors import ApplicationError
from pympler.leaks.check.drive import Driver, status_problem
from pympler.leaks.check.request import Request, Template
from pympler.leaks.check.sender import Sender
from pympler.leaks.tracing import StoreTracer

__all__ = ["DrivenSender", "Visitor"]


class DrivenSender(Sender):
    """What sends something to an application through its driver.

    Attributes:
        method, route: what it is called in the result.
        first: the first of the numbers that tell requests apart.
    """

    def __init__(self, driver: Driver, method: str, route: str) -> None:
        super().__init__()
        self._driver = driver
        self.method = method
        self.route = route
        self.first = 1

    def settle(self) -> None:
        """Let work that requests have begun in the background come to its end."""
        self._driver.settle()

    def wait(self, seconds: float) -> None:
        """Let time pass for what the application does by the clock."""
        self._driver.wait(seconds)

    def send_elsewhere(self, count: int) -> None:
        """Send this many requests to a path that does not exist, and accept any answer.

        Raises:
            LookupError: if that path exists as well.
        """
        for number in range(count):
            try:
                status = self._driver.request(Request(f"/no-such-page-{number}")).status
            except ApplicationError:
                status = 500
            if status < 400:
                raise LookupError("the application answers any path")

    @contextlib.contextmanager
    def traced(self, tracer: StoreTracer) -> Iterator[None]:
        """Trace the requests sent inside, also where they run in the threads of a pool."""
        with tracer:
            if tracer.active:
                self._driver.trace_pools(tracer.trace)
            try:
                yield
            finally:
                if tracer.active:
                    self._driver.trace_pools(None)

    def when(self) -> str:
        """Which request it was that failed, for the end of a message."""
        return f" (request {self.requests})" if self.requests > 1 else ""


class Visitor(DrivenSender):
    """Requests for one route, counted.

    Args:
        driver: sends them.
        template: what is sent.
        accepted: statuses that are expected although they are redirects or errors.

    Attributes:
        status: of the last answer.
    """

    def __init__(self, driver: Driver, template: Template, *, accepted: frozenset[int]) -> None:
        super().__init__(driver, template.method, template.path)
        self._template = template
        self._accepted = accepted
        self.status: int | None = None

    def send(self, count: int) -> None:
        """Send this many requests, one after the other.

        Raises:
            ApplicationError: for the first that is not answered, or not as expected.
        """
        for _ in range(count):
            request = self._template.fill(self.first + self.requests)
            self.requests += 1
            try:
                answer = self._driver.request(request)
            except ApplicationError as error:
                raise ApplicationError(f"{_name(request)} {error}{self.when()}") from error
            self.status = answer.status
            problem = status_problem(answer, self._accepted)
            if problem is not None:
                raise ApplicationError(f"{_name(request)} {problem}{self.when()}")


def _name(request: Request) -> str:
    return request.path if request.method == "GET" else f"{request.method} {request.path}"
