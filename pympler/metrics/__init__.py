"""Metrics: what a monitor finds out as numbers, for the systems that collect those.

:class:`pympler.metrics.prometheus.PrometheusMetrics` asks for the extra ``pympler[prometheus]``,
:class:`pympler.metrics.otel.OpenTelemetryMetrics` for ``pympler[otel]``.
"""

from __future__ import annotations

from pympler.leaks.monitor import UNROUTED
from pympler.leaks.report import RequestReport, RouteSummary

__all__ = ["BYTE_BUCKETS", "OBJECT_BUCKETS", "is_bad", "method_of", "route_of"]

BYTE_BUCKETS = tuple(2**power for power in range(8, 31, 2))
"""256 bytes to 1 GB; the usual buckets are for seconds."""

OBJECT_BUCKETS = tuple(4**power for power in range(10))
"""One object to a quarter of a million."""

_METHODS = frozenset(
    ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"]
)


def method_of(report: RequestReport | RouteSummary) -> str:
    """The HTTP method if it is a usual one: a client may send any, each another time series."""
    method = report.method.upper()
    return method if method in _METHODS or not method else "_OTHER"


def route_of(report: RequestReport | RouteSummary) -> str:
    """The route template or label, never a path; empty if it is not known."""
    return "" if report.route == UNROUTED else report.route


def is_bad(route: RouteSummary) -> bool:
    """Whether the memory of a route grows."""
    return route.verdict in ("leak", "native")
