"""What the drivers share: targets, an alarm for requests that hang, and the view on answers."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from http import HTTPStatus
from types import FrameType
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from pympler.leaks.check.request import Headers, Request

__all__ = [
    "Answer",
    "Driver",
    "NotAnswered",
    "alarm",
    "all_headers",
    "host_name",
    "status_problem",
    "target",
]

_LOG_IN = "check a path that needs no login, or log in with a --header or a --script"
_CSRF_SECRET = "pymplercheck" * 2 + "pymplerc"
_SAFE = "/%:@!$&'()*+,;=-._~"


class Answer(NamedTuple):
    """What a request was answered with: status and, for a redirect, where to.

    Headers and body are there only if they were asked for.
    """

    status: int
    location: str = ""
    headers: Headers = ()
    body: bytes = b""


class Driver(Protocol):
    """Sends requests to an application."""

    def request(self, request: Request, *, keep: bool = False) -> Answer:
        """Send one request and read its whole answer; nothing of it is kept unless asked for."""

    def settle(self) -> None:
        """Let work that requests have begun in the background come to its end."""

    def wait(self, seconds: float) -> None:
        """Let time pass; what the application does by the clock goes on meanwhile."""

    def close(self) -> None:
        """Shut the application down; may be called twice."""

    def trace_pools(self, function: Any) -> None:
        """Set a trace function in threads that run parts of a request; ``None`` removes it."""


class NotAnswered(BaseException):
    """Raised into a request that takes too long.

    No ``Exception``, so that the application does not take it for one of its own.
    """


@contextlib.contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raise :class:`NotAnswered` in the main thread if what runs inside takes too long.

    Does nothing in other threads and where there are no such signals: there a request that hangs
    hangs the check.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(_: int, frame: FrameType | None) -> None:
        raise NotAnswered(f"not done after {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, ring)
    # Repeated, because application code may swallow the first.
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def target(path: str) -> tuple[str, str]:
    """Path and query of a request as they go over the wire, percent-encoded.

    Example:
        >>> target("/caf\u00e9?q=a b")
        ('/caf%C3%A9', 'q=a%20b')
    """
    path, _, query = path.partition("#")[0].partition("?")
    return quote(path, safe=_SAFE), quote(query, safe=_SAFE + "?")


def all_headers(request: Request, host: str) -> Headers:
    """The headers of a request, those that any client sends included, by lower-case name."""
    given = {name.lower(): value for name, value in request.headers}
    common = {"host": host, "user-agent": "pympler-check", "accept": "*/*"}
    if request.body or request.method not in ("GET", "HEAD", "OPTIONS"):
        common["content-length"] = str(len(request.body))
        common.update(_csrf_headers(given))
    return tuple({**given, **{k: v for k, v in common.items() if k not in given}}.items())


def _csrf_headers(given: dict[str, str]) -> dict[str, str]:
    """What Django's protection against forged requests asks for: cookie and header that agree."""
    settings = _django_settings()
    if settings is None or settings.CSRF_USE_SESSIONS:
        return {}
    header = settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-").lower()
    if "csrf" in given.get("cookie", "").lower() or header in given:
        return {}
    cookie = f"{settings.CSRF_COOKIE_NAME}={_CSRF_SECRET}"
    if "cookie" in given:
        given["cookie"] += f"; {cookie}"
    return {header: _CSRF_SECRET, "cookie": cookie}


def _django_settings() -> Any:
    settings = getattr(sys.modules.get("django.conf"), "settings", None)
    return settings if settings is not None and settings.configured else None


def host_name() -> str:
    """The host that requests name: ``localhost``, or one that Django's settings allow."""
    settings = _django_settings()
    if settings is None:
        return "localhost"
    allowed = [str(name) for name in settings.ALLOWED_HOSTS]
    if not allowed or {"*", "localhost", ".localhost"} & set(allowed):
        return "localhost"
    return allowed[0].lstrip(".")


def status_problem(answer: Answer, accepted: frozenset[int]) -> str | None:
    """Why an answer is an error, ``None`` if it is none.

    Args:
        answer: what the request was answered with.
        accepted: statuses that are expected although they are redirects or errors.

    Example:
        >>> status_problem(Answer(404), frozenset())
        'answered 404 Not Found; check the path, or expect it with --expect 404'
    """
    status = answer.status
    if 200 <= status < 300 or status in accepted:
        return None
    with contextlib.suppress(ValueError):
        phrase = f"{status} {HTTPStatus(status).phrase}"
        return f"answered {phrase}{_advice(answer)}, or expect it with --expect {status}"
    return f"answered {status}; expect it with --expect {status}"


def _advice(answer: Answer) -> str:
    status, location = answer.status, answer.location
    if 300 <= status < 400:
        where = f" to {location}" if location else ""
        if "login" in location.lower() or "signin" in location.lower():
            return f"{where}; {_LOG_IN}"
        return f"{where}; check the path it leads to"
    if status >= 500:
        return "; see what the application printed"
    if status == 429:
        return "; switch its rate limit off for the check"
    if status in (401, 403):
        return f"; {_LOG_IN}"
    if status == 405:
        return "; it asks for another method: --request 'POST /path'"
    if status == 400:
        return f"; it may not accept the host {host_name()!r}"
    return "; check the path"
