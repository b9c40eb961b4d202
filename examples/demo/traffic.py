"""Visitors of the shop: mixed requests over one connection, more and more of them."""

from __future__ import annotations

import http.client
import json
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

from applications import Application, Route
from servers import DemoError, Server

from pympler.leaks import LeakSummary, RequestReport

__all__ = ["REQUESTS", "Client", "send_requests"]

REQUESTS = 2000
_FIRST_PER_S = 50.0
_LAST_PER_S = 150.0
_LONGEST_S = 45.0
_WORDS = ("amber", "lamp", "large", "red", "kettle")


class Client:
    """One keep-alive connection to a server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)

    def request(self, method: str, path: str) -> bytes:
        """The body of the answer.

        Raises:
            DemoError: if there is no answer, or one that is no success.
        """
        try:
            self._connection.request(method, path)
            response = self._connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._server.check(patience_s=1.0)  # its connections are closed before it has ended
            raise DemoError(
                f"{self._server.name} does not answer {method} {path}: "
                f"{type(error).__name__} {error}.{self._server.log_tail()}"
            ) from error
        if response.status != 200:
            raise DemoError(
                f"{self._server.name} answers {method} {path} with {response.status}."
                f"{self._server.log_tail()}"
            )
        return body

    def memory(self) -> tuple[LeakSummary, list[RequestReport]]:
        """What the monitor in the worker says: its summary and its last reports."""
        data: dict[str, Any] = json.loads(self.request("GET", "/memory.json"))
        reports = [RequestReport.from_dict(report) for report in data["reports"]]
        return LeakSummary.from_dict(data["summary"]), reports

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def send_requests(
    client: Client, application: Application, advance: Callable[[], None], stopped: Event
) -> None:
    """Send all requests to one application, and call ``advance`` after each.

    Args:
        client: The connection to it.
        application: Which one.
        advance: Counts the requests.
        stopped: Ends it early when set.
    """
    started_s = time.monotonic()
    for number, (method, path) in enumerate(_requests(application.routes)):
        now_s = time.monotonic() - started_s
        if stopped.is_set():
            return
        if now_s > _LONGEST_S:
            raise DemoError(
                f"{application.name} answered {number} of {REQUESTS} requests in "
                f"{_LONGEST_S:.0f} s: this machine is too slow or too busy for the demo."
            )
        time.sleep(max(_due_s(number) - now_s, 0.0))
        client.request(method, path)
        advance()


def _requests(routes: tuple[Route, ...]) -> Iterator[tuple[str, str]]:
    """Method and path of each request, at random but the same each time."""
    chooser = random.Random(2)
    weights = [route.weight for route in routes]
    counts: Counter[Route] = Counter()
    for route in chooser.choices(routes, weights, k=REQUESTS):
        counts[route] += 1
        number = counts[route]
        # Product after product, as a crawler does: the bounded cache always has to make room.
        sku, word = number % 200, _WORDS[number % len(_WORDS)]
        yield route.method, route.path.format(n=number, sku=sku, word=word)


def _due_s(number: int) -> float:
    """When to send a request, in seconds from the first: the shop fills slowly."""
    mean_per_s = (_FIRST_PER_S + _LAST_PER_S) / 2
    slope = (_LAST_PER_S - _FIRST_PER_S) / (REQUESTS / mean_per_s)
    return (math.sqrt(_FIRST_PER_S**2 + 2 * slope * number) - _FIRST_PER_S) / slope
