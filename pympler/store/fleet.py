"""The fleet: what all workers together say, by route, release and host.

Functions from what a store gives (:meth:`Store.summaries`, ``rollups``) to frozen plain data.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pympler.leaks.report import VERDICTS, LeakSummary, RouteSummary, Suspect, worst

__all__ = [
    "ALIVE_S",
    "BAD",
    "DAY_S",
    "MOST_ACCUSERS",
    "SPOKEN_OF",
    "DayGrowth",
    "Fleet",
    "FleetRoute",
    "ReleaseOnHost",
    "Rollup",
    "WorkerLife",
    "by_verdict",
    "fleet_of",
    "growth_by_day",
    "new_since",
    "newly_bad",
    "rank",
    "routes_of",
    "selected",
    "unattributed_in",
    "worst_workers",
]

ALIVE_S = 180.0
"""A worker that was not heard of for longer has ended: an idle one says something once a minute."""

BAD = ("leak", "native", "cyclic-garbage")
"""Verdicts that make a route new in a release that did not have them before."""

SPOKEN_OF = (*BAD, "allocator")
"""Verdicts that somebody has to speak for: the headline says what is wrong, and who says so."""

MOST_ACCUSERS = 20
"""Workers that are named for a route."""

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
        releases, hosts: where it is.
        accusing: how many of the ``workers`` say so.
        accusers: of each release and host the worker that says so and has seen most; of
            verdicts in :data:`SPOKEN_OF`.
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
    accusing: int
    workers: int
    suspects: tuple[Suspect, ...]


@dataclass(frozen=True, slots=True)
class ReleaseOnHost:
    """What one release does on one host: its workers taken together.

    Attributes:
        workers: alive or ended; ``alive`` those that were heard of a short time ago.
    """

    release: str
    host: str
    workers: int
    alive: int
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
    """What a route left behind per watched request on one day under one release.

    Attributes:
        day: its beginning (UTC), in seconds since the epoch.
        first_hour: the first hour of that day in which it was seen.
    """

    day: float
    release: str
    reports: int
    bytes_per_request: float
    objects_per_request: float
    first_hour: float


def selected(
    summaries: Iterable[LeakSummary], *, since: float = 0.0, release: str | None = None
) -> list[LeakSummary]:
    """The summaries of workers heard of since then, of one release if it is given."""
    return [
        summary
        for summary in summaries
        if summary.taken_at >= since and release in (None, summary.release)
    ]


def unattributed_in(summaries: Iterable[LeakSummary]) -> tuple[Suspect, ...]:
    """The confirmed suspects that no route is blamed for, each as it grows fastest."""
    by_holder: dict[str, Suspect] = {}
    for suspect in (each for summary in summaries for each in summary.unattributed):
        known = by_holder.get(suspect.holder)
        if known is None or suspect.growth_per_request > known.growth_per_request:
            by_holder[suspect.holder] = suspect
    return tuple(by_holder.values())


def fleet_of(summaries: Sequence[LeakSummary], alive_since: float = 0.0) -> Fleet:
    """What all workers together say; those not heard of since then count as ended."""
    by_group: dict[tuple[str, str], list[LeakSummary]] = defaultdict(list)
    for summary in summaries:
        by_group[summary.release, summary.host].append(summary)
    routes = routes_of(summaries)
    routes.sort(key=lambda row: (rank(row.verdict), -row.bytes_per_request * row.requests))
    groups = [_group(*key, said, alive_since) for key, said in by_group.items()]
    groups.sort(key=lambda row: -row.first_started_at)
    return Fleet(
        applications=tuple(sorted({summary.application for summary in summaries})),
        verdict=worst(summary.verdict for summary in summaries),
        routes=tuple(routes),
        groups=tuple(groups),
        workers=tuple(worst_workers(summaries)),
    )


def routes_of(summaries: Iterable[LeakSummary]) -> list[FleetRoute]:
    """The routes that workers have seen, each taken together."""
    by_route: dict[tuple[str, str], list[tuple[LeakSummary, RouteSummary]]] = defaultdict(list)
    for summary in summaries:
        for route in summary.routes:
            by_route[route.method, route.route].append((summary, route))
    return [_merged(said) for said in by_route.values()]


def _merged(said: list[tuple[LeakSummary, RouteSummary]]) -> FleetRoute:
    verdict = worst(route.verdict for _, route in said)
    agreeing = [(summary, route) for summary, route in said if route.verdict == verdict]
    agreeing.sort(key=lambda pair: (pair[1].windows, pair[0].worker), reverse=True)
    _, spokesman = agreeing[0]
    accusers: dict[tuple[str, str], str] = {}
    for summary, _ in agreeing if verdict in SPOKEN_OF else ():
        accusers.setdefault((summary.release, summary.host), summary.worker)
    windows = sum(route.windows for _, route in said)
    suspects: dict[str, Suspect] = {}
    for _, route in agreeing:
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
        accusers=tuple(accusers.values())[:MOST_ACCUSERS],
        accusing=len(agreeing),
        workers=len(said),
        suspects=tuple(suspects.values()),
    )


def _mean(values: list[tuple[float, int]]) -> float:
    weight = sum(windows for _, windows in values)
    return sum(value * windows for value, windows in values) / weight if weight else 0.0


def _group(release: str, host: str, said: list[LeakSummary], alive_since: float) -> ReleaseOnHost:
    return ReleaseOnHost(
        release=release,
        host=host,
        workers=len(said),
        alive=sum(summary.taken_at >= alive_since for summary in said),
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
    return sorted(lives, key=lambda life: (rank(life.verdict), -life.rss_growth_bytes))


def new_since(summaries: Sequence[LeakSummary], release: str) -> list[FleetRoute]:
    """Routes that leak or grow in this release and did not in those that were started before it."""
    started = [summary.started_at for summary in summaries if summary.release == release]
    if not started:
        return []
    now = fleet_of(selected(summaries, release=release)).routes
    earlier = [s for s in summaries if s.release != release and s.started_at < min(started)]
    return newly_bad(now, fleet_of(earlier).routes)


def newly_bad(now: Iterable[FleetRoute], before: Iterable[FleetRoute]) -> list[FleetRoute]:
    """Of the routes of now those that leak or grow and did not before."""
    bad = {(row.method, row.route) for row in before if row.verdict in BAD}
    return [row for row in now if row.verdict in BAD and (row.method, row.route) not in bad]


def growth_by_day(rollups: Iterable[Rollup], route: str, method: str = "") -> list[DayGrowth]:
    """What a route left behind per watched request, by day (UTC) and release, oldest first."""
    sums: dict[tuple[float, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    first: dict[tuple[float, str], float] = {}
    for row in rollups:
        if row.route == route and method in ("", row.method):
            key = (row.hour // DAY_S * DAY_S, row.release)
            found = sums[key]
            for place, value in enumerate((row.reports, row.bytes, row.objects)):
                found[place] += value
            first[key] = min(first.get(key, row.hour), row.hour)
    return [
        DayGrowth(*key, reports, left / reports, objects / reports, first[key])
        for key, (reports, left, objects) in sorted(sums.items())
        if reports
    ]


def by_verdict(row: tuple[str, str, str | None]) -> tuple[int, str, str]:
    """A key to sort methods, routes and verdicts by, the worst verdict first."""
    return rank(row[2]), row[1], row[0]


def rank(verdict: str | None) -> int:
    """The place of a verdict, the worst first and no verdict last."""
    return len(VERDICTS) if verdict is None else VERDICTS.index(verdict)
