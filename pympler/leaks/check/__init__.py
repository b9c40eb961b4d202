"""Checks of an application: send each path requests, judge what stays, name who holds it."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from pympler.errors import ApplicationError, UsageError
from pympler.graph.paths import find_chains
from pympler.graph.roots import add_root, remove_root
from pympler.leaks.bounds import of_application
from pympler.leaks.check.client import Client, ScriptRunner
from pympler.leaks.check.confirm import Limits
from pympler.leaks.check.drive import Driver
from pympler.leaks.check.drive_asgi import AsgiDriver
from pympler.leaks.check.drive_wsgi import WsgiDriver
from pympler.leaks.check.load import application_kind, load_application, load_script
from pympler.leaks.check.procedure import WARM_UP, examine
from pympler.leaks.check.request import Template
from pympler.leaks.check.result import CheckResult, RouteResult
from pympler.leaks.check.visitor import Visitor
from pympler.leaks.verdict import headline

__all__ = [
    "LEAST_ROUNDS",
    "LEAST_WARM_UP",
    "WARM_UP",
    "CheckResult",
    "Client",
    "Limits",
    "RouteResult",
    "Template",
    "check",
    "load_application",
    "load_script",
]

_APPLICATION = "the application"
LEAST_ROUNDS = 3
"""Fewer rounds accuse the innocent."""

LEAST_WARM_UP = 10
"""So do fewer requests before them: the first ones fill caches and import modules."""


def check(
    application: Callable[..., Any],
    paths: Sequence[str | Template] = (),
    *,
    scripts: Sequence[Callable[[Client], object]] = (),
    rounds: int = LEAST_ROUNDS,
    warm_up: int = WARM_UP,
    expect: Collection[int] = (),
    timeout_s: float = 15.0,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    progress: Callable[[str], None] = lambda text: None,
) -> CheckResult:
    """Send requests to an application, in this process, and judge each path and script.

    Collects garbage and clears the type cache between requests: it is for a process of its own.
    What the settings of gc were before, they are again afterwards.

    Args:
        application: a WSGI or ASGI application.
        paths: paths, or whole requests. ``{n}`` is replaced by a number that no other request
            has, ``{uuid}`` by such a UUID, ``{red|green}`` by one of the values in turn.
        scripts: functions that are called with a :class:`Client`; a call counts as a request.
        rounds: rounds of 20 requests that growth must be seen in, 3 at least.
        warm_up: requests before the first round.
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
    _check_arguments(application, paths, scripts, rounds, warm_up, timeout_s)
    templates = [Template(path) if isinstance(path, str) else path for path in paths]
    accepted = frozenset(expect)
    with _gc_settings_kept():
        try:
            driver = _driver(application, timeout_s)
        except ApplicationError as error:
            return CheckResult(error=f"the application's {error}")
        # One that a factory has made is in no module; a server would hold it in our place.
        if not _is_in_a_module(application):
            add_root(_APPLICATION, application)
        results: tuple[RouteResult, ...] = ()
        senders: list[Visitor | ScriptRunner] = [
            *(Visitor(driver, template, accepted=accepted) for template in templates),
            *(ScriptRunner(driver, script, accepted=accepted) for script in scripts),
        ]
        first = 1
        try:
            for sender in senders:
                sender.first = first
                results = (*results, _check_one(sender, rounds, warm_up, limits, progress))
                first += sender.requests
        finally:
            remove_root(_APPLICATION)
            problem = _close(driver)
        return CheckResult(results, problem)


def _check_arguments(
    application: object,
    paths: Sequence[object],
    scripts: Sequence[object],
    rounds: int,
    warm_up: int,
    timeout_s: float,
) -> None:
    if application_kind(application) is None:
        raise UsageError(f"{type(application).__name__} is no type of a WSGI or ASGI application")
    if not paths and not scripts:
        raise UsageError("no path is given; give at least one, such as /cart/{n}")
    if rounds < LEAST_ROUNDS:
        raise UsageError(f"rounds is {rounds}, use {LEAST_ROUNDS} or more: fewer prove nothing")
    if warm_up < LEAST_WARM_UP:
        raise UsageError(
            f"warm-up is {warm_up}, use {LEAST_WARM_UP} or more: first requests fill caches"
        )
    if not timeout_s > 0:
        raise UsageError(f"timeout is {timeout_s:g}, use a number of seconds above 0")


def _is_in_a_module(application: Callable[..., Any]) -> bool:
    """Whether a module of its own leads to the application, which names it better than we could."""
    chains = find_chains([id(application)])
    way = chains.ids.get(id(application))
    return way is not None and of_application(chains.root(way).item)


def _driver(application: Callable[..., Any], timeout_s: float) -> Driver:
    if application_kind(application) == "asgi":
        return AsgiDriver(application, timeout_s=timeout_s)
    return WsgiDriver(application, timeout_s=timeout_s)


def _check_one(
    sender: Visitor | ScriptRunner,
    rounds: int,
    warm_up: int,
    limits: Limits,
    progress: Callable[[str], None],
) -> RouteResult:
    method, route = sender.method, sender.route
    name = f"{method} {route}".strip()

    def tell(text: str) -> None:
        progress(f"{name}: {text}")

    try:
        found = examine(sender, rounds, tell, limits, warm_up=warm_up)
    except ApplicationError as error:
        return RouteResult(
            route=route,
            method=method,
            status=sender.status,
            requests=sender.requests,
            verdict=None,
            headline=f"{name} failed: {error}",
            error=str(error),
        )
    return RouteResult(
        route=route,
        method=method,
        status=sender.status,
        requests=sender.requests,
        verdict=found.verdict,
        headline=headline(
            route=route,
            method=method,
            verdict=found.verdict,
            bytes_per_request=found.bytes_per_request,
            objects_per_request=found.objects_per_request,
            suspects=found.suspects,
            requests=sender.requests,
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
