"""What a panel of a debug toolbar shows: the same in Django's and in Flask's.

A toolbar keeps what its panels write down as JSON and renders them later, perhaps in another
process. So a panel writes down the key of the report and a few numbers, and what the request has
left behind is read when somebody opens it: by then it has been looked at again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pympler.errors import PymplerError
from pympler.leaks.monitor import UNROUTED, LeakMonitor
from pympler.leaks.report import ClassUse, LeakSummary, RequestReport, RouteSummary, Suspect
from pympler.leaks.verdict import plural, unattributed_line
from pympler.leaks.watched import WatchedRequest
from pympler.process import resident_bytes
from pympler.util.sizes import format_bytes, format_number

__all__ = ["TEMPLATES", "VERDICT_WORDS", "Shown", "subtitle", "view"]

TEMPLATES = Path(__file__).resolve().parent / "templates"
"""Folder of ``panel.html``, which both Django's templates and Jinja2 can read."""

VERDICT_WORDS = {
    "leak": "leaks",
    "native": "native growth",
    "cyclic-garbage": "cyclic garbage",
    "allocator": "allocator",
    "bounded": "bounded",
    "clean": "clean",
    None: "no verdict yet",
}

_MOST_ROWS = 50
_FIRST_WINDOWS = 2
_MOST_ROUTES = 10
_WAIT_FOR_THE_STORE_S = 2.0
_WAIT_FOR_THE_END_S = 0.5
_PAUSE_S = 0.05
_FIRST = "The first requests of a route fill caches and import modules: load it again to see less."
_OFF = "Pympler is disabled by its settings, so this request was not watched."


class Shown:
    """A request that a toolbar shows, from the moment that its panel begins.

    Args:
        watched: the request; from now on it has a window.
    """

    def __init__(self, watched: WatchedRequest) -> None:
        # Before the window: what is known of the routes by now, for the button of the panel.
        summary = watched.monitor.summary()
        self._verdicts = {(each.method, each.route): each.verdict for each in summary.routes}
        self._before_bytes = resident_bytes()
        self._key = watched.watch()

    def stats(self, method: str, route: str) -> dict[str, Any]:
        """What the panel writes down when the response is there: plain JSON.

        Args:
            method: HTTP method.
            route: route template, empty if there is none.
        """
        return {
            "key": self._key,
            "method": method,
            "route": route or UNROUTED,
            "rss_before_bytes": self._before_bytes,
            "rss_bytes": resident_bytes(),
            "verdict": self._verdicts.get((method, route or UNROUTED)),
        }


def subtitle(stats: Mapping[str, Any]) -> str:
    """The small line below the panel's name: resident memory, and whether the route leaks.

    Example:
        >>> subtitle({"rss_bytes": 1 << 26, "rss_before_bytes": 1 << 26, "verdict": "leak"})
        'leaks · 64.0 MB (+0 B)'
        >>> subtitle({})
        ''
    """
    words = [VERDICT_WORDS[stats["verdict"]]] if stats.get("verdict") in ("leak", "native") else []
    resident, before = _number(stats, "rss_bytes"), _number(stats, "rss_before_bytes")
    if resident:
        words.append(f"{format_bytes(resident)} ({_signed(resident - before)})")
    return " · ".join(words)


def view(
    stats: Mapping[str, Any], monitor: LeakMonitor, *, is_running: bool = False
) -> dict[str, Any]:
    """What the template of a panel is filled with: texts, numbers, lists and dictionaries of them.

    Args:
        stats: what :meth:`Shown.stats` gave, as the toolbar has kept it; may be empty.
        monitor: the monitor of this process.
        is_running: whether the request has not ended yet, so that there is no report.
    """
    if not monitor.settings.enabled:
        return {"message": _OFF}
    key = str(stats.get("key") or "")
    worker = key.rpartition(".")[0]
    if not key:
        return {"message": "Nothing was written down for this request."}
    try:
        report = None if is_running or not worker else _report(monitor, key)
        summary = _summary(monitor, worker)
        missing = _why_missing(monitor, worker, is_running=is_running)
    except PymplerError as error:
        return {"message": f"The reports cannot be read: {error}"}
    method, route = str(stats.get("method") or ""), str(stats.get("route") or "")
    if report is not None:
        method, route = report.method, report.route
    return {
        "message": "",
        "name": f"{method} {route}".strip(),
        "key": key,
        **_of_the_route(summary, method, route),
        "others": _others(summary, method, route),
        "unattributed": [unattributed_line(each) for each in summary.unattributed],
        "notes": list(summary.notes),
        "request": _of_the_request(report, summary) if report is not None else None,
        "missing": missing,
        "resident": _resident(stats),
    }


def _summary(monitor: LeakMonitor, worker: str) -> LeakSummary:
    own = monitor.summary()
    if own.worker == worker:
        return own
    return next((each for each in monitor.store.summaries() if each.worker == worker), own)


def _report(monitor: LeakMonitor, key: str) -> RequestReport | None:
    monitor.summary()  # looks again at what waits for it
    found = monitor.store.report(key)
    if found is None and monitor.store.flush(_WAIT_FOR_THE_STORE_S):
        found = monitor.store.report(key)
    # A browser may ask before the server has closed the response, with which the request ends.
    deadline_s = time.monotonic() + _WAIT_FOR_THE_END_S
    while found is None and time.monotonic() < deadline_s:
        time.sleep(_PAUSE_S)
        monitor.summary()
        found = monitor.store.report(key)
    return found


def _why_missing(monitor: LeakMonitor, worker: str, *, is_running: bool) -> str:
    if is_running:
        return (
            "The request is still running while this is drawn. Open it from the history to see "
            "what it has left behind."
        )
    if not monitor.store.status().shared and monitor.summary().worker != worker:
        return (
            "Another process has served this request and keeps its report in its own memory. "
            "With a store that all of them share, as in 'store': 'sqlite:///pympler.db', it would "
            "be here."
        )
    keep = monitor.settings.keep
    kept = f"the last {keep}" if keep else "the newest ones"
    return f"There is no report of this request any more: the store keeps {kept}."


def _of_the_route(summary: LeakSummary, method: str, route: str) -> dict[str, Any]:
    found = _find(summary, method, route)
    verdict = found.verdict if found is not None else None
    return {
        "verdict": verdict or "unknown",
        "verdict_words": VERDICT_WORDS.get(verdict, str(verdict)),
        "headline": found.headline if found is not None else "Its route was not watched before.",
        "suspects": [_suspect(each) for each in found.suspects] if found is not None else [],
    }


def _find(summary: LeakSummary, method: str, route: str) -> RouteSummary | None:
    here = (method, route)
    return next((each for each in summary.routes if (each.method, each.route) == here), None)


def _suspect(suspect: Suspect) -> dict[str, Any]:
    return {
        "holder": suspect.holder,
        "type": suspect.type,
        "growth": f"+{format_number(suspect.growth_per_request)}",
        "bytes": format_bytes(suspect.bytes_per_request) if suspect.bytes_per_request else "",
        "stored_at": suspect.stored_at or "not known yet",
        "evidence": suspect.evidence,
    }


def _others(summary: LeakSummary, method: str, route: str) -> list[str]:
    """The headlines of other routes that leak: whoever looks at a page wants to know."""
    here = (method, route)
    return [
        each.headline
        for each in summary.routes
        if each.verdict in ("leak", "native") and (each.method, each.route) != here
    ][:_MOST_ROUTES]


def _of_the_request(report: RequestReport, summary: LeakSummary) -> dict[str, Any]:
    found = _find(summary, report.method, report.route)
    is_first = found is None or found.windows <= _FIRST_WINDOWS
    rows = [
        {"type": row.type, "count": row.count, "bytes": format_bytes(row.flat_bytes)}
        for row in report.survivors[:_MOST_ROWS]
    ]
    more = len(report.survivors) - len(rows)
    return {
        "sentence": _sentence(report),
        "attribution": _attribution(report),
        "hint": _FIRST if is_first and report.survivors else "",
        "rows": rows,
        "more": f"and {plural(more, 'type')} more" if more > 0 else "",
        "classes": [_class_use(use) for use in report.classes],
        "cost": f"{report.own_cost_s * 1e6:,.0f} us",
    }


def _sentence(report: RequestReport) -> str:
    if report.attribution == "none":
        return f"It was not watched: {report.note or 'there was no window'}."
    unfollowed = ""
    if report.unfollowed:
        unfollowed = (
            f" {plural(report.unfollowed, 'object')} could not be followed, because a collection "
            "of older objects came between: load the page again to see them."
        )
    if not report.survivors:
        return ("" if unfollowed else "It left nothing behind.") + unfollowed.strip()
    left = f"It left {plural(report.objects, 'object')}, {format_bytes(report.flat_bytes)}"
    proof = (
        "which no collection would free."
        if report.rechecked == "collected"
        else "some of which may be garbage: the collector has not looked at all of them since."
    )
    return f"{left}, {proof}{unfollowed}"


def _attribution(report: RequestReport) -> str:
    if report.attribution == "none":
        return ""
    if report.attribution == "exact":
        return "No other request was in flight."
    return f"{plural(report.in_flight, 'request')} were in flight: any of them may have left this."


def _class_use(use: ClassUse) -> dict[str, Any]:
    return {
        "name": use.name,
        "births": use.births,
        "stayed": use.stayed,
        "live": use.live,
        "bytes": format_bytes(use.stayed_bytes),
        "sites": [f"{site.count} at {site.place}" for site in use.sites],
    }


def _resident(stats: Mapping[str, Any]) -> str:
    resident, before = _number(stats, "rss_bytes"), _number(stats, "rss_before_bytes")
    if not resident:
        return ""
    return f"{format_bytes(resident)} resident, {_signed(resident - before)} in this request"


def _number(stats: Mapping[str, Any], name: str) -> int:
    value = stats.get(name)
    return value if isinstance(value, int) else 0


def _signed(size: int) -> str:
    return f"-{format_bytes(-size)}" if size < 0 else f"+{format_bytes(size)}"
