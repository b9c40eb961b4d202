"""Metrics for Prometheus, right in its multiprocess mode too."""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
except ImportError as error:
    raise ImportError(
        "pympler.metrics.prometheus needs prometheus_client: pip install 'pympler[prometheus]'"
    ) from error

from pympler.leaks.report import LeakSummary, RequestReport
from pympler.metrics import BYTE_BUCKETS, OBJECT_BUCKETS, is_bad, method_of, route_of
from pympler.process import private_bytes, resident_bytes

if TYPE_CHECKING:
    from pympler.leaks.monitor import LeakMonitor

__all__ = ["PrometheusMetrics"]

_LABELS = ("route", "method", "status")


class PrometheusMetrics:
    """Counts what a monitor reports into metrics of ``prometheus_client``.

    Plain metrics, which several processes may write (``PROMETHEUS_MULTIPROC_DIR``); gauges of
    workers that have ended go with ``multiprocess.mark_process_dead(pid)``.

    Args:
        registry: where the metrics are registered; one of these per registry.

    Example:
        >>> from prometheus_client import CollectorRegistry, generate_latest
        >>> from pympler.leaks import LeakMonitor
        >>> registry = CollectorRegistry()
        >>> monitor = LeakMonitor(store=None, sample_rate=1.0, application="nightly")
        >>> PrometheusMetrics(registry).watch(monitor)
        >>> with monitor.request("job"):
        ...     pass
        >>> monitor.close()
        >>> b'pympler_request_left_bytes_count{method="",route="job",status=""} 1.0' in (
        ...     generate_latest(registry))
        True
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._left_bytes = Histogram(
            "pympler_request_left_bytes",
            "Flat bytes that a watched request left behind",
            _LABELS,
            buckets=BYTE_BUCKETS,
            registry=registry,
        )
        self._left_objects = Histogram(
            "pympler_request_left_objects",
            "Objects that a watched request left behind",
            _LABELS,
            buckets=OBJECT_BUCKETS,
            registry=registry,
        )
        self._leaking = Gauge(
            "pympler_route_leaking",
            "1 if a worker has confirmed that the memory of this route grows",
            ("route", "method"),
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._memory = Gauge(
            "pympler_process_memory_bytes",
            "Memory of a worker: resident (rss), and shared with no other process (uss)",
            ("kind",),
            registry=registry,
            multiprocess_mode="liveall",
        )
        self._overhead = Gauge(
            "pympler_overhead_ratio",
            "CPU time of Pympler itself over wall time, over ten minutes at most",
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._dropped = Counter(
            "pympler_reports_dropped",
            "Reports that the store could not keep",
            registry=registry,
        )
        self._counted_drops: dict[str, int] = {}

    def watch(self, monitor: LeakMonitor) -> None:
        """Count what this monitor reports from now on."""
        monitor.observers.append(self)

    def take_report(self, report: RequestReport) -> None:
        """Called by the monitor with each report on a request."""
        if report.attribution == "none":
            return
        status = "" if report.status is None else str(report.status)
        labels = (route_of(report), method_of(report), status)
        self._left_bytes.labels(*labels).observe(report.flat_bytes)
        self._left_objects.labels(*labels).observe(report.objects)

    def take_summary(self, summary: LeakSummary) -> None:
        """Called by the monitor every few seconds, in its background thread."""
        for route in summary.routes:
            self._leaking.labels(route_of(route), method_of(route)).set(is_bad(route))
        self._memory.labels("rss").set(resident_bytes())
        self._memory.labels("uss").set(private_bytes())
        self._overhead.set(summary.overhead)
        new = summary.dropped - self._counted_drops.get(summary.worker, 0)
        self._counted_drops = {summary.worker: summary.dropped}
        self._dropped.inc(max(new, 0))
