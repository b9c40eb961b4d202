"""Turns: who may change the state of a monitor."""

from __future__ import annotations

import threading
from types import TracebackType

__all__ = ["Turns"]

_PATIENCE_S = 0.1


class Turns:
    """A lock that can be refused.

    Whoever holds it allocates, and an allocation may start a collection, which runs finalizers of
    the application: one of them may end an abandoned request, in this very thread and in the
    middle of our own work, or wait for a lock of the application whose holder waits for this one.
    A request therefore asks for its turn, and leaves its end for later if it does not get it.

    Example:
        >>> turns = Turns()
        >>> with turns:
        ...     turns.enter()
        False
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._depth = 0

    def enter(self) -> bool:
        """Take the turn if it is free soon and this thread does not have it already.

        If it returns true, :meth:`leave` has to follow.
        """
        if not self._lock.acquire(True, _PATIENCE_S):
            return False
        if self._depth:
            self._lock.release()
            return False
        self._depth = 1
        return True

    def leave(self) -> None:
        """Give the turn to the next."""
        self._depth -= 1
        self._lock.release()

    def __enter__(self) -> None:
        """Wait for the turn, as long as it takes; may be nested."""
        self._lock.acquire()
        self._depth += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave()
