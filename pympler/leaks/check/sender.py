"""The sender: does something again and again; what the procedure judges."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from pympler.leaks.tracing import StoreTracer

__all__ = ["Sender"]


class Sender:
    """Does one thing again and again: a request, a call of a function.

    Only :meth:`send` has to be written; it counts in :attr:`requests`.

    Attributes:
        requests: how often it was done.
    """

    def __init__(self) -> None:
        self.requests = 0

    def send(self, count: int) -> None:
        """Do it this many times, one after the other.

        Raises:
            ApplicationError: if it fails.
        """
        raise NotImplementedError

    def settle(self) -> None:
        """Let work that was begun in the background come to its end."""

    def wait(self, seconds: float) -> None:
        """Let time pass, and with it whatever goes by the clock."""
        time.sleep(seconds)

    def send_elsewhere(self, count: int) -> None:
        """Do something of the same kind that does nothing, for comparison.

        Raises:
            LookupError: if there is no such thing.
        """
        raise LookupError("there is nothing to compare with")

    @contextlib.contextmanager
    def traced(self, tracer: StoreTracer) -> Iterator[None]:
        """Trace what is sent inside."""
        with tracer:
            yield
