"""The command ``pympler``."""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import sys
import threading
import traceback
from collections.abc import Sequence
from typing import NoReturn

from pympler import __version__
from pympler.cli import check, heap, report, serve
from pympler.errors import UsageError
from pympler.sizing.compiled import walk_name

__all__ = ["main", "run_parsed"]

_GRACE_S = 2.0


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and leaves the exit to :func:`main`."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: error: {message} (see {self.prog} --help)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    Args:
        argv: arguments without the program's name. ``None`` means that this is the program: then
            it ends even if threads of the application do not.
    """
    try:
        code = _run(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        print("pympler: interrupted", file=sys.stderr)
        code = 130
    except Exception:  # noqa: BLE001 - Python would end with 1, which says that something leaks
        traceback.print_exc()
        print("pympler: this is a fault of Pympler, not of the application", file=sys.stderr)
        code = 2
    if argv is None:
        _leave(code)
    return code


def run_parsed(arguments: argparse.Namespace) -> int:
    """Run the command that these arguments were parsed for; returns the exit code."""
    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output has gone, as in "pympler check ... | head"
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - the interpreter flushes it at exit
        return 2
    return code


def _run(argv: Sequence[str]) -> int:
    parser = _Parser(
        prog="pympler",
        description="Finds out which request of an application leaves what in memory.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", parser_class=_Parser
    )
    check.add_parser(commands)
    report.add_parser(commands)
    serve.add_parser(commands)
    heap.add_parser(commands)
    try:
        arguments, unknown = parser.parse_known_args(argv)
        if arguments.command is None:
            parser.error("no command is given; use 'check', 'report', 'serve' or 'heap'")
        if unknown:
            parser.prog = f"{parser.prog} {arguments.command}"
            parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    except UsageError as error:
        if check.wants_json(argv):
            check.print_json_error(str(error).partition("error: ")[2])
        print(error, file=sys.stderr)
        return 2
    except SystemExit as done:  # --help and --version
        return int(done.code or 0)
    return run_parsed(arguments)


def _version() -> str:
    return (
        f"pympler {__version__} ({platform.python_implementation()} {platform.python_version()}, "
        f"{walk_name()})"
    )


def _leave(code: int) -> None:
    """End the process if the application has left threads that would keep it alive.

    What the application prints while it ends does not belong to our output either.
    """
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        os.dup2(2, 1)
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(_GRACE_S)
            if thread.is_alive():
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
