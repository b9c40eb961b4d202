"""The exceptions that Pympler raises on purpose."""

from __future__ import annotations

__all__ = [
    "ApplicationError",
    "DumpError",
    "PymplerError",
    "SettingsError",
    "SnapshotError",
    "SnapshotFileError",
    "StoreError",
    "UsageError",
]


class PymplerError(Exception):
    """Base of every error that Pympler raises on purpose."""


class SettingsError(PymplerError, ValueError):
    """A setting is unknown, has a bad value, or belongs to a feature that is not built yet."""


class UsageError(PymplerError, ValueError):
    """A command was called with something it cannot use."""


class ApplicationError(PymplerError, RuntimeError):
    """The application under test failed: it raised, answered an error, or did not answer."""


class DumpError(PymplerError, ValueError):
    """A file holds no statistics that this version can read."""


class SnapshotError(PymplerError, RuntimeError):
    """A snapshot of the heap could not be taken: the process that walked it failed or was ended."""


class SnapshotFileError(PymplerError, ValueError):
    """A file holds no snapshot of a heap that this version can read."""


class StoreError(PymplerError, RuntimeError):
    """A store cannot be read or written; the message says why and how to mend it."""
