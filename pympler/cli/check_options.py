"""The options of ``pympler check``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pympler.errors import UsageError
from pympler.leaks.check import LEAST_ROUNDS, LEAST_WARM_UP, WARM_UP, Limits, Template
from pympler.leaks.report import VERDICTS

__all__ = ["add_options", "requests_of"]

_LEAST_REQUESTS = 1000


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the application and all options."""
    parser.add_argument(
        "application",
        metavar="module:app",
        help="the application, such as shop.wsgi:application, or its factory: shop:create_app()",
    )
    _add_what_is_sent(parser)
    _add_how_long(parser)
    _add_what_is_right(parser)


def _add_what_is_sent(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "what is sent",
        "In paths, headers and bodies {n} is another number in each request, {uuid} another UUID, "
        "and {red|green} one of the values in turn. --header and --body belong to the --path or "
        "--request before them, a --header before the first one to all.",
    )
    group.add_argument(
        "--path",
        action=_Part,
        dest="parts",
        default=[],
        metavar="PATH",
        help="a path to check, such as '/cart/{n}'; may be given several times",
    )
    group.add_argument(
        "--request",
        action=_Part,
        dest="parts",
        metavar="'METHOD PATH'",
        help="a request with another method, such as 'POST /orders'",
    )
    group.add_argument(
        "--header", action=_Part, dest="parts", metavar="'NAME: VALUE'", help="a header"
    )
    group.add_argument(
        "--body", action=_Part, dest="parts", metavar="TEXT", help="a body, or @FILE to read it"
    )
    group.add_argument(
        "--script",
        action="append",
        default=[],
        metavar="module:function",
        help="a function that is called with a client and sends several requests, such as a login "
        "and what comes after it; a call counts as one request",
    )


def _add_how_long(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how long")
    group.add_argument(
        "--warmup",
        type=_number("requests", LEAST_WARM_UP),
        default=WARM_UP,
        metavar="N",
        help="requests before anything is measured (%(default)s)",
    )
    group.add_argument(
        "--rounds",
        type=_number("rounds", LEAST_ROUNDS),
        default=LEAST_ROUNDS,
        metavar="N",
        help="rounds of 20 requests that growth must be seen in (%(default)s, the fewest)",
    )
    group.add_argument(
        "--requests",
        type=_number("requests", _LEAST_REQUESTS),
        default=Limits().total,
        metavar="N",
        help="requests of a path in all, at the most (%(default)s); more tell larger caches apart",
    )
    group.add_argument(
        "--max-seconds",
        type=_seconds,
        default=Limits().longest_s,
        metavar="SECONDS",
        help="after which a path is judged by what has been seen (%(default)g)",
    )
    group.add_argument(
        "--timeout",
        type=_seconds,
        default=15.0,
        metavar="SECONDS",
        help="how long a request may take (%(default)g)",
    )


def _add_what_is_right(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is right, and how it is said")
    group.add_argument(
        "--expect",
        action="append",
        type=_status,
        default=[],
        metavar="STATUS",
        help="a redirect or error status that is right; may be given several times",
    )
    group.add_argument(
        "--fail-on",
        choices=[verdict for verdict in VERDICTS if verdict != "clean"],
        default="native",
        help="exit with 1 if a path has this verdict or a worse one (%(default)s)",
    )
    group.add_argument(
        "--baseline",
        metavar="FILE",
        help="what --json has printed before: what is known from there is no failure",
    )
    group.add_argument(
        "--isolate", action="store_true", help="check each path in a process of its own"
    )
    group.add_argument("--json", action="store_true", help="print one JSON object, nothing else")
    group.add_argument("--html", metavar="FILE", help="write the verdicts as a page, in one file")
    parser.add_argument("--whole-result", action="store_true", help=argparse.SUPPRESS)


class _Part(argparse.Action):
    """Keeps the options that make up requests in their order."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        parts = [*getattr(namespace, self.dest), (str(option_string).lstrip("-"), str(values))]
        setattr(namespace, self.dest, parts)


def requests_of(parts: Sequence[tuple[str, str]]) -> list[Template]:
    """The requests that ``--path``, ``--request``, ``--header`` and ``--body`` describe.

    Raises:
        UsageError: if one of them is wrong, or belongs to nothing.

    Example:
        >>> requests_of([("request", "POST /x"), ("body", "a=1"), ("path", "/y")])
        [Template(path='/x', method='POST', headers=(), body='a=1'), \
Template(path='/y', method='GET', headers=(), body='')]
    """
    common: list[tuple[str, str]] = []
    found: list[tuple[str, list[tuple[str, str]], list[str]]] = []
    for option, text in parts:
        if option in ("path", "request"):
            found.append((text if option == "request" else f"GET {text}", list(common), []))
        elif option == "header":
            (found[-1][1] if found else common).append(_header(text))
        elif not found:
            raise UsageError("--body belongs to a --request, and has to stand behind it")
        elif found[-1][2]:
            raise UsageError(f"two --body for {found[-1][0]!r}; a request has one")
        else:
            found[-1][2].append(_body(text))
    return [
        Template.parse(text, tuple(headers), body[0] if body else "")
        for text, headers, body in found
    ]


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"{text!r} is no header, use one such as 'Accept: text/html'")
    return name.strip(), value.strip()


def _body(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"body {text!r} cannot be read: {error.strerror}") from None
    except ValueError:
        raise UsageError(f"body {text!r} is no text in UTF-8") from None


def _number(what: str, least: int) -> Any:
    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(
                f"{text!r} is no number of {what}; use {least} or more"
            )
        return int(text)

    return number


def _status(text: str) -> int:
    if not text.isdecimal() or not 100 <= int(text) <= 599:
        raise argparse.ArgumentTypeError(f"{text!r} is no HTTP status; use one such as 404")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds; use one such as 15")
    return seconds
