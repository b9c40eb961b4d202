"""What the pages of the fleet ask a store; answered from the summaries, or better by the store."""

from __future__ import annotations

from functools import cached_property
from typing import Protocol, TypeVar

from pympler.leaks.report import LeakSummary
from pympler.store import Moment, Store, rows
from pympler.store.fleet import (
    DayGrowth,
    Fleet,
    FleetRoute,
    Rollup,
    WorkerLife,
    by_verdict,
    fleet_of,
    growth_by_day,
    new_since,
    routes_of,
    selected,
    worst_workers,
)
from pympler.store.heard import FleetClass, FleetSuspect, Heard, classes_of, heard_of, suspects_of

__all__ = ["FleetReader", "SummaryReader", "reader_of"]

_OfRoute = TypeVar("_OfRoute", FleetRoute, FleetSuspect)


class FleetReader(Protocol):
    """Answers what is asked about all workers; raises ``StoreError`` where they cannot be read."""

    def fleet(
        self, since: float = 0.0, release: str | None = None, alive_since: float = 0.0
    ) -> Fleet:
        """What the workers say that were heard of since then, the worst of them by name."""

    def routes(self, since: float = 0.0) -> list[tuple[str, str, str | None]]:
        """Method, route and worst verdict of the routes heard of since then, the worst first."""

    def releases(self) -> list[str]:
        """The releases that workers have reported of, the latest started first."""

    def new_since(self, release: str) -> list[FleetRoute]:
        """Routes that are bad in this release and were not in those started before it."""

    def growth(self, route: str, method: str = "", since: float = 0.0) -> list[DayGrowth]:
        """What a route left behind by day and release, oldest first."""

    def workers(self) -> list[tuple[str, float]]:
        """Each worker and when it was heard of last, the latest first."""

    def summary(self, worker: str) -> LeakSummary | None:
        """The last that this worker said."""

    def lives(self, host: str, most: int = 50) -> list[WorkerLife]:
        """The workers of a host, the latest started first."""

    def moments(self, worker: str, most: int = 300) -> list[Moment]:
        """The readings of this worker over its life, about so many of them, oldest first."""

    def heard(self) -> Heard:
        """What the workers say of themselves."""

    def routes_seen(self, method: str | None = None, route: str | None = None) -> list[FleetRoute]:
        """The routes of the workers, or this one alone; the method of jobs is empty."""

    def suspects(self, method: str | None = None, route: str | None = None) -> list[FleetSuspect]:
        """The holders that the workers suspect, of all routes or of this one; the worst first."""

    def classes(self, alive_since: float) -> list[FleetClass]:
        """The tracked classes, those with most bytes first."""


class SummaryReader:
    """Reads any store, whose workers are few: all are read, once, and added up here."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @cached_property
    def _summaries(self) -> list[LeakSummary]:
        return self._store.summaries()

    def fleet(
        self, since: float = 0.0, release: str | None = None, alive_since: float = 0.0
    ) -> Fleet:
        """What the workers say that were heard of since then."""
        return fleet_of(selected(self._summaries, since=since, release=release), alive_since)

    def routes(self, since: float = 0.0) -> list[tuple[str, str, str | None]]:
        """Method, route and worst verdict of the routes heard of since then, the worst first."""
        rows = self.fleet(since).routes
        return sorted(((row.method, row.route, row.verdict) for row in rows), key=by_verdict)

    def releases(self) -> list[str]:
        """The releases that workers have reported of, the latest started first."""
        started: dict[str, float] = {}
        for said in self._summaries:
            started[said.release] = min(started.get(said.release, said.started_at), said.started_at)
        return sorted(started, key=lambda name: (-started[name], name))

    def new_since(self, release: str) -> list[FleetRoute]:
        """Routes that are bad in this release and were not in those started before it."""
        return new_since(self._summaries, release)

    def growth(self, route: str, method: str = "", since: float = 0.0) -> list[DayGrowth]:
        """What a route left behind by day and release, from roll-ups or the reports kept."""
        rollups = getattr(self._store, "rollups", None)
        if rollups is not None:
            return growth_by_day(rollups(since), route, method)
        kept = (report for report in self._store.reports() if report.started_at >= since)
        return growth_by_day((Rollup(*row) for row in rows.add_up(kept)), route, method)

    def workers(self) -> list[tuple[str, float]]:
        """Each worker and when it was heard of last, the latest first."""
        read = getattr(self._store, "workers", None)
        if read is not None:
            return list(read())
        return [(said.worker, said.taken_at) for said in self._summaries]

    def summary(self, worker: str) -> LeakSummary | None:
        """The last that this worker said."""
        return next((said for said in self._summaries if said.worker == worker), None)

    def lives(self, host: str, most: int = 50) -> list[WorkerLife]:
        """The workers of a host, the latest started first."""
        found = worst_workers(said for said in self._summaries if said.host == host)
        return sorted(found, key=lambda life: -life.started_at)[:most]

    def moments(self, worker: str, most: int = 300) -> list[Moment]:
        """The readings of this worker over its life."""
        found = self._store.moments(workers=[worker])
        every = -(-len(found) // most) or 1
        return found[::every] if every > 1 else found

    def heard(self) -> Heard:
        """What the workers say of themselves."""
        return heard_of(self._summaries)

    def routes_seen(self, method: str | None = None, route: str | None = None) -> list[FleetRoute]:
        """The routes of the workers, or this one alone."""
        return _of(routes_of(self._summaries), method, route)

    def suspects(self, method: str | None = None, route: str | None = None) -> list[FleetSuspect]:
        """The holders that the workers suspect, of all routes or of this one; the worst first."""
        return _of(suspects_of(self._summaries), method, route)

    def classes(self, alive_since: float) -> list[FleetClass]:
        """The tracked classes, those with most bytes first."""
        return classes_of(self._summaries, alive_since)


def _of(found: list[_OfRoute], method: str | None, route: str | None) -> list[_OfRoute]:
    return [row for row in found if route in (None, row.route) and method in (None, row.method)]


def reader_of(store: Store) -> FleetReader:
    """A reader for one page: that which a store has for itself, or one of its summaries."""
    make = getattr(store, "fleet_reader", None)
    reader: FleetReader = SummaryReader(store) if make is None else make()
    return reader
