"""The fleet: what all workers together say, by route, release and host.

Functions from what a store gives (:meth:`Store.summaries`, ``rollups``) to frozen plain data.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pympler.leaks.report import VERDICTS, LeakSummary, RouteSummary, Suspect, worst

__all__ = [
    "DayGrowth",
    "Fleet",
    "FleetRoute",
    "ReleaseOnHost",
    "Rollup",
    "WorkerLife",
    "fleet_of",
    "growth_by_day",
    "new_since",
    "selected",
    "worst_workers",
]

DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class Rollup:
    """The reports of one route, release and host in one hour.

    Attributes:
        hour: its beginning, in seconds since the epoch.
        reports: watched requests; the sums are over them.
        errors: of them, those with a status of 500 or more.
    """

    hour: float
    route: str
    method: str
    release: str
    host: str
    reports: int
    errors: int
    bytes: int
    objects: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class FleetRoute:
    """A route as all workers see it.

    Attributes:
        verdict: the worst of them; headline: the sentence of the worker that has seen most of it.
        releases, hosts: where it is, with the workers that say so in ``accusers``.
        bytes_per_request, objects_per_request: means over the windows of all workers.
    """

    route: str
    method: str
    verdict: str | None
    headline: str
    requests: int
    windows: int
    bytes_per_request: float
    objects_per_request: float
    releases: tuple[str, ...]
    hosts: tuple[str, ...]
    accusers: tuple[str, ...]
    workers: int
    suspects: tuple[Suspect, ...]


@dataclass(frozen=True, slots=True)
class ReleaseOnHost:
    """What one release does on one host: its workers, alive or ended, taken together."""

    release: str
    host: str
    workers: int
    requests: int
    windows: int
    verdict: str | None
    first_started_at: float
    last_seen: float
    dropped: int


@dataclass(frozen=True, slots=True)
class WorkerLife:
    """One worker from its start to when it was last heard of.

    Attributes:
        rss_growth_bytes: resident memory gained in its life.
        verdict: the worst of its routes.
    """

    worker: str
    host: str
    pid: int
    release: str
    started_at: float
    last_seen: float
    requests: int
    rss_bytes: int
    rss_growth_bytes: int
    verdict: str | None
    dropped: int


@dataclass(frozen=True, slots=True)
class Fleet:
    """All workers of an application taken together; routes and workers the worst first."""

    applications: tuple[str, ...]
    verdict: str | None
    routes: tuple[FleetRoute, ...]
    groups: tuple[ReleaseOnHost, ...]
    workers: tuple[WorkerLife, ...]


@dataclass(frozen=True, slots=True)
class DayGrowth:
    """What a route left behind per watched request on one day under one release."""

    day: float
    release: str
    reports: int
    bytes_per_request: float
    objects_per_request: float


def selected(
    summaries: Iterable[LeakSummary], *, since: float = 0.0, release: str | None = None
) -> list[LeakSummary]:
    """The summaries of workers heard of since then, of one release if it is given."""
    return [
        summary
        for summary in summaries
        if summary.taken_at >= since and release in (None, summary.release)
    ]


def fleet_of(summaries: Sequence[LeakSummary]) -> Fleet:
    """What all workers together say."""
    by_route: dict[tuple[str, str], list[tuple[LeakSummary, RouteSummary]]] = defaultdict(list)
    by_group: dict[tuple[str, str], list[LeakSummary]] = defaultdict(list)
    for summary in summaries:
        by_group[summary.release, summary.host].append(summary)
        for route in summary.routes:
            by_route[route.method, route.route].append((summary, route))
    routes = [_merged(said) for said in by_route.values()]
    routes.sort(key=lambda row: (_rank(row.verdict), -row.bytes_per_request * row.requests))
    groups = [_group(*key, said) for key, said in by_group.items()]
    groups.sort(key=lambda row: -row.first_started_at)
    return Fleet(
        applications=tuple(sorted({summary.application for summary in summaries})),
        verdict=worst(summary.verdict for summary in summaries),
        routes=tuple(routes),
        groups=tuple(groups),
        workers=tuple(worst_workers(summaries)),
    )


def _merged(said: list[tuple[LeakSummary, RouteSummary]]) -> FleetRoute:
    verdict = worst(route.verdict for _, route in said)
    agreeing = [(summary, route) for summary, route in said if route.verdict == verdict]
    _, spokesman = max(agreeing, key=lambda pair: pair[1].windows)
    windows = sum(route.windows for _, route in said)
    suspects: dict[str, Suspect] = {}
    for _, route in sorted(agreeing, key=lambda pair: -pair[1].windows):
        for suspect in route.suspects:
            suspects.setdefault(suspect.holder, suspect)
    return FleetRoute(
        route=spokesman.route,
        method=spokesman.method,
        verdict=verdict,
        headline=spokesman.headline,
        requests=sum(route.requests for _, route in said),
        windows=windows,
        bytes_per_request=_mean([(r.bytes_per_request, r.windows) for _, r in said]),
        objects_per_request=_mean([(r.objects_per_request, r.windows) for _, r in said]),
        releases=tuple(sorted({summary.release for summary, _ in agreeing})),
        hosts=tuple(sorted({summary.host for summary, _ in agreeing})),
        accusers=tuple(sorted(summary.worker for summary, _ in agreeing)),
        workers=len(said),
        suspects=tuple(suspects.values()),
    )


def _mean(values: list[tuple[float, int]]) -> float:
    weight = sum(windows for _, windows in values)
    return sum(value * windows for value, windows in values) / weight if weight else 0.0


def _group(release: str, host: str, said: list[LeakSummary]) -> ReleaseOnHost:
    return ReleaseOnHost(
        release=release,
        host=host,
        workers=len(said),
        requests=sum(summary.requests for summary in said),
        windows=sum(summary.windows for summary in said),
        verdict=worst(summary.verdict for summary in said),
        first_started_at=min(summary.started_at for summary in said),
        last_seen=max(summary.taken_at for summary in said),
        dropped=sum(summary.dropped for summary in said),
    )


def worst_workers(summaries: Iterable[LeakSummary]) -> list[WorkerLife]:
    """The workers, those with the worst verdict and the most growth first."""
    lives = [
        WorkerLife(
            worker=summary.worker,
            host=summary.host,
            pid=summary.pid,
            release=summary.release,
            started_at=summary.started_at,
            last_seen=summary.taken_at,
            requests=summary.requests,
            rss_bytes=summary.counters.rss_bytes,
            rss_growth_bytes=summary.counters.rss_growth_bytes,
            verdict=summary.verdict,
            dropped=summary.dropped,
        )
        for summary in summaries
    ]
    return sorted(lives, key=lambda life: (_rank(life.verdict), -life.rss_growth_bytes))


def new_since(summaries: Sequence[LeakSummary], release: str) -> list[FleetRoute]:
    """Routes that leak or grow in this release and did not in those that were started before it."""
    started = [summary.started_at for summary in summaries if summary.release == release]
    if not started:
        return []
    now = fleet_of(selected(summaries, release=release)).routes
    earlier = [s for s in summaries if s.release != release and s.started_at < min(started)]
    before = {(row.method, row.route): row.verdict for row in fleet_of(earlier).routes}
    bad = ("leak", "native", "cyclic-garbage")
    return [
        row for row in now if row.verdict in bad and before.get((row.method, row.route)) not in bad
    ]


def growth_by_day(rollups: Iterable[Rollup], route: str, method: str = "") -> list[DayGrowth]:
    """What a route left behind per watched request, by day (UTC) and release, oldest first."""
    sums: dict[tuple[float, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in rollups:
        if row.route == route and method in ("", row.method):
            found = sums[row.hour // DAY_S * DAY_S, row.release]
            for place, value in enumerate((row.reports, row.bytes, row.objects)):
                found[place] += value
    return [
        DayGrowth(day, release, reports, left / reports, objects / reports)
        for (day, release), (reports, left, objects) in sorted(sums.items())
        if reports
    ]


def _rank(verdict: str | None) -> int:
    return len(VERDICTS) if verdict is None else VERDICTS.index(verdict)
