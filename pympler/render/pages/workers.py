"""Workers and their routes as pages name and order them."""

from __future__ import annotations

from collections.abc import Iterable

from pympler.store.fleet import FleetRoute
from pympler.store.heard import urgency

__all__ = ["worker_name", "worst_first"]


def worst_first(routes: Iterable[FleetRoute]) -> list[FleetRoute]:
    """Routes with the worst verdict first, then those that leave most behind."""
    return sorted(routes, key=lambda row: (urgency(row.verdict), -row.bytes_per_request, row.route))


def worker_name(worker: str) -> str:
    """A worker as people know it: its pid and its host.

    Example:
        >>> worker_name("web-1.4711.1764090000250")
        'pid 4711 on web-1'
    """
    host, _, rest = worker.partition(".")
    pid = rest.partition(".")[0]
    return f"pid {pid} on {host}" if pid else worker
