"""The visitor: sends requests for one route and insists on good answers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pympler.errors import ApplicationError
from pympler.leaks.check.drive import Driver, status_problem
from pympler.leaks.check.sender import Sender
from pympler.leaks.tracing import StoreTracer

__all__ = ["Visitor"]


class Visitor(Sender):
    """Requests for one path, counted.

    Args:
        path: ``{n}`` in it is replaced by a number that no request had before.
        accepted: statuses that are expected although they are redirects or errors.
        first: the first of these numbers.

    Attributes:
        requests: requests sent; status: of the last answer.
    """

    def __init__(
        self, driver: Driver, path: str, *, accepted: frozenset[int], first: int = 1
    ) -> None:
        super().__init__()
        self._driver = driver
        self._path = path
        self._accepted = accepted
        self._first = first
        self.status: int | None = None

    def send(self, count: int) -> None:
        """Send this many requests, one after the other.

        Raises:
            ApplicationError: for the first that is not answered, or not as expected.
        """
        for _ in range(count):
            path = self._path.replace("{n}", str(self._first + self.requests))
            self.requests += 1
            try:
                answer = self._driver.request(path)
            except ApplicationError as error:
                raise ApplicationError(f"{path} {error}{self._when()}") from error
            self.status = answer.status
            problem = status_problem(answer, self._accepted)
            if problem is not None:
                raise ApplicationError(f"{path} {problem}{self._when()}")

    def send_elsewhere(self, count: int) -> None:
        """Send this many requests to a path that does not exist, and accept any answer.

        Raises:
            LookupError: if that path exists as well.
        """
        for number in range(count):
            try:
                status = self._driver.request(f"/no-such-page-{number}").status
            except ApplicationError:
                status = 500
            if status < 400:
                raise LookupError("the application answers any path")

    def settle(self) -> None:
        """Let work that requests have begun in the background come to its end."""
        self._driver.settle()

    def wait(self, seconds: float) -> None:
        """Let time pass for what the application does by the clock."""
        self._driver.wait(seconds)

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

    def _when(self) -> str:
        return f" (request {self.requests})" if self.requests > 1 else ""
