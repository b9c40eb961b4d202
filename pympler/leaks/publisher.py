"""Publisher: where reports and accusations go: the store, the log, the user's callback."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from pympler.leaks.guard import guard
from pympler.leaks.report import LeakSummary, RequestReport, RouteSummary, Suspect
from pympler.leaks.settings import Settings, resolve
from pympler.leaks.suspects import RouteKey
from pympler.leaks.verdict import request_line, unattributed_line
from pympler.store import Store

__all__ = ["Observer", "Publisher"]

logger = logging.getLogger("pympler")


class Observer(Protocol):
    """Is told of what the monitor finds out, such as metrics."""

    def take_report(self, report: RequestReport) -> None:
        """Called with each report, after its request has ended, in any thread."""

    def take_summary(self, summary: LeakSummary) -> None:
        """Called every few seconds in the background thread, and at the end."""


class Publisher:
    """Hands on what the monitor found; what goes wrong there is a fault of ours, logged once.

    Called outside any lock, since a store, a log handler and a callback are code of others.

    Args:
        settings: for the level of the log lines, and whom to call for a leak.
        store: keeps the reports.
        on_leak: called once for each route that a confirmed leak accuses, in place of the setting
            of this name.
        observers: are told of everything as well; the list of the monitor's user.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        on_leak: Callable[[RouteSummary], object] | None,
        observers: Sequence[Observer] = (),
    ) -> None:
        self._level = settings.log_level_number
        self._store = store
        self._on_leak = settings.on_leak if on_leak is None else on_leak
        self._observers = observers
        self._accused: set[RouteKey] = set()

    def publish(self, reports: Iterable[RequestReport]) -> None:
        """Keep and log reports on requests."""
        for report in reports:
            with guard("store a report"):
                self._store.save(report)
            with guard("log a report"):
                if logger.isEnabledFor(self._level):
                    logger.log(self._level, "%s", request_line(report))
            for observer in self._observers:
                with guard("tell an observer of a report"):
                    observer.take_report(report)

    def tell(self, summary: LeakSummary) -> None:
        """Tell the observers how the worker is doing."""
        for observer in self._observers:
            with guard("tell an observer of a summary"):
                observer.take_summary(summary)

    def announce(self, accusations: Iterable[RouteSummary | Suspect]) -> None:
        """Warn of confirmed leaks; a route is accused once."""
        for accused in accusations:
            with guard("announce a leak"):
                if isinstance(accused, Suspect):
                    logger.warning("%s", unattributed_line(accused))
                else:
                    self._accuse(accused)

    def _accuse(self, accused: RouteSummary) -> None:
        key = (accused.method, accused.route)
        if key in self._accused:
            return
        self._accused.add(key)
        logger.warning("%s", accused.headline)
        if self._on_leak is not None:
            resolve("on_leak", self._on_leak)(accused)
