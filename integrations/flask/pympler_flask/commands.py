"""``flask pympler report`` and ``flask pympler check``."""

from __future__ import annotations

import sys

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from pympler_flask.state import State

__all__ = ["loaded_application", "pympler_commands"]

_PASS_ON = {"ignore_unknown_options": True, "help_option_names": []}
_loaded: Flask | None = None


@click.group("pympler")
def pympler_commands() -> None:
    """Find out which request leaves what in memory."""


@pympler_commands.command("report", context_settings=_PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@with_appcontext
def report(arguments: tuple[str, ...]) -> None:
    """Say what the workers of this application have found out."""
    _run("report", [*_store(arguments), *arguments])


@pympler_commands.command("check", context_settings=_PASS_ON)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@with_appcontext
def check(arguments: tuple[str, ...]) -> None:
    """Find the requests of this application that leak: check --path '/cart/{n}'."""
    global _loaded
    _loaded = current_app._get_current_object()  # type: ignore[attr-defined]
    try:
        _run("check", [f"{__name__}:loaded_application()", *arguments])
    finally:
        _loaded = None


def loaded_application() -> Flask:
    """The application that the command ``flask`` has loaded, for ``flask pympler check``.

    Raises:
        RuntimeError: outside of that command.
    """
    if _loaded is None:
        raise RuntimeError("loaded_application() is for the command `flask pympler check` alone")
    return _loaded


def _store(arguments: tuple[str, ...]) -> list[str]:
    """The store that the application writes to, unless another one is named."""
    if any(argument.startswith(("--store", "--application")) for argument in arguments):
        return []
    state = current_app.extensions.get("pympler")
    if not isinstance(state, State):
        return []
    settings = state.monitor.settings
    if settings.store:
        return ["--store", settings.store]
    return ["--application", settings.application]


def _run(command: str, arguments: list[str]) -> None:
    from pympler.cli import main

    status = main([command, *arguments])
    if status:
        sys.exit(status)
