"""What the commands share: arguments and work are those of the command ``pympler``."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand

from pympler.cli import run_parsed

__all__ = ["Shell"]


class Shell(BaseCommand):
    """A command of ``pympler`` within a project.

    It ends with the exit status of that command: ``SystemExit`` unless it is 0.
    """

    add_parser: Callable[[Any], None]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Called by Django with the parser that has its own options already."""
        type(self).add_parser(_Into(parser))

    def handle(self, *_: Any, **options: Any) -> None:
        """Called by Django to run the command."""
        arguments = argparse.Namespace(**options)
        self.fill_in(arguments)
        # call_command(stdout=...) asks for what is printed.
        given = options.get("stdout")
        with contextlib.redirect_stdout(given) if given else contextlib.nullcontext():
            status = run_parsed(arguments)
        if status:
            sys.exit(status)

    def fill_in(self, arguments: argparse.Namespace) -> None:
        """Take from the project what the command line leaves out."""
        raise NotImplementedError


class _Into:
    """In place of argparse's subparsers: the arguments go to a parser that is there already."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._parser = parser

    def add_parser(self, name: str, **options: Any) -> argparse.ArgumentParser:
        self._parser.description = options["description"]
        self._parser.epilog = options.get("epilog")
        return self._parser
