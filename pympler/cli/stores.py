"""Finds the store that a command is to read, from its arguments and the environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

from pympler.errors import SettingsError, StoreError, UsageError
from pympler.store import Store
from pympler.store.open import SUFFIX, default_path, open_store, state_directory
from pympler.util.storeurl import parse_store_url

__all__ = ["add_arguments", "find_store"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that name a store: ``--store`` and ``--application``."""
    parser.add_argument(
        "--store",
        metavar="URL",
        help="the store, such as sqlite:///leaks.db; without it, what PYMPLER_STORE says",
    )
    parser.add_argument(
        "--application",
        metavar="NAME",
        help="the application whose store in your state directory is meant; not needed if there "
        "is only one, or if PYMPLER_APPLICATION says it",
    )


def find_store(arguments: argparse.Namespace, environ: Mapping[str, str] | None = None) -> Store:
    """The store that the arguments and the environment name; one that exists.

    Asked in turn: ``--store``, ``--application``, ``PYMPLER_STORE``, ``PYMPLER_APPLICATION``, and
    what lies in the state directory, if it is a single one.

    Raises:
        UsageError: if they name no store, or one that another process cannot read.
        StoreError: if it is not there or cannot be read.
    """
    environ = os.environ if environ is None else environ
    url = arguments.store or ("" if arguments.application else environ.get("PYMPLER_STORE", ""))
    application = arguments.application or environ.get("PYMPLER_APPLICATION", "")
    if url:
        return _of_url(url)
    path = default_path(application, environ) if application else _only_one(environ)
    if not path.exists():
        raise StoreError(
            f"there is no store of {application!r} at {path}; has the application served a "
            f"request, as this user?{_names(environ)}"
        )
    return _of_path(path)


def _of_url(url: str) -> Store:
    try:
        parsed = parse_store_url(url)
    except ValueError as error:
        raise UsageError(f"store {url!r}: {error}") from error
    if parsed.kind == "memory":
        raise UsageError("a store in memory is known to its own process alone; name another one")
    if parsed.kind == "sqlite":
        return _of_path(Path(parsed.location))
    try:
        return open_store(url)
    except SettingsError as error:
        raise UsageError(str(error)) from error


def _of_path(path: Path) -> Store:
    from pympler.store.sqlite import SqliteStore

    if not path.exists():
        raise StoreError(f"there is no store at {path}")
    store = SqliteStore(path)
    fault = store.status().fault
    if fault:
        store.close()
        raise StoreError(fault)
    return store


def _only_one(environ: Mapping[str, str]) -> Path:
    found = _found(environ)
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(
            f"no application has left a store in {state_directory(environ)}; name one with "
            "--store URL"
        )
    raise UsageError(f"which application? name it with --application{_names(environ)}")


def _found(environ: Mapping[str, str]) -> list[Path]:
    return sorted(state_directory(environ).glob(f"*{SUFFIX}"))


def _names(environ: Mapping[str, str]) -> str:
    names = ", ".join(repr(_application_of(path)) for path in _found(environ))
    return f" (there are: {names})" if names else ""


def _application_of(path: Path) -> str:
    """The name that finds this file again: what its workers say, or else the file's own."""
    from pympler.store.sqlite import SqliteStore

    try:
        with SqliteStore(path) as store:
            said = {summary.application for summary in store.summaries()}
    except StoreError:
        said = set()
    return next((name for name in sorted(said) if default_path(name).stem == path.stem), path.stem)
