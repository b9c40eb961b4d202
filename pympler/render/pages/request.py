"""A request to the pages and its answer, as plain data that every framework can give and take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

__all__ = [
    "MOST_BODY_BYTES",
    "PageRequest",
    "PageResponse",
    "parse_form",
    "parse_query",
    "read_headers",
]

MOST_BODY_BYTES = 64 * 1024
"""An adapter reads no more than this of the body of a request; no form of ours is longer."""

_MOST_FIELDS = 200


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request to the pages.

    Attributes:
        method: ``"GET"``, ``"HEAD"``, ``"POST"``; anything else is refused.
        path: what follows the prefix, decoded: ``"/"``, ``"/requests"``.
        query, form: the fields of the query and of the body, the last of each name.
        headers: by their names in lower case; a header that came twice is joined with commas.
        prefix: under which path the pages are, without a slash at its end: ``"/_pympler"``.
        peer: address of the other end, ``None`` if it is not known.
        secure: whether the request came by HTTPS.
        debug: whether the framework is in its debug mode.
        hosts: host names that the framework itself was configured to answer.
        csrf: gives name and value of the field that the framework wants to see in each form;
            called for a page that is shown, and ``None`` from it means that there is none.
        original: the framework's own request, for the setting ``access``.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    peer: str | None = None
    secure: bool = False
    debug: bool = False
    hosts: tuple[str, ...] = ()
    csrf: Callable[[], tuple[str, str] | None] | None = None
    original: Any = None

    def url(self, path: str = "/", **query: object) -> str:
        """The address of another page, below the same prefix.

        Example:
            >>> PageRequest("GET", "/", prefix="/_pympler").url("/requests", route="/a b", page=2)
            '/_pympler/requests?route=%2Fa+b&page=2'
        """
        given = {key: value for key, value in query.items() if value not in ("", None)}
        # One slash and no more: "//name" would be the address of another host.
        address = quote(
            f"{self.prefix}/{path.lstrip('/')}", safe="/:@!$&'()*+,;=~", errors="replace"
        )
        address = "/" + address.lstrip("/")
        return f"{address}?{urlencode(given, errors='replace')}" if given else address


@dataclass(frozen=True, slots=True)
class PageResponse:
    """The answer to a request, complete: the adapter adds nothing to its headers but a length.

    Attributes:
        refused: whether the visitor was not let in: an adapter then answers what its framework
            answers where there is nothing.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    refused: bool = False


def parse_query(text: str) -> dict[str, str]:
    """The fields of a query or of a form, the last of each name; never raises.

    Example:
        >>> parse_query("route=%2Fcart&page=2&page=3&=")
        {'route': '/cart', 'page': '3', '': ''}
    """
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, errors="replace", max_num_fields=_MOST_FIELDS
        )
    except ValueError:  # more fields than any page of ours has
        return {}
    return dict(pairs)


def parse_form(body: bytes, content_type: str) -> dict[str, str]:
    """The fields of a form as a browser sends them; empty for any other kind of body."""
    if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        return {}
    return parse_query(body.decode("utf-8", "replace"))


def read_headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by their names in lower case; one that came twice is joined with commas.

    Two different ``Host`` headers so become one that is no host at all.
    """
    headers: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    return headers
