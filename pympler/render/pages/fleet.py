"""The fleet: all workers by release and host, growth over days, and the life of a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pympler.leaks.report import worst
from pympler.render.pages.answers import Rendered, Site, number_of
from pympler.render.pages.errors import MissingError
from pympler.render.pages.moments import memory_of_one
from pympler.store.fleet import ALIVE_S, DayGrowth, Fleet, rank
from pympler.store.fleet_reader import reader_of

__all__ = ["show"]

_PERIODS = {"1h": 3600.0, "24h": 86400.0, "7d": 7 * 86400.0, "30d": 30 * 86400.0}
_DAYS = (7, 30, 90, 365)
_DAY_S = 86400.0
_MOST_ROUTES, _MOST_GROUPS, _FEW_WORKERS, _MOST_ROWS = 200, 200, 10, 100

Curves = Mapping[str, Sequence[tuple[float, float]]]


def show(site: Site, rest: Sequence[str]) -> Rendered:
    """The overview, or one of the pages below it."""
    if not rest:
        return _overview(site)
    view = {"growth": _growth, "new": _new, "workers": _workers}.get(rest[0])
    if view is not None and len(rest) == 1:
        return view(site)
    if rest[0] == "workers" and len(rest) == 2:
        return _worker(site, rest[1])
    raise MissingError("There is no such page.")


def _overview(site: Site) -> Rendered:
    fleet, choices = _of_period(site)
    return Rendered(
        "fleet.html",
        {
            **choices,
            "fleet": fleet,
            "routes": fleet.routes[:_MOST_ROUTES],
            "groups": fleet.groups[:_MOST_GROUPS],
            "workers": fleet.workers[:_FEW_WORKERS],
            "number": sum(group.workers for group in fleet.groups),
            "alive": sum(group.alive for group in fleet.groups),
            "requests": sum(group.requests for group in fleet.groups),
            "hosts": len({group.host for group in fleet.groups}),
        },
    )


def _workers(site: Site) -> Rendered:
    """The worst workers of a period."""
    fleet, choices = _of_period(site)
    return Rendered(
        "fleet_workers.html",
        {
            **choices,
            "workers": fleet.workers[:_MOST_ROWS],
            "number": sum(group.workers for group in fleet.groups),
        },
    )


def _of_period(site: Site) -> tuple[Fleet, dict[str, object]]:
    """The fleet as it was in the period that is asked for, and what a form offers."""
    reader = reader_of(site.store)
    period, release = _asked(site)
    fleet = reader.fleet(site.now - _PERIODS[period], release, site.now - ALIVE_S)
    return fleet, {
        "period": period,
        "periods": list(_PERIODS),
        "release": release or "",
        "releases": _with(reader.releases(), release or ""),
        "alive_since": site.now - ALIVE_S,
    }


def _asked(site: Site) -> tuple[str, str | None]:
    """The period and the release that a form asks for; of the latter an empty one is any."""
    period = site.request.query.get("period") or "24h"
    if period not in _PERIODS:
        raise MissingError(f"There is no period {period[:40]!r}; use {', '.join(_PERIODS)}.")
    return period, site.request.query.get("release") or None


def _with(names: Sequence[str], chosen: str) -> list[str]:
    """What a form offers: the names there are, and the one that was asked for."""
    return [name for name in dict.fromkeys([*names, chosen]) if name]


def _growth(site: Site) -> Rendered:
    """What a route left behind, day by day, with the releases marked."""
    reader = reader_of(site.store)
    fields = site.request.query
    days = number_of(fields, "days", 30)
    if days not in _DAYS:
        raise MissingError(f"There is no period of {days} days; use {', '.join(map(str, _DAYS))}.")
    known = reader.routes(site.now - max(_PERIODS.values()))
    route, method = fields.get("route", ""), fields.get("method", "")
    if not route and known:
        route = known[0][1]
    grown = reader.growth(route, method, site.now - days * _DAY_S) if route else []
    verdicts = [said for how, name, said in known if name == route and method in ("", how)]
    return Rendered(
        "fleet_growth.html",
        {
            "route": route,
            "method": method,
            "days": days,
            "all_days": _DAYS,
            "routes": sorted(_with([name for _, name, _ in known], route)),
            "verdict": worst(verdicts),
            "rows": grown[::-1][:_MOST_ROWS],
            "left_out": max(len(grown) - _MOST_ROWS, 0),
            "bytes": _curves(grown, "bytes_per_request"),
            "objects": _curves(grown, "objects_per_request"),
            "marks": _marks(grown),
        },
    )


def _curves(grown: Sequence[DayGrowth], figure: str) -> Curves:
    """A curve for each release, the latest first."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for row in grown:
        points = curves.setdefault(row.release or "no release", [])
        points.append((max(row.day, row.first_hour), getattr(row, figure)))
    return dict(reversed(curves.items()))


def _marks(grown: Sequence[DayGrowth]) -> list[tuple[float, str]]:
    """When each release was first seen, but for the one that was there before."""
    first: dict[str, float] = {}
    for row in grown:
        first.setdefault(row.release, row.first_hour)
    began = min(first.values(), default=0.0)
    return [(moment, release) for release, moment in first.items() if moment > began]


def _new(site: Site) -> Rendered:
    """Routes that are bad in a release and were not before it."""
    reader = reader_of(site.store)
    releases = reader.releases()
    asked = site.request.query.get("release")
    release = asked if asked is not None else next(iter(releases), "")
    return Rendered(
        "fleet_new.html",
        {
            "release": release,
            "releases": _with(releases, release),
            "known": release in releases,
            "earlier": len(releases) > 1 and releases[-1] != release,
            "routes": reader.new_since(release)[:_MOST_ROUTES],
        },
    )


def _worker(site: Site, worker: str) -> Rendered:
    """One worker from its start to when it was last heard of, and those of its host."""
    reader = reader_of(site.store)
    summary = reader.summary(worker)
    if summary is None:
        raise MissingError(
            "There is no such worker; the store may have let go of it since it was last heard of."
        )
    moments = reader.moments(worker)
    return Rendered(
        "fleet_worker.html",
        {
            "worker": worker,
            "summary": summary,
            "routes": sorted(summary.routes, key=lambda row: rank(row.verdict))[:_MOST_ROUTES],
            "alive": summary.taken_at >= site.now - ALIVE_S,
            "alive_since": site.now - ALIVE_S,
            "curves": memory_of_one(moments),
            "last": max(moments[-1].at, summary.taken_at) if moments else summary.taken_at,
            "lives": reader.lives(summary.host),
        },
    )
