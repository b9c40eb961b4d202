"""``pympler check``: send an application requests and say which of them leak."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TextIO

from pympler.errors import ApplicationError, UsageError
from pympler.leaks.check import LEAST_ROUNDS, CheckResult, RouteResult, check, load_application

__all__ = ["add_parser", "print_json_error", "run", "wants_json"]

_DESCRIPTION = """\
Imports an application, sends each path a few hundred requests in this process, and says which
of them leave something behind, how much, who holds it and which line stored it.
"""
_EPILOG = """\
exit status: 0 nothing leaks, 1 a leak or native growth, 2 a wrong argument or an application
that fails: an exception, or a status of 300 or more that was not expected with --expect.
"""


def add_parser(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    parser = commands.add_parser(
        "check",
        help="find the requests of a WSGI or ASGI application that leak",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "application",
        metavar="module:app",
        help="the application, such as shop.wsgi:application, or its factory: shop:create_app()",
    )
    parser.add_argument(
        "--path",
        action="append",
        required=True,
        metavar="PATH",
        help="a path to check, such as '/cart/{n}' ({n} is another number in each request); "
        "may be given several times",
    )
    parser.add_argument(
        "--rounds",
        type=_rounds,
        default=LEAST_ROUNDS,
        metavar="N",
        help="rounds of 20 requests that growth must be seen in (%(default)s, the fewest)",
    )
    parser.add_argument(
        "--expect",
        action="append",
        type=_status,
        default=[],
        metavar="STATUS",
        help="a redirect or error status that is right; may be given several times",
    )
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=15.0,
        metavar="SECONDS",
        help="how long a request may take (%(default)g)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object and nothing else"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check an application as the command line says; returns the exit code."""
    # An application that is watched by our own middleware is checked without it.
    os.environ["PYMPLER_DISABLE"] = "1"
    with _progress() as progress, _stdout_to_stderr():
        result = _check(arguments, progress)
    if arguments.json:
        print(json.dumps(result.to_dict()), flush=True)
    else:
        _print_text(result)
    for error in _errors(result):
        print(f"pympler check: error: {error}", file=sys.stderr)
    return result.exit_code


def wants_json(argv: Sequence[str]) -> bool:
    """Whether these arguments, which could not be understood, ask for JSON."""
    return "check" in argv and "--json" in argv


def print_json_error(error: str) -> None:
    """Print the JSON object of a check that did not take place."""
    print(json.dumps(CheckResult(error=error).to_dict()), flush=True)


def _check(arguments: argparse.Namespace, progress: Callable[[str], None]) -> CheckResult:
    try:
        progress(f"importing {arguments.application}")
        application = load_application(arguments.application)
        return check(
            application,
            arguments.path,
            rounds=arguments.rounds,
            expect=arguments.expect,
            timeout_s=arguments.timeout,
            progress=progress,
        )
    except (UsageError, ApplicationError) as error:
        return CheckResult(error=str(error))


def _errors(result: CheckResult) -> list[str]:
    errors = [] if result.error is None else [result.error]
    return errors + [route.error for route in result.routes if route.error is not None]


def _print_text(result: CheckResult) -> None:
    for route in result.routes:
        if route.error is None:
            print(route.headline)
            for line in _details(route):
                print(f"    {line}")
    sys.stdout.flush()


def _details(route: RouteResult) -> Iterator[str]:
    """What a headline does not say: the evidence, and further suspects."""
    for place, suspect in enumerate(route.suspects):
        stored = f", stored at {suspect.stored_at}" if suspect.stored_at else ""
        name = f"also {suspect.holder} ({suspect.type}){stored}: " if place else ""
        if suspect.evidence:
            yield f"{name}{suspect.evidence}"


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """A function that shows what is done now, on one line of the terminal if there is one."""
    stream = sys.stderr
    if not stream.isatty():
        yield lambda text: None
        return

    def show(text: str) -> None:
        width = max(os.get_terminal_size(stream.fileno()).columns - 1, 20)
        stream.write(f"\r{text[:width]:<{width}}\r")
        stream.flush()

    try:
        yield show
    finally:
        show("")


@contextlib.contextmanager
def _stdout_to_stderr() -> Iterator[None]:
    """Send what the application prints to standard error, also from C and from its children."""
    with contextlib.redirect_stdout(sys.stderr), _descriptor_to_stderr():
        yield


@contextlib.contextmanager
def _descriptor_to_stderr() -> Iterator[None]:
    original: TextIO | None = sys.__stdout__
    try:
        if original is None:
            raise OSError
        original.flush()
        kept = os.dup(1)
        os.dup2(2, 1)
    except (OSError, ValueError):  # no such descriptors: a service, or a closed stream
        yield
        return
    try:
        yield
    finally:
        original.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _rounds(text: str) -> int:
    if not text.isdecimal() or int(text) < LEAST_ROUNDS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no number of rounds; use {LEAST_ROUNDS} or more"
        )
    return int(text)


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
