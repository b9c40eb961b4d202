"""Rows: reports, summaries, moments and jobs as columns and JSON, for stores that are databases."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

from pympler.leaks.plain import to_dict
from pympler.leaks.report import LeakSummary, RequestReport
from pympler.store import Job, Moment

__all__ = [
    "REPORT_COLUMNS",
    "SORTED_BY",
    "add_up",
    "dump",
    "dump_report",
    "dump_summary",
    "job_from",
    "moment_from",
    "moment_row",
    "report_from",
    "report_row",
    "summary_from",
    "text_of",
]

HOUR_S = 3600.0
REPORT_COLUMNS = (
    "key", "started_at", "route", "method", "status", "worker", "release", "host",
    "bytes", "objects", "duration", "cost", "data",
)  # fmt: skip
SORTED_BY = {
    "newest": "started_at",
    "bytes": "bytes",
    "objects": "objects",
    "duration": "duration",
    "cost": "cost",
}
"""The column of each order of :class:`pympler.store.Query`."""

_NAMES = tuple(field.name for field in dataclasses.fields(RequestReport))
_ROWS = tuple(
    field.name
    for field in dataclasses.fields(RequestReport)
    if str(field.type).startswith("tuple") and field.name != "survivors"
)
_VALUES = attrgetter(*_NAMES)
# One encoder for all: json.dumps makes a new one at every call with arguments.
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def dump(value: Any) -> str:
    """JSON in ASCII, which every database takes, whatever a string contains."""
    return _encode(value)


def text_of(value: str) -> str:
    """A string that every database takes: without NUL and lone surrogates."""
    if value.isascii() and "\0" not in value:
        return value
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def dump_summary(summary: LeakSummary) -> str:
    """A summary as JSON, which :func:`summary_from` reads back."""
    return _encode_plain(summary)


def _fields_of(value: Any) -> dict[str, Any]:
    """The fields of a dataclass, whose own dataclasses the encoder asks for in their turn."""
    kind: Any = type(value)
    names, get = _getters(kind)
    return dict(zip(names, get(value), strict=True))


@functools.cache
def _getters(kind: Any) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    names = tuple(field.name for field in dataclasses.fields(kind))
    return names, attrgetter(*names)


# Several times as fast as a dictionary of dictionaries first.
_encode_plain = json.JSONEncoder(
    separators=(",", ":"), check_circular=False, default=_fields_of
).encode


def dump_report(report: RequestReport) -> str:
    """A report as JSON, which :func:`report_from` reads back."""
    return str(report_row(report)[-1])


def report_row(report: RequestReport) -> tuple[Any, ...]:
    """The values of :data:`REPORT_COLUMNS`; by hand, since every watched request pays for it."""
    worker = report.worker
    survivors = report.survivors
    values = dict(zip(_NAMES, _VALUES(report), strict=True))
    for name in _ROWS:
        if values[name]:
            values[name] = to_dict(values[name])
    values["survivors"] = left = []
    total_bytes = objects = 0
    for row in survivors:
        count, size = row.count, row.flat_bytes
        left.append({"type": row.type, "count": count, "flat_bytes": size})
        total_bytes += size
        objects += count
    return (
        f"{worker}.{report.id}",
        report.started_at,
        text_of(report.route),
        text_of(report.method),
        report.status,
        worker,
        text_of(report.release),
        text_of(report.host),
        total_bytes,
        objects,
        report.duration_s,
        report.own_cost_s,
        _encode(values),
    )


def add_up(batch: Iterable[Any]) -> list[tuple[Any, ...]]:
    """The reports of a batch added up by hour, route, method, release and host."""
    sums: dict[tuple[Any, ...], list[float]] = {}
    for report in batch:
        if type(report) is not RequestReport:
            continue
        hour = report.started_at // HOUR_S * HOUR_S
        key = (hour, report.route, report.method, report.release, report.host)
        found = sums.get(key)
        if found is None:
            found = sums[key] = [0, 0, 0, 0, 0.0]
        found[0] += 1
        found[1] += (report.status or 0) >= 500
        for row in report.survivors:
            found[2] += row.flat_bytes
            found[3] += row.count
        found[4] += report.duration_s
    return [(hour, *map(text_of, names), *added) for (hour, *names), added in sums.items()]


def report_from(data: str) -> RequestReport:
    """The report that a row describes."""
    return RequestReport.from_dict(json.loads(data))


def summary_from(data: str) -> LeakSummary:
    """The summary that a row describes."""
    return LeakSummary.from_dict(json.loads(data))


def moment_row(moment: Moment) -> tuple[float, str, str]:
    """Time, worker and the rest of a moment."""
    rest = {
        "requests": moment.requests,
        "rss_bytes": moment.rss_bytes,
        "uss_bytes": moment.uss_bytes,
        "blocks": moment.blocks,
        "lengths": dict(moment.lengths),
        "tracked": {name: list(pair) for name, pair in moment.tracked.items()},
    }
    return moment.at, moment.worker, _encode(rest)


_OF_A_MOMENT = frozenset(field.name for field in dataclasses.fields(Moment))


def moment_from(at: float, worker: str, data: str) -> Moment:
    """The moment that a row describes."""
    rest = json.loads(data)
    tracked = {name: (pair[0], pair[1]) for name, pair in rest.pop("tracked", {}).items()}
    if rest.keys() - _OF_A_MOMENT:  # a newer one's others
        rest = {name: value for name, value in rest.items() if name in _OF_A_MOMENT}
    return Moment(at, worker, tracked=tracked, **rest)


def job_from(
    id: str,
    kind: str,
    worker: str,
    created_at: float,
    arguments: str,
    state: str,
    progress: float,
    message: str,
    pause_s: float,
    finished_at: float | None,
    result: str | None = None,
) -> Job:
    """The job that a row describes; its arguments and result are JSON."""
    found = None if result is None else json.loads(result)
    given = json.loads(arguments)
    return Job(
        id, kind, worker, created_at, given, state, progress, message, pause_s, finished_at, found
    )
