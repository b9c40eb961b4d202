"""Keeps the standard streams for ourselves while an application runs."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, NoReturn, TextIO

__all__ = ["no_input", "no_sudden_end", "stdout_to_stderr"]


@contextlib.contextmanager
def stdout_to_stderr() -> Iterator[None]:
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


@contextlib.contextmanager
def no_input() -> Iterator[None]:
    """Let an application that asks the terminal fail at once instead of waiting for an answer."""
    before = sys.stdin
    with open(os.devnull, encoding="utf-8") as nothing:
        sys.stdin = nothing
        try:
            yield
        finally:
            sys.stdin = before


@contextlib.contextmanager
def no_sudden_end(last_words: Callable[[str], None]) -> Iterator[None]:
    """Say so if the application ends the process, which no exception would tell.

    Args:
        last_words: called with what has happened, before the process ends with 2. Processes that
            the application has forked end as they want to.
    """
    end, own = os._exit, os.getpid()

    def exit_now(*arguments: Any, **named: Any) -> NoReturn:
        if os.getpid() != own:
            end(*arguments, **named)
        status = [*arguments, *named.values()]
        last_words(f"ended the process: os._exit({', '.join(map(str, status))})")
        end(2)

    os._exit = exit_now
    try:
        yield
    finally:
        os._exit = end
