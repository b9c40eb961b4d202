"""Where reports are kept: a small protocol and its implementations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # pympler.leaks imports the stores, so that whoever comes first would not finish
    from pympler.leaks.report import RequestReport

__all__ = ["Store"]


class Store(Protocol):
    """Keeps request reports, a bounded number of them."""

    def save(self, report: RequestReport) -> None:
        """Keep a report; called after its request has ended, in any thread."""

    def reports(self) -> list[RequestReport]:
        """The reports kept, oldest first."""
