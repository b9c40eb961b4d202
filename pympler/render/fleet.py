"""What all workers together say, as text for a terminal and as JSON-ready data."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from pympler.leaks.plain import to_dict
from pympler.leaks.report import Suspect
from pympler.leaks.verdict import overall, plural, unattributed_line
from pympler.store.fleet import BAD, Fleet, FleetRoute
from pympler.util.sizes import format_bytes

__all__ = ["FleetRenderer", "fleet_dict"]

_MARKS = {"leak": "!!", "native": "!!", None: "??"}


class FleetRenderer:
    """Renders a fleet as plain text.

    Args:
        most_workers: workers that are listed.
        now: the moment from which ages are told, in seconds since the epoch.
    """

    def __init__(self, most_workers: int = 10, now: float | None = None) -> None:
        self._most_workers = most_workers
        self._now = time.time() if now is None else now

    def render(self, fleet: Fleet, unattributed: Sequence[Suspect] = ()) -> str:
        """The fleet and what no route is blamed for, in lines, without a newline at the end."""
        names = ", ".join(fleet.applications) or "no application"
        requests = sum(group.requests for group in fleet.groups)
        verdict = overall(fleet.verdict, (route.verdict for route in fleet.routes))
        lines = [
            f"{names}: {verdict} ({plural(requests, 'request')}, "
            f"{plural(len(fleet.workers), 'worker')})"
        ]
        for route in fleet.routes:
            lines += self._route(route)
        lines += [f"  !! {unattributed_line(suspect)}" for suspect in unattributed]
        if fleet.groups:
            lines.append("releases:")
        for group in fleet.groups:
            name = group.release or "(no release)"
            where = f" on {group.host}" if group.host else ""
            lines.append(
                f"  {name}{where}: {group.verdict or 'no verdict'}, "
                f"{plural(group.workers, 'worker')}, {plural(group.requests, 'request')}, "
                f"last heard of {self._ago(group.last_seen)}{_dropped(group.dropped)}"
            )
        return "\n".join(lines + self._workers(fleet))

    def _route(self, route: FleetRoute) -> list[str]:
        lines = [f"  {_MARKS.get(route.verdict, 'ok')} {route.headline}"]
        if route.workers > 1 and route.verdict in BAD:
            lines.append(f"       said by {route.accusing} of {route.workers} workers")
        return lines

    def _workers(self, fleet: Fleet) -> list[str]:
        lines = ["workers:"] if fleet.workers else []
        for life in fleet.workers[: self._most_workers]:
            lived_s = life.last_seen - life.started_at
            lines.append(
                f"  {life.worker}: {life.verdict or 'no verdict'}, "
                f"{plural(life.requests, 'request')} in {_duration(lived_s)}, "
                f"{format_bytes(life.rss_bytes)} resident ({_signed(life.rss_growth_bytes)}), "
                f"last heard of {self._ago(life.last_seen)}{_dropped(life.dropped)}"
            )
        more = len(fleet.workers) - self._most_workers
        return [*lines, f"  and {plural(more, 'worker')} more"] if more > 0 else lines

    def _ago(self, moment: float) -> str:
        return f"{_duration(max(self._now - moment, 0.0))} ago"


def fleet_dict(fleet: Fleet, **about: Any) -> dict[str, Any]:
    """The fleet as JSON-ready data, with what else is known of the report."""
    return {"schema": 1, "error": None, **about, **to_dict(fleet)}


def _signed(size: int) -> str:
    return f"{'-' if size < 0 else '+'}{format_bytes(abs(size))}"


def _dropped(number: int) -> str:
    return f", {plural(number, 'report')} dropped" if number else ""


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
