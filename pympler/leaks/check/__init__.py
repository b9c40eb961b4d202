"""Checks of an application: send each path requests, judge what stays, name who holds it."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from pympler.errors import ApplicationError, UsageError
from pympler.leaks.check.confirm import Limits
from pympler.leaks.check.drive import Driver
from pympler.leaks.check.drive_asgi import AsgiDriver
from pympler.leaks.check.drive_wsgi import WsgiDriver
from pympler.leaks.check.load import application_kind, load_application
from pympler.leaks.check.procedure import examine
from pympler.leaks.check.result import CheckResult, RouteResult
from pympler.leaks.check.visitor import Visitor
from pympler.leaks.verdict import headline

__all__ = [
    "LEAST_ROUNDS",
    "CheckResult",
    "Limits",
    "RouteResult",
    "check",
    "load_application",
]

LEAST_ROUNDS = 3
"""Fewer rounds accuse the innocent."""


def check(
    application: Callable[..., Any],
    paths: Sequence[str],
    *,
    rounds: int = LEAST_ROUNDS,
    expect: Collection[int] = (),
    timeout_s: float = 15.0,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    progress: Callable[[str], None] = lambda text: None,
) -> CheckResult:
    """Send requests to an application, in this process, and judge each path.

    Collects garbage and clears the type cache between requests: it is for a process of its own.
    What the settings of gc were before, they are again afterwards.

    Args:
        application: a WSGI or ASGI application.
        paths: ``{n}`` in a path is replaced by a number that no other request has.
        rounds: rounds of 20 requests that growth must be seen in, 3 at least.
        expect: statuses that are right although they are redirects or errors.
        timeout_s: seconds that a request may take.
        limits: how long suspects are watched.
        progress: called with a few words on what is done now.

    Raises:
        UsageError: if an argument is wrong. What the application does wrong is in the result.

    Example:
        >>> def application(environ, start_response):
        ...     start_response("200 OK", [])
        ...     return [b"hello"]
        >>> check(application, ["/"]).exit_code
        0
    """
    _check_arguments(application, paths, rounds, timeout_s)
    with _gc_settings_kept():
        try:
            driver = _driver(application, timeout_s)
        except ApplicationError as error:
            return CheckResult(error=f"the application {error}")
        results: tuple[RouteResult, ...] = ()
        first = 1
        try:
            for path in paths:
                visitor = Visitor(driver, path, accepted=frozenset(expect), first=first)
                results = (*results, _check_route(visitor, path, rounds, limits, progress))
                first += visitor.requests
        finally:
            problem = _close(driver)
        return CheckResult(results, problem)


def _check_arguments(
    application: object, paths: Sequence[str], rounds: int, timeout_s: float
) -> None:
    if application_kind(application) is None:
        raise UsageError(f"{type(application).__name__} is no type of a WSGI or ASGI application")
    if not paths:
        raise UsageError("no path is given; give at least one, such as /cart/{n}")
    for path in paths:
        if not path.startswith("/"):
            raise UsageError(f"path {path!r} must begin with a slash: '/{path.lstrip('/')}'")
    if rounds < LEAST_ROUNDS:
        raise UsageError(f"rounds is {rounds}, use {LEAST_ROUNDS} or more: fewer prove nothing")
    if not timeout_s > 0:
        raise UsageError(f"timeout is {timeout_s:g}, use a number of seconds above 0")


def _driver(application: Callable[..., Any], timeout_s: float) -> Driver:
    if application_kind(application) == "asgi":
        return AsgiDriver(application, timeout_s=timeout_s)
    return WsgiDriver(application, timeout_s=timeout_s)


def _check_route(
    visitor: Visitor, path: str, rounds: int, limits: Limits, progress: Callable[[str], None]
) -> RouteResult:
    def tell(text: str) -> None:
        progress(f"GET {path}: {text}")

    try:
        found = examine(visitor, rounds, tell, limits)
    except ApplicationError as error:
        return RouteResult(
            route=path,
            method="GET",
            status=visitor.status,
            requests=visitor.requests,
            verdict=None,
            headline=f"GET {path} failed: {error}",
            error=str(error),
        )
    return RouteResult(
        route=path,
        method="GET",
        status=visitor.status,
        requests=visitor.requests,
        verdict=found.verdict,
        headline=headline(
            route=path,
            method="GET",
            verdict=found.verdict,
            bytes_per_request=found.bytes_per_request,
            objects_per_request=found.objects_per_request,
            suspects=found.suspects,
            requests=visitor.requests,
        ),
        bytes_per_request=found.bytes_per_request,
        objects_per_request=found.objects_per_request,
        suspects=found.suspects,
    )


def _close(driver: Driver) -> str | None:
    try:
        driver.close()
    except ApplicationError as error:
        return f"the application's {error}"
    return None


@contextlib.contextmanager
def _gc_settings_kept() -> Iterator[None]:
    """Undo what the application does to the settings of gc while it is checked."""
    enabled, thresholds, flags = gc.isenabled(), gc.get_threshold(), gc.get_debug()
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.set_debug(flags)
        (gc.enable if enabled else gc.disable)()
