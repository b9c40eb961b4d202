"""What all workers say, as one: routes with the worst verdict, suspects by their holder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pympler.leaks.report import VERDICTS, LeakSummary, Suspect
from pympler.store.fleet import FleetRoute, routes_of

__all__ = ["MergedSuspect", "merge_routes", "merge_suspects", "worker_name"]


@dataclass(frozen=True, slots=True)
class MergedSuspect:
    """A holder that workers suspect, with the route that feeds it.

    Attributes:
        route, method: empty if no single route could be blamed.
        verdict: of the route.
        workers: how many workers suspect it.
    """

    suspect: Suspect
    route: str
    method: str
    verdict: str | None
    workers: int


def merge_routes(summaries: Iterable[LeakSummary]) -> list[FleetRoute]:
    """The routes of all workers, the worst first, then those that leave most behind."""
    return sorted(
        routes_of(summaries),
        key=lambda route: (_rank(route.verdict), -route.bytes_per_request, route.route),
    )


def merge_suspects(summaries: Sequence[LeakSummary]) -> list[MergedSuspect]:
    """All suspects, each holder once per route, those of leaks first."""
    found: dict[tuple[str, str, str], list[tuple[Suspect, str | None]]] = {}
    for summary in summaries:
        for route in summary.routes:
            for suspect in route.suspects:
                key = (route.method, route.route, suspect.holder)
                found.setdefault(key, []).append((suspect, route.verdict))
        for suspect in summary.unattributed:
            found.setdefault(("", "", suspect.holder), []).append((suspect, "leak"))
    merged = []
    for (method, route_name, _), seen in found.items():
        suspect, verdict = min(seen, key=lambda pair: (_rank(pair[1]), not pair[0].stored_at))
        merged.append(MergedSuspect(suspect, route_name, method, verdict, len(seen)))
    merged.sort(key=lambda each: (_rank(each.verdict), -each.suspect.bytes_per_request))
    return merged


def _rank(verdict: str | None) -> float:
    # What is not known yet stands between what is bad and what is fine.
    return VERDICTS.index(verdict) if verdict in VERDICTS else VERDICTS.index("bounded") - 0.5


def worker_name(worker: str) -> str:
    """A worker as people know it: its pid and its host.

    Example:
        >>> worker_name("web-1.4711.1764090000250")
        'pid 4711 on web-1'
    """
    host, _, rest = worker.partition(".")
    pid = rest.partition(".")[0]
    return f"pid {pid} on {host}" if pid else worker
