"""Who may see the pages: one function for every front end, with the rules in their order.

1. The pages are off unless the setting ``pages`` or the framework's debug mode asks for them.
2. ``Host`` is a local name or a configured one. A page of another site whose name was made to lead
   to this machine (DNS rebinding) would pass for a visitor from here otherwise.
3. A visitor from this machine is let in, unless a header says that a proxy stands between: behind
   one every visitor comes from here.
4. Anybody else needs the token, once in the address and from then on as a cookie, or the consent
   of the callable ``access``.
5. What changes or costs something is a POST, and comes from a page of ours.

A refusal is a 404, as if nothing were there; a POST from elsewhere is a 403.

A request of the application that carries ``?pympler`` costs something as well, and is an address
that any site may link to: see :func:`wants_snapshot`.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from pympler.leaks.guard import guard
from pympler.leaks.settings import QUERY, Settings, resolve
from pympler.render.pages.request import PageRequest

__all__ = ["COOKIE", "PROXY_HEADERS", "Access", "Decision", "decide", "wants_snapshot"]

COOKIE = "pympler"
"""Name of the cookie that stands for the token."""

PROXY_HEADERS = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Headers that a proxy adds; each of them takes the privilege of being local."""

_READING = ("GET", "HEAD")
_PORT = re.compile(r":[0-9]{1,5}\Z")
_MOST_REASONS = 20

logger = logging.getLogger("pympler")


@dataclass(frozen=True, slots=True)
class Access:
    """The settings of access, and what has been said about refusals.

    Attributes:
        pages: whether the pages are on; ``None`` leaves it to the framework's debug mode.
        allowed_hosts: further host names; one that begins with a dot stands for all below it.
        token: lets in who is not local; empty for nobody.
        consent: called with the framework's request, tells whether to let it in; or the dotted
            path of such a callable, which is imported when it is first needed.
        quiet: whether refusals are kept out of the log.
    """

    pages: bool | None = None
    allowed_hosts: tuple[str, ...] = ()
    token: str = field(default="", repr=False)
    consent: Callable[[Any], object] | str | None = None
    said: set[str] = field(default_factory=set, compare=False, repr=False)
    quiet: bool = False

    @classmethod
    def of(cls, settings: Settings, *, asked_for: bool = False) -> Access:
        """The access that the settings describe.

        Args:
            settings: of the monitor.
            asked_for: whether the pages are on where the setting ``pages`` says nothing, because
                somebody has put them where they are on purpose.
        """
        pages = True if settings.pages is None and asked_for else settings.pages
        return cls(pages, settings.allowed_hosts, settings.token, settings.access)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a request is let in.

    Attributes:
        status: 200 to let it in; 404 or 403 to refuse; 303 to send it on with a cookie.
        reason: why it is refused, for the log: a visitor is not told.
        cookie: value of the header ``Set-Cookie``, with status 303.
    """

    status: int = 200
    reason: str = ""
    cookie: str = ""


def decide(access: Access, request: PageRequest) -> Decision:
    """Apply the rules to a request, in their order."""
    if not (request.debug if access.pages is None else access.pages):
        return _refuse(access, "they are off; the setting 'pages' turns them on")
    host = request.headers.get("host", "")
    name = _host_name(host)
    if name is None or not _is_allowed(name, (*access.allowed_hosts, *request.hosts)):
        return _refuse(
            access,
            f"they were asked for under the host {host[:80]!r}; if it is yours, add it to the "
            "setting 'allowed_hosts'",
        )
    if not _is_local(request):
        if _has_right_token(access, request):
            return _exchange(access, request)
        if not (_has_cookie(access, request) or _consents(access, request)):
            return _refuse(
                access,
                "the visitor is not on this machine, or a proxy stands between; set a token "
                "(PYMPLER_TOKEN) or 'access' to let others in",
            )
    elif access.token and _has_right_token(access, request):
        return _exchange(access, request)
    if request.method not in _READING and not _is_from_our_page(request, host):
        return Decision(403, "a form was sent from another site")
    return Decision()


def wants_snapshot(access: Access, request: PageRequest) -> bool:
    """Whether a request of the application asks for a snapshot around it, and may have it.

    It may if its sender could start one with a form of ours: a link on another site does nothing.
    Nobody is told of a refusal; what the request gets is what it would have got.
    """
    if QUERY not in request.query:
        return False
    asked = replace(request, method="POST")
    return decide(replace(access, quiet=True), asked).status == 200 and not _may_be_a_link(request)


def _refuse(access: Access, reason: str) -> Decision:
    # Once per reason: whoever set the pages up looks into the log when they do not show.
    if not access.quiet and reason not in access.said and len(access.said) < _MOST_REASONS:
        access.said.add(reason)
        logger.warning("the pages were refused to a visitor: %s", reason)
    return Decision(404, reason)


# Rule 2


def _host_name(host: str) -> str | None:
    """The name in a ``Host`` header without its port, in lower case; ``None`` for nonsense."""
    name = _PORT.sub("", host.strip().lower())
    if name.startswith("["):
        return name if name.endswith("]") else None
    return name if re.fullmatch(r"[a-z0-9._-]+", name) else None


def _is_allowed(name: str, configured: Iterable[str]) -> bool:
    if name in ("localhost", "127.0.0.1", "[::1]") or name.endswith(".localhost"):
        return True
    for pattern in configured:
        pattern = pattern.lower()
        if name == pattern or (pattern.startswith(".") and f".{name}".endswith(pattern)):
            return True
    return False


# Rules 3 and 4


def _is_local(request: PageRequest) -> bool:
    if any(name in request.headers for name in PROXY_HEADERS):
        return False
    try:
        address = ipaddress.ip_address(request.peer or "")
    except ValueError:  # a Unix socket, or a server that does not tell
        return False
    mapped = getattr(address, "ipv4_mapped", None)  # ::ffff:127.0.0.1
    return bool((mapped or address).is_loopback)


def _has_right_token(access: Access, request: PageRequest) -> bool:
    if not access.token or request.method not in _READING:
        return False
    return _same(request.query.get("token", ""), access.token)


def _has_cookie(access: Access, request: PageRequest) -> bool:
    if not access.token:
        return False
    try:
        morsel = SimpleCookie(request.headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return False
    return morsel is not None and _same(morsel.value, _cookie_value(access.token))


def _cookie_value(token: str) -> str:
    # Not the token itself: the cookie of one application's pages is worth nothing elsewhere.
    return hmac.new(token.encode(), b"pympler pages", hashlib.sha256).hexdigest()


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode("utf-8", "replace"))


def _exchange(access: Access, request: PageRequest) -> Decision:
    # Of the application around the pages too, whose requests may ask for a snapshot.
    around = request.url("/").rstrip("/").rpartition("/")[0] or "/"
    cookie = f"{COOKIE}={_cookie_value(access.token)}; Path={around}"
    secure = "; Secure" if request.secure else ""
    return Decision(303, cookie=f"{cookie}; HttpOnly; SameSite=Strict{secure}")


def _consents(access: Access, request: PageRequest) -> bool:
    with guard("ask the setting 'access' about a visitor"):
        consent = access.consent
        if consent is None:
            return False
        # Nothing else counts as a yes: a coroutine of an asynchronous callable is true as well.
        return resolve("access", consent)(request.original) is True
    return False


# Rule 5


def _is_from_our_page(request: PageRequest, host: str) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    # Browsers leave the header out where they do not trust the origin: plain HTTP, not local.
    origin = request.headers.get("origin")
    if origin is None:
        return True  # no browser
    try:
        return urlsplit(origin).netloc.lower() == host.strip().lower()
    except ValueError:
        return False


def _may_be_a_link(request: PageRequest) -> bool:
    """Whether a page of another site may have led here, where nothing says that none has.

    A browser that follows a link sends no ``Origin``, and ``Sec-Fetch-Site`` only to origins that
    it trusts: HTTPS, and this machine under its own name.
    """
    headers = request.headers
    if "sec-fetch-site" in headers or "origin" in headers:
        return False
    host, referer = headers.get("host", ""), headers.get("referer", "")
    if referer:
        try:
            return urlsplit(referer).netloc.lower() != host.strip().lower()
        except ValueError:
            return True
    return not (request.secure or _is_allowed(_host_name(host) or "", ()))
