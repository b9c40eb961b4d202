"""Requests, and the templates that they are made from: values in them vary."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass

from pympler.errors import UsageError

__all__ = ["Request", "Template", "content_type"]

Headers = tuple[tuple[str, str], ...]

# A list such as {red|green|blue}; quotes, colons and spaces are left to JSON.
_VARYING = re.compile(r"\{(n|uuid|[\w.+@~%-]+(?:\|[\w.+@~%-]+)+)\}")
_PLACEHOLDER = re.compile(r"[{<][^{}<>/]*[}>]")
_METHOD = re.compile(r"[A-Za-z]+")
_NAMESPACE = uuid.UUID(int=0)


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: path with query, not yet percent-encoded, and the bytes of the body."""

    path: str
    method: str = "GET"
    headers: Headers = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Template:
    """A request in which ``{n}``, ``{uuid}`` and lists such as ``{red|green}`` vary.

    Attributes:
        path: begins with a slash; a query may follow.
        headers: names and values; body: text, sent as UTF-8.

    Raises:
        UsageError: for a method, path or header that is none.

    Example:
        >>> Template("/cart/{n}?colour={red|green}").fill(7)
        Request(path='/cart/7?colour=green', method='GET', headers=(), body=b'')
    """

    path: str
    method: str = "GET"
    headers: Headers = ()
    body: str = ""

    def __post_init__(self) -> None:
        if not _METHOD.fullmatch(self.method):
            raise UsageError(f"{self.method!r} is no method of HTTP, use one such as POST")
        if not self.path.startswith("/"):
            raise UsageError(
                f"path {self.path!r} must begin with a slash: '/{self.path.lstrip('/')}'"
            )
        for found in _PLACEHOLDER.findall(self.path):
            if not _VARYING.fullmatch(found):
                raise UsageError(
                    f"{found} in path {self.path!r} stands for nothing: write {{n}} for a number, "
                    "{uuid}, or values such as {red|green}"
                )
        for name, value in self.headers:
            if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or "\n" in value:
                raise UsageError(f"{name!r} with {value!r} is no header, use one such as 'Accept'")

    @classmethod
    def parse(cls, text: str, headers: Headers = (), body: str = "") -> Template:
        """The template that ``"POST /orders/{n}"`` says; without a method it is ``GET``.

        Raises:
            UsageError: if it says none.
        """
        words = text.strip().split(None, 1)
        if len(words) < 2 or words[0].startswith("/"):
            return cls(text.strip(), "GET", headers, body)
        return cls(words[1], words[0].upper(), headers, body)

    @property
    def varies(self) -> bool:
        """Whether any value in it varies."""
        texts = [self.path, self.body, *(value for _, value in self.headers)]
        return any(map(_VARYING.search, texts))

    def fill(self, number: int) -> Request:
        """The request with this number."""
        headers = tuple((name, _fill(value, number)) for name, value in self.headers)
        body = _fill(self.body, number)
        if body and not any(name.lower() == "content-type" for name, _ in headers):
            headers += (("Content-Type", content_type(body)),)
        return Request(_fill(self.path, number), self.method, headers, body.encode())


def _fill(text: str, number: int) -> str:
    def value(match: re.Match[str]) -> str:
        word = match[1]
        if word == "n":
            return str(number)
        if word == "uuid":  # the same in each run
            return str(uuid.UUID(int=uuid.uuid5(_NAMESPACE, str(number)).int, version=4))
        values = word.split("|")
        return values[number % len(values)]

    return _VARYING.sub(value, text) if "{" in text else text


def content_type(body: str) -> str:
    """The type of a body that does not say it: JSON, a form, or plain text.

    Example:
        >>> content_type('{"a": 1}'), content_type("a=1&b=2"), content_type("hello")
        ('application/json', 'application/x-www-form-urlencoded', 'text/plain; charset=utf-8')
    """
    try:
        json.loads(body)
    except ValueError:
        pass
    else:
        return "application/json"
    if re.fullmatch(r"[^\s=&]+=[^\s&]*(&[^\s=&]+=[^\s&]*)*", body):
        return "application/x-www-form-urlencoded"
    return "text/plain; charset=utf-8"
