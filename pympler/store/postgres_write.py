"""What is sent to PostgreSQL: many reports or summaries in one statement, as arrays.

The arrays are written here, as text: psycopg takes ten times as long for a list, which was most of
what a report cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import psycopg

from pympler.leaks.report import LeakSummary
from pympler.store import Moment, rows

if TYPE_CHECKING:
    from psycopg import Connection

__all__ = ["array", "insert_moments", "insert_reports", "insert_summaries"]

_COLUMNS = ("day", *rows.REPORT_COLUMNS)
_TYPES = {
    "day": "integer",
    "started_at": "double precision",
    "status": "integer",
    "bytes": "bigint",
    "objects": "bigint",
    "duration": "double precision",
    "cost": "double precision",
}
# In one statement: only what is new is added up, so that a replay changes nothing. In the order of
# their keys, so that two workers cannot wait for each other's roll-ups.
_INSERT = f"""
    WITH fresh AS (
        INSERT INTO pympler.report ({", ".join(_COLUMNS)})
        SELECT * FROM unnest({", ".join(f"%s::{_TYPES.get(name, 'text')}[]" for name in _COLUMNS)})
        ON CONFLICT DO NOTHING
        RETURNING started_at, route, method, release, host, status, bytes, objects, duration)
    INSERT INTO pympler.rollup AS r
    SELECT floor(started_at / 3600) * 3600, route, method, release, host, count(*),
        count(*) FILTER (WHERE status >= 500), sum(bytes), sum(objects), sum(duration)
    FROM fresh GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT (hour, route, method, release, host) DO UPDATE SET
        reports = r.reports + excluded.reports, errors = r.errors + excluded.errors,
        bytes = r.bytes + excluded.bytes, objects = r.objects + excluded.objects,
        duration = r.duration + excluded.duration"""

_OF_A_SUMMARY = {
    "worker": "text",
    "taken_at": "double precision",
    "data": "text",
    "application": "text",
    "release": "text",
    "host": "text",
    "pid": "bigint",
    "started_at": "double precision",
    "requests": "bigint",
    "windows": "bigint",
    "rss_bytes": "bigint",
    "rss_growth_bytes": "bigint",
    "verdict": "text",
    "dropped": "bigint",
    # One array for each figure of its routes: a fleet is added up without reading the JSON.
    "methods": "text[]",
    "routes": "text[]",
    "verdicts": "text[]",
    "route_requests": "bigint[]",
    "route_windows": "bigint[]",
    "route_bytes": "double precision[]",
    "route_objects": "double precision[]",
    "overhead": "double precision",
    "notes": "text[]",
    "unattributed": "text[]",
    # Likewise of its suspects and of its tracked classes.
    "held_methods": "text[]",
    "held_routes": "text[]",
    "held_verdicts": "text[]",
    "holders": "text[]",
    "held_lines": "text[]",
    "held_bytes": "double precision[]",
    "classes": "text[]",
    "class_births": "bigint[]",
    "class_deaths": "bigint[]",
    "class_bytes": "bigint[]",
}
_SAY = f"""
    INSERT INTO pympler.summary ({", ".join(_OF_A_SUMMARY)})
    VALUES ({", ".join(f"%s::{kind}" for kind in _OF_A_SUMMARY.values())})
    ON CONFLICT (worker) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in _OF_A_SUMMARY if name != "worker")}"""


def array(values: Iterable[Any]) -> str:
    r"""An array as PostgreSQL reads it, of strings without NUL, numbers and ``None``.

    Example:
        >>> print(array(["plain", 'a "b"', None, 2.5]))
        {"plain","a \"b\"",NULL,2.5}
    """
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: Any) -> str:
    if isinstance(value, str):
        if "\\" in value or '"' in value:
            value = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{value}"'
    return "NULL" if value is None else repr(value)


def insert_reports(
    connection: Connection[Any], made: Sequence[tuple[Any, ...]], day_of: Callable[[float], int]
) -> None:
    """Write reports and add them to their roll-ups; those that are there already change nothing.

    Args:
        connection: to the database.
        made: values of :data:`rows.REPORT_COLUMNS`.
        day_of: the day of the partition for a moment; there is one.

    Raises:
        psycopg.DataError: if no database takes one of them, such as for a number out of its range.
    """
    if not made:
        return
    started = rows.REPORT_COLUMNS.index("started_at")
    days = [day_of(row[started]) for row in made]
    connection.execute(
        _INSERT, [array(days), *(array(column) for column in zip(*made, strict=True))]
    )


def insert_each(
    connection: Connection[Any], made: Sequence[tuple[Any, ...]], day_of: Callable[[float], int]
) -> int:
    """The same one by one, where one was refused; returns how many are."""
    refused = 0
    for row in made:
        try:
            insert_reports(connection, [row], day_of)
        except psycopg.DataError:
            refused += 1
    return refused


def insert_moments(
    connection: Connection[Any], moments: Iterable[Moment], day_of: Callable[[float], int]
) -> None:
    """Write readings of workers."""
    made = [(day_of(moment.at), *rows.moment_row(moment)) for moment in moments]
    if made:
        connection.execute(
            "INSERT INTO pympler.moment (day, at, worker, data) SELECT * FROM "
            "unnest(%s::integer[], %s::double precision[], %s::text[], %s::text[])",
            [array(column) for column in zip(*made, strict=True)],
        )


def insert_summaries(connection: Connection[Any], said: Iterable[tuple[str, LeakSummary]]) -> None:
    """Write what workers say in place of what they said before."""
    made: list[tuple[Any, ...]] = []
    # In the order of their keys, as for the roll-ups.
    for name, summary in sorted(said, key=lambda pair: pair[0]):
        routes = summary.routes
        figures: tuple[list[Any], ...] = (
            [rows.text_of(route.method) for route in routes],
            [rows.text_of(route.route) for route in routes],
            [route.verdict for route in routes],
            [route.requests for route in routes],
            [route.windows for route in routes],
            [route.bytes_per_request for route in routes],
            [route.objects_per_request for route in routes],
        )
        values = (
            name,
            summary.taken_at,
            rows.dump_summary(summary),
            rows.text_of(summary.application),
            rows.text_of(summary.release),
            rows.text_of(summary.host),
            summary.pid,
            summary.started_at,
            summary.requests,
            summary.windows,
            summary.counters.rss_bytes,
            summary.counters.rss_growth_bytes,
            summary.verdict,
            summary.dropped,
            *map(array, figures),
            summary.overhead,
            array(map(rows.text_of, summary.notes)),
            array(rows.text_of(each.holder) for each in summary.unattributed),
            *map(array, _held_by(summary)),
            array(rows.text_of(row.name) for row in summary.classes),
            array(row.births for row in summary.classes),
            array(row.deaths for row in summary.classes),
            array(row.live_bytes for row in summary.classes),
        )
        made.append(values)
    if made:
        with connection.cursor() as cursor:
            cursor.executemany(_SAY, made)


def _held_by(summary: LeakSummary) -> tuple[list[Any], ...]:
    """Of each suspect the method, route and verdict that it is of, its name, line and bytes."""
    found = [
        (route.method, route.route, route.verdict, suspect)
        for route in summary.routes
        for suspect in route.suspects
    ]
    found += [("", "", "leak", suspect) for suspect in summary.unattributed]
    return (
        [rows.text_of(method) for method, _, _, _ in found],
        [rows.text_of(route) for _, route, _, _ in found],
        [verdict for _, _, verdict, _ in found],
        [rows.text_of(suspect.holder) for _, _, _, suspect in found],
        [suspect.stored_at and rows.text_of(suspect.stored_at) for _, _, _, suspect in found],
        [suspect.bytes_per_request for _, _, _, suspect in found],
    )
