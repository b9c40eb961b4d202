"""Requests and responses of WSGI for the pages, for Flask, the stand-alone server and any other."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from pympler.render.pages.request import (
    MOST_BODY_BYTES,
    PageRequest,
    PageResponse,
    parse_form,
    parse_query,
    read_headers,
)
from pympler.render.pages.site import Pages

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["from_environ", "head_of", "wsgi_pages"]


def from_environ(
    environ: WSGIEnvironment, mounted: str = "", *, with_form: bool = True
) -> PageRequest:
    """The request for a page that an environ describes.

    Args:
        environ: of the request.
        mounted: path of the pages below the application, such as ``"/_pympler"``.
        with_form: whether to read the body; not of a request that is the application's.
    """
    path = _text(environ.get("PATH_INFO", "")) or "/"
    headers = read_headers(
        (name[5:].replace("_", "-"), value)
        for name, value in environ.items()
        if name.startswith("HTTP_") and isinstance(value, str)
    )
    form = {}
    if with_form and environ.get("REQUEST_METHOD") == "POST":
        form = parse_form(_body(environ), environ.get("CONTENT_TYPE", ""))
    return PageRequest(
        method=environ.get("REQUEST_METHOD", "GET"),
        path=path.removeprefix(mounted) or "/",
        query=parse_query(environ.get("QUERY_STRING", "")),
        form=form,
        headers=headers,
        prefix=_text(environ.get("SCRIPT_NAME", "")).rstrip("/") + mounted,
        peer=environ.get("REMOTE_ADDR"),
        secure=environ.get("wsgi.url_scheme") == "https",
        original=environ,
    )


def wsgi_pages(pages: Pages) -> WSGIApplication:
    """The pages as a WSGI application of their own, to be mounted anywhere."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        response = pages.respond(from_environ(environ))
        start_response(*head_of(response))
        return [response.body]

    return application


def head_of(response: PageResponse) -> tuple[str, list[tuple[str, str]]]:
    """The status line and the headers of a response, as ``start_response`` takes them."""
    phrase = HTTPStatus(response.status).phrase
    length = ("Content-Length", str(len(response.body)))
    return f"{response.status} {phrase}", [*response.headers, length]


def _body(environ: WSGIEnvironment) -> bytes:
    """The body of a form; empty if it is longer than any form of ours."""
    length = environ.get("CONTENT_LENGTH") or ""
    if not (length.isascii() and length.isdigit()) or int(length) > MOST_BODY_BYTES:
        return b""
    body: bytes = environ["wsgi.input"].read(int(length))
    return body


def _text(latin: str) -> str:
    """What a server has decoded as Latin-1 (PEP 3333) was UTF-8, as in any address of ours."""
    return latin.encode("latin-1", "replace").decode("utf-8", "replace")
