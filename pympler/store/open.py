"""Which store a URL or an application has, and where the default one lies."""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from pympler.errors import SettingsError, StoreError
from pympler.store import Store
from pympler.store.memory import MemoryStore
from pympler.util.storeurl import parse_store_url, without_password

__all__ = ["MEMORY_KEEP", "default_path", "open_store", "state_directory"]

logger = logging.getLogger("pympler")

MEMORY_KEEP = 200
"""Reports that a process keeps in its memory unless ``keep`` says otherwise."""

SUFFIX = ".db"
_MOST_LETTERS = 60
_warned: set[str] = set()


def open_store(url: str, *, application: str = "", keep: int | None = None) -> Store:
    """The store of this URL; without one the file of the application in the state directory.

    A file that a URL names is opened when it is first needed; what is wrong with it is then said
    by :meth:`Store.status` and in one line of the log. If the default file cannot be used, the
    store is in memory, and one warning says why.

    Args:
        url: as in the setting ``store``; empty for the default.
        application: the name of the application, for the default.
        keep: number of reports kept, ``None`` for the usual of the kind.

    Raises:
        SettingsError: if the URL names no store.

    Example:
        >>> open_store("memory:", keep=10).status().location
        'the memory of this process'
    """
    if not url:
        return _default(application, keep)
    try:
        parsed = parse_store_url(url)
    except ValueError as error:
        raise SettingsError(f"store {without_password(url)!r}: {error}") from error
    if parsed.kind == "memory":
        return MemoryStore(keep or MEMORY_KEEP)
    if parsed.kind == "postgresql":
        return _postgres(url)
    # Imported when asked for: who imports the stores first imports the monitor with it, and that
    # one opens stores.
    from pympler.store.sqlite import KEEP, SqliteStore

    return SqliteStore(parsed.location, keep or KEEP)


def _postgres(url: str) -> Store:
    try:
        from pympler.store.postgres import PostgresStore
    except ImportError as error:
        raise SettingsError(
            f"store {without_password(url)!r} needs psycopg: pip install 'pympler[postgres]' "
            f"({error})"
        ) from error
    try:
        return PostgresStore(url, spool=state_directory() / "spool")
    except ValueError as error:
        raise SettingsError(f"store {without_password(url)!r}: {error}") from error


def _default(application: str, keep: int | None) -> Store:
    from pympler.store.sqlite import KEEP, SqliteStore

    path = default_path(application)
    store = SqliteStore(path, keep or KEEP)
    try:
        if not path.is_absolute():
            raise StoreError("this user has no home directory; give 'store' a place")
        store.probe()
    except StoreError as error:
        store.close()
        if str(path) not in _warned:
            _warned.add(str(path))
            logger.warning("pympler keeps its reports in memory, per process: %s", error)
        return MemoryStore(keep or MEMORY_KEEP)
    return store


def default_path(application: str, environ: Mapping[str, str] | None = None) -> Path:
    """The file of an application, whatever its name contains.

    Example:
        >>> default_path("shop").name
        'shop.db'
    """
    letters = [x if x.isascii() and (x.isalnum() or x in "._-") else "-" for x in application]
    name = "".join(letters).lower().strip(".-")[:_MOST_LETTERS]
    if not name or name != application:  # so that no two share a file, on any system
        digest = hashlib.sha256(application.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        name = f"{name or 'application'}-{digest}"
    return state_directory(environ) / f"{name}{SUFFIX}"


def state_directory(environ: Mapping[str, str] | None = None, platform: str = sys.platform) -> Path:
    """Where this user's programs keep what they note down, with a folder for Pympler."""
    environ = os.environ if environ is None else environ
    home = Path(os.path.expanduser("~"))
    state = Path(environ.get("XDG_STATE_HOME", ""))
    if state.is_absolute():  # the specification: a relative one is to be ignored
        return state / "pympler"
    if platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "pympler"
    if platform == "darwin":
        return home / "Library" / "Application Support" / "pympler"
    return home / ".local" / "state" / "pympler"
