"""The fleet, added up by PostgreSQL: thousands of workers, millions of reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pympler.leaks.report import VERDICTS, LeakSummary, RouteSummary, worst
from pympler.store import Moment, postgres_heard, rows
from pympler.store.database import DatabaseStore
from pympler.store.fleet import (
    DAY_S,
    MOST_ACCUSERS,
    SPOKEN_OF,
    DayGrowth,
    Fleet,
    FleetRoute,
    ReleaseOnHost,
    WorkerLife,
    by_verdict,
    newly_bad,
    rank,
)
from pympler.store.heard import FleetClass, FleetSuspect, Heard

__all__ = ["PostgresReader"]

_MOST_WORKERS = 50
_DIGITS = 18
_MOST_SPOKESMEN = 40

# Twice: what is added up for each release and host needs no sorting, and leaves little to sort. The
# worker that has seen most is the greatest of "its windows in 18 digits, its name".
_ROUTES = f"""
    SELECT method, route, verdict, sum(workers)::bigint, sum(requests)::bigint,
        sum(windows)::bigint, sum(bytes), sum(objects),
        (array_agg(spokesman ORDER BY spokesman DESC))[1:{MOST_ACCUSERS}],
        array_agg(DISTINCT release), array_agg(DISTINCT host)
    FROM (SELECT r.method, r.route, r.verdict, s.release, s.host, count(*) AS workers,
            sum(r.requests) AS requests, sum(r.windows) AS windows,
            sum(r.bytes * r.windows) AS bytes, sum(r.objects * r.windows) AS objects,
            max((CASE WHEN r.verdict = ANY(ARRAY{list(SPOKEN_OF)!r})
                THEN lpad(r.windows::text, {_DIGITS}, '0') || s.worker END) COLLATE "C")
                AS spokesman
        FROM pympler.summary s CROSS JOIN LATERAL unnest(s.methods, s.routes, s.verdicts,
            s.route_requests, s.route_windows, s.route_bytes, s.route_objects)
            AS r (method, route, verdict, requests, windows, bytes, objects)
        WHERE {{where}} GROUP BY 1, 2, 3, 4, 5) AS parts
    GROUP BY 1, 2, 3"""
_NAMES = """
    SELECT r.method, r.route, r.verdict FROM pympler.summary s
    CROSS JOIN LATERAL unnest(s.methods, s.routes, s.verdicts) AS r (method, route, verdict)
    WHERE s.taken_at >= %s GROUP BY 1, 2, 3"""
_GROUPS = """
    SELECT release, host, verdict, count(*), count(*) FILTER (WHERE taken_at >= %s),
        sum(requests)::bigint, sum(windows)::bigint, min(started_at), max(taken_at),
        sum(dropped)::bigint, array_agg(DISTINCT application)
    FROM pympler.summary s WHERE {where} GROUP BY 1, 2, 3"""
_LIFE = (
    "worker, host, pid, release, started_at, taken_at, requests, rss_bytes, rss_growth_bytes, "
    "verdict, dropped"
)
_WORST = f"array_position(ARRAY{list(VERDICTS)!r}, verdict) NULLS LAST, rss_growth_bytes DESC"


class PostgresReader:
    """Reads the fleet from the columns of its summaries and from the roll-ups."""

    def __init__(self, store: DatabaseStore) -> None:
        self._store = store

    def _all(self, make: Callable[..., Any], sql: str, values: Sequence[Any] = ()) -> list[Any]:
        return self._store._all(make, sql, values)

    def fleet(
        self, since: float = 0.0, release: str | None = None, alive_since: float = 0.0
    ) -> Fleet:
        """What the workers say that were heard of since then, the worst of them by name."""
        where = "s.taken_at >= %s"
        values: list[Any] = [since]
        if release is not None:
            where += " AND s.release = %s"
            values.append(rows.text_of(release))
        found = self._all(_plain, _GROUPS.format(where=where), [alive_since, *values])
        workers = self._all(
            WorkerLife,
            f"SELECT {_LIFE} FROM pympler.summary s WHERE {where} ORDER BY {_WORST} "
            f"LIMIT {_MOST_WORKERS}",
            values,
        )
        groups = _groups(found)
        return Fleet(
            applications=tuple(sorted({name for row in found for name in row[-1]})),
            verdict=worst(group.verdict for group in groups),
            routes=tuple(self._routes(where, values)),
            groups=tuple(groups),
            workers=tuple(workers),
        )

    def _routes(self, where: str, values: Sequence[Any]) -> list[FleetRoute]:
        by_route: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
        for row in self._all(_plain, _ROUTES.format(where=where), values):
            by_route.setdefault(row[:2], []).append(row[2:])
        routes = [_merged(key, parts) for key, parts in by_route.items()]
        routes.sort(key=lambda row: (rank(row.verdict), -row.bytes_per_request * row.requests))
        heard = self._speeches([row.accusers[0] for row in routes if row.verdict in SPOKEN_OF])
        return [_spoken_of(row, heard) for row in routes]

    def _speeches(self, accusers: Sequence[str]) -> dict[tuple[str, ...], RouteSummary]:
        """What those say of their routes that have seen most of them."""
        workers = list(dict.fromkeys(accusers))[:_MOST_SPOKESMEN]
        sql = "SELECT data FROM pympler.summary WHERE worker = ANY(%s)"
        return {
            (said.worker, rows.text_of(route.method), rows.text_of(route.route)): route
            for said in (self._all(rows.summary_from, sql, [workers]) if workers else [])
            for route in said.routes
        }

    def routes(self, since: float = 0.0) -> list[tuple[str, str, str | None]]:
        """Method, route and worst verdict of the routes heard of since then, the worst first."""
        found: dict[tuple[str, str], str | None] = {}
        for method, route, verdict in self._all(_plain, _NAMES, [since]):
            found[method, route] = worst((verdict, found.get((method, route))))
        return sorted(((*key, said) for key, said in found.items()), key=by_verdict)

    def releases(self) -> list[str]:
        """The releases that workers have reported of, the latest started first."""
        sql = (
            "SELECT release FROM pympler.summary GROUP BY release "
            'ORDER BY min(started_at) DESC, release COLLATE "C"'
        )
        return self._all(str, sql)

    def new_since(self, release: str) -> list[FleetRoute]:
        """Routes that are bad in this release and were not in those started before it."""
        name = rows.text_of(release)
        before = (
            "s.release <> %s AND s.started_at < "
            "(SELECT min(started_at) FROM pympler.summary WHERE release = %s)"
        )
        now = self._routes("s.release = %s", [name])
        return newly_bad(now, self._routes(before, [name, name]) if now else ())

    def growth(self, route: str, method: str = "", since: float = 0.0) -> list[DayGrowth]:
        """What a route left behind by day and release, oldest first."""
        day = f"floor(hour / {DAY_S}) * {DAY_S}"
        sql = (
            f"SELECT {day}, release, sum(reports)::bigint, sum(bytes)::float8 / sum(reports), "
            "sum(objects)::float8 / sum(reports), min(hour) FROM pympler.rollup "
            f"WHERE route = %s {'AND method = %s' if method else ''} AND hour >= %s "
            "GROUP BY 1, 2 HAVING sum(reports) > 0 ORDER BY 1, 2"
        )
        names = [rows.text_of(name) for name in (route, method)[: 2 if method else 1]]
        values = [*names, since // 3600 * 3600]
        return self._all(DayGrowth, sql, values)

    def workers(self) -> list[tuple[str, float]]:
        """Each worker and when it was heard of last, the latest first."""
        return self._store.workers()

    def summary(self, worker: str) -> LeakSummary | None:
        """The last that this worker said."""
        return self._store.summary(worker)

    def lives(self, host: str, most: int = 50) -> list[WorkerLife]:
        """The workers of a host, the latest started first."""
        sql = (
            f"SELECT {_LIFE} FROM pympler.summary WHERE host = %s ORDER BY started_at DESC LIMIT %s"
        )
        return self._all(WorkerLife, sql, [rows.text_of(host), most])

    def moments(self, worker: str, most: int = 300) -> list[Moment]:
        """The readings of this worker over its life: the last of each of so many parts of it."""
        name = rows.text_of(worker)
        sql = (
            "WITH mine AS MATERIALIZED (SELECT at, worker, data FROM pympler.moment "
            "WHERE worker = %s), life AS (SELECT min(at) AS first, "
            "greatest((max(at) - min(at)) / %s, 1) AS part FROM mine) "
            "SELECT at, worker, data FROM (SELECT DISTINCT ON (floor((at - first) / part)) "
            "at, worker, data FROM mine, life ORDER BY floor((at - first) / part), at DESC) kept "
            "ORDER BY at"
        )
        return self._all(rows.moment_from, sql, [name, most])

    def heard(self) -> Heard:
        """What the workers say of themselves."""
        return postgres_heard.heard(self._store)

    def routes_seen(self, method: str | None = None, route: str | None = None) -> list[FleetRoute]:
        """The routes of the workers heard of last, or this one alone."""
        where, values = postgres_heard.LATELY, []
        for name, wanted in (("method", method), ("route", route)):
            if wanted is not None:
                where += f" AND r.{name} = %s"
                values.append(rows.text_of(wanted))
        found = self._routes(where, values)
        if method is None or route is None:
            return found
        return [self._in_words(row) for row in found]

    def _in_words(self, row: FleetRoute) -> FleetRoute:
        """A route with its sentence, which others say only of what is bad."""
        if row.headline:
            return row
        sql = (
            "SELECT data FROM pympler.summary WHERE EXISTS (SELECT FROM unnest(methods, routes, "
            "verdicts) AS r (method, route, verdict) WHERE r.method = %s AND r.route = %s "
            "AND r.verdict IS NOT DISTINCT FROM %s) ORDER BY taken_at DESC LIMIT 1"
        )
        key = (row.method, row.route)
        speeches = (
            route
            for said in self._all(rows.summary_from, sql, [*key, row.verdict])
            for route in said.routes
            if (rows.text_of(route.method), rows.text_of(route.route)) == key
        )
        speech = next(speeches, None)
        if speech is None:
            return row
        return replace(row, headline=speech.headline, suspects=speech.suspects)

    def suspects(self, method: str | None = None, route: str | None = None) -> list[FleetSuspect]:
        """The holders that the workers suspect, of all routes or of this one; the worst first."""
        return postgres_heard.suspects(self._store, method, route)

    def classes(self, alive_since: float) -> list[FleetClass]:
        """The tracked classes, those with most bytes first."""
        return postgres_heard.classes(self._store, alive_since)


def _plain(*row: Any) -> tuple[Any, ...]:
    return row


def _merged(key: tuple[str, str], parts: list[tuple[Any, ...]]) -> FleetRoute:
    method, route = key
    leading = min(parts, key=lambda part: rank(part[0]))
    verdict, accusing, _, _, _, _, accusers, releases, hosts = leading
    windows = sum(part[3] for part in parts)
    return FleetRoute(
        route=route,
        method=method,
        verdict=verdict,
        headline="",
        requests=sum(part[2] for part in parts),
        windows=windows,
        bytes_per_request=sum(part[4] for part in parts) / (windows or 1),
        objects_per_request=sum(part[5] for part in parts) / (windows or 1),
        releases=tuple(sorted(releases)),
        hosts=tuple(sorted(hosts)),
        accusers=tuple(name[_DIGITS:] for name in accusers if name),
        accusing=accusing,
        workers=sum(part[1] for part in parts),
        suspects=(),
    )


def _spoken_of(row: FleetRoute, heard: dict[tuple[str, ...], RouteSummary]) -> FleetRoute:
    speech = heard.get((*row.accusers[:1], row.method, row.route))
    if speech is None:
        return row
    return replace(row, headline=speech.headline, suspects=speech.suspects)


def _groups(found: list[tuple[Any, ...]]) -> list[ReleaseOnHost]:
    by_group: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    for row in found:
        by_group.setdefault(row[:2], []).append(row[2:])
    groups = [
        ReleaseOnHost(
            release=release,
            host=host,
            workers=sum(part[1] for part in parts),
            alive=sum(part[2] for part in parts),
            requests=sum(part[3] for part in parts),
            windows=sum(part[4] for part in parts),
            verdict=worst(part[0] for part in parts),
            first_started_at=min(part[5] for part in parts),
            last_seen=max(part[6] for part in parts),
            dropped=sum(part[7] for part in parts),
        )
        for (release, host), parts in by_group.items()
    ]
    return sorted(groups, key=lambda group: -group.first_started_at)
