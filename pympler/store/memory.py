"""The store in memory: the last reports of this process."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pympler.leaks.report import RequestReport

__all__ = ["MemoryStore"]


class MemoryStore:
    """Keeps the last ``keep`` reports of this process and forgets them with it.

    Example:
        >>> MemoryStore(keep=2).reports()
        []
    """

    def __init__(self, keep: int) -> None:
        self._reports: deque[RequestReport] = deque(maxlen=keep)

    def save(self, report: RequestReport) -> None:
        """Keep a report; the oldest gives way when there are too many."""
        self._reports.append(report)

    def reports(self) -> list[RequestReport]:
        """The reports kept, oldest first."""
        return list(self._reports)
