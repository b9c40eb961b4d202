"""What the pages of an application show of its workers, added up by PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pympler.leaks.report import VERDICTS, LeakSummary, Suspect, worst
from pympler.store import rows
from pympler.store.database import DatabaseStore
from pympler.store.heard import (
    MOST_ACCUSERS,
    MOST_TOLD,
    FleetClass,
    FleetSuspect,
    Heard,
    urgency,
)

__all__ = ["LATELY", "classes", "heard", "suspects"]

_MOST_HEARD = 2000

LATELY = (
    "s.worker IN (SELECT worker FROM pympler.summary "
    f"ORDER BY taken_at DESC, worker LIMIT {_MOST_HEARD})"
)
"""The condition for workers that pages speak of: those of a month may be many times as many."""

_URGENCY = f"coalesce(array_position(ARRAY{list(VERDICTS)!r}, h.verdict) - 1, {urgency(None)})"
_TOLD = f"SELECT data FROM pympler.summary ORDER BY taken_at DESC, worker LIMIT {MOST_TOLD}"
_SUMS = f"""
    SELECT count(*), coalesce(sum(requests), 0)::bigint, coalesce(sum(windows), 0)::bigint,
        array_agg(DISTINCT verdict), coalesce(max(overhead), 0)
    FROM pympler.summary s WHERE {LATELY}"""
_NAMES = "SELECT DISTINCT unnest(s.{column}) FROM pympler.summary s WHERE {lately}"
# The worker that tells of a suspect is one whose line is known, if there is one.
_SUSPECTS = f"""
    SELECT h.method, h.route, h.holder, (array_agg(h.verdict ORDER BY {_URGENCY}))[1], count(*),
        (array_agg(s.worker ORDER BY {_URGENCY}, h.line IS NULL, s.taken_at DESC,
            s.worker))[1:{MOST_ACCUSERS}]
    FROM pympler.summary s CROSS JOIN LATERAL unnest(s.held_methods, s.held_routes,
        s.held_verdicts, s.holders, s.held_lines, s.held_bytes)
        AS h (method, route, verdict, holder, line, bytes)
    WHERE {LATELY} {{where}}
    GROUP BY 1, 2, 3 ORDER BY min({_URGENCY}), max(h.bytes) DESC"""
_CLASSES = f"""
    WITH lately AS (
        SELECT c.*, s.taken_at >= %s AS alive FROM pympler.summary s CROSS JOIN LATERAL
            unnest(s.classes, s.class_births, s.class_deaths, s.class_bytes)
            AS c (name, births, deaths, bytes)
        WHERE {LATELY}),
    living AS (SELECT *, alive OR NOT (SELECT bool_or(alive) FROM lately) AS counts FROM lately)
    SELECT name, sum(births)::bigint, sum(deaths)::bigint,
        coalesce(sum(births - deaths) FILTER (WHERE counts), 0)::bigint,
        coalesce(sum(bytes) FILTER (WHERE counts), 0)::bigint,
        coalesce(min(births - deaths) FILTER (WHERE counts), 0),
        coalesce(max(births - deaths) FILTER (WHERE counts), 0), count(*) FILTER (WHERE counts)
    FROM living GROUP BY name ORDER BY 5 DESC, name COLLATE "C\""""


def heard(store: DatabaseStore) -> Heard:
    """What the workers say of themselves."""
    ((number, requests, windows, verdicts, overhead),) = store._all(_plain, _SUMS)
    return Heard(
        workers=number,
        requests=requests,
        windows=windows,
        verdict=worst(verdicts or ()),
        overhead=overhead,
        notes=tuple(sorted(store._all(str, _NAMES.format(column="notes", lately=LATELY)))),
        unattributed=len(store._all(str, _NAMES.format(column="unattributed", lately=LATELY))),
        latest=tuple(store._all(rows.summary_from, _TOLD)),
    )


def suspects(store: DatabaseStore, method: str | None, route: str | None) -> list[FleetSuspect]:
    """The holders that the workers suspect, of all routes or of this one; the worst first."""
    where, values = "", []
    for name, wanted in (("method", method), ("route", route)):
        if wanted is not None:
            where += f" AND h.{name} = %s"
            values.append(rows.text_of(wanted))
    found = store._all(_plain, _SUSPECTS.format(where=where), values)
    told = _told_by(store, [accusers[0] for *_, accusers in found])
    return [
        FleetSuspect(
            told.get((accusers[0], verb, name, holder), Suspect(holder, "", 0.0, 0.0)),
            name,
            verb,
            verdict,
            workers,
            tuple(accusers),
        )
        for verb, name, holder, verdict, workers, accusers in found
    ]


def _told_by(store: DatabaseStore, workers: Sequence[str]) -> dict[tuple[str, ...], Suspect]:
    """What these workers, the first of them, tell of their suspects."""
    names = list(dict.fromkeys(workers))[:MOST_TOLD]
    sql = "SELECT data FROM pympler.summary WHERE worker = ANY(%s)"
    summaries: list[LeakSummary] = store._all(rows.summary_from, sql, [names]) if names else []
    return {
        (said.worker, rows.text_of(verb), rows.text_of(name), rows.text_of(each.holder)): each
        for said in summaries
        for verb, name, held in (
            ("", "", said.unattributed),
            *((route.method, route.route, route.suspects) for route in said.routes),
        )
        for each in held
    }


def classes(store: DatabaseStore, alive_since: float) -> list[FleetClass]:
    """The tracked classes, those with most bytes first."""
    return store._all(FleetClass, _CLASSES, [alive_since])


def _plain(*row: Any) -> tuple[Any, ...]:
    return row
