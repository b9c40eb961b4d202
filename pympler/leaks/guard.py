"""Keeps faults of our own away from the application.

This is the only place with a broad ``except``: every front end and background job wraps its
own work, and nothing of the application's, in ``with guard("what"):``.
"""

from __future__ import annotations

import logging
from types import TracebackType

__all__ = ["guard"]

logger = logging.getLogger("pympler")

_MOST_KINDS = 100
_reported: set[tuple[str, str]] = set()


class guard:  # noqa: N801 - reads as a verb: with guard("open window"):
    """Swallow and log an exception raised by our own work in the ``with`` block.

    A fault is logged with its traceback the first time that its kind (activity and exception
    type) appears, and never again in this process. ``KeyboardInterrupt``, ``SystemExit`` and
    the other exceptions that are no ``Exception`` pass through.

    Args:
        activity: what the block does, for the log line, e.g. ``"close window"``.

    Example:
        >>> with guard("divide"):
        ...     ratio = 1 / 2
        >>> ratio
        0.5
    """

    __slots__ = ("activity",)

    def __init__(self, activity: str) -> None:
        self.activity = activity

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if kind is None or not issubclass(kind, Exception):
            return False
        key = (self.activity, kind.__name__)
        if key not in _reported and len(_reported) < _MOST_KINDS:
            _reported.add(key)
            assert error is not None
            try:
                logger.warning(
                    "pympler could not %s (%s); the application is unaffected, "
                    "further faults of this kind are not logged",
                    self.activity,
                    kind.__name__,
                    exc_info=(kind, error, traceback),
                )
            except Exception:  # noqa: BLE001 - a log handler that raises may be the very fault
                return True
        return True
