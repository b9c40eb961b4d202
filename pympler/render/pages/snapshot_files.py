"""Files of heap snapshots: the one that somebody looks at is read once."""

from __future__ import annotations

import threading
from pathlib import Path

from pympler.errors import SnapshotFileError, StoreError
from pympler.graph.snapshot import HeapSnapshot
from pympler.render.pages.errors import MissingError

__all__ = ["Snapshots"]

_KEPT_S = 300.0


class Snapshots:
    """The snapshot that somebody is looking at, read once and let go of after some minutes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple[str, float] | None = None
        self._snapshot: HeapSnapshot | None = None
        self._used = 0.0

    def read(self, path: str, now: float) -> HeapSnapshot:
        """The snapshot in a file.

        Raises:
            MissingError: if the file is not there, or cannot be read from here.
            StoreError: if it holds no snapshot of this version.
        """
        with self._lock:  # one at a time: a large one takes seconds
            try:
                key = (path, Path(path).stat().st_mtime)
                if self._snapshot is None or self._key != key:
                    self._snapshot = None
                    self._snapshot, self._key = HeapSnapshot.load(path), key
            except (OSError, ValueError) as error:
                raise _unreadable(path, error) from error
            self._used = now
            return self._snapshot

    def let_go(self, now: float) -> None:
        """Forget a snapshot that nobody has looked at for some minutes; never waits."""
        if self._snapshot is not None and now - self._used > _KEPT_S:
            self._key = self._snapshot = None


def _unreadable(path: str, error: Exception) -> MissingError | StoreError:
    if isinstance(error, SnapshotFileError):
        return StoreError(f"The file of this snapshot cannot be read: {error}")
    return MissingError(
        f"The file of this snapshot, {path}, is not there; it was on the worker's machine, and "
        "goes when newer ones come. Take another snapshot."
    )
