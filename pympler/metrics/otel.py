"""Metrics for OpenTelemetry: its API alone; the application brings the SDK and the exporter."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

try:
    from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation, get_meter
except ImportError as error:
    raise ImportError(
        "pympler.metrics.otel needs the API of OpenTelemetry: pip install 'pympler[otel]'"
    ) from error

from pympler import __version__
from pympler.leaks.report import LeakSummary, RequestReport
from pympler.metrics import BYTE_BUCKETS, OBJECT_BUCKETS, is_bad, method_of, route_of
from pympler.process import ProcessMemoryInfo, resident_bytes

if TYPE_CHECKING:
    from pympler.leaks.monitor import LeakMonitor

__all__ = ["OpenTelemetryMetrics"]

Observations = Iterable[Observation]


class OpenTelemetryMetrics:
    """Records what a monitor reports with the meter ``pympler``.

    Args:
        meter_provider: whose meter to take, the global one by default.
        runtime: whether to observe the process and its garbage collector as well, under the
            standard names (``process.memory.usage``, ``cpython.gc.collections``, ...); leave it
            off where an instrumentation of the system does so already.

    Example:
        >>> from pympler.leaks import LeakMonitor
        >>> monitor = LeakMonitor(application="nightly")
        >>> OpenTelemetryMetrics().watch(monitor)
        >>> monitor.close()
    """

    def __init__(
        self, meter_provider: MeterProvider | None = None, *, runtime: bool = False
    ) -> None:
        meter = get_meter("pympler", __version__, meter_provider)
        self._left_bytes = _histogram(
            meter,
            "pympler.http.request.memory.growth",
            "By",
            "Flat bytes that a watched request left behind",
            BYTE_BUCKETS,
        )
        self._left_objects = _histogram(
            meter,
            "pympler.http.request.objects",
            "{object}",
            "Objects that a watched request left behind",
            OBJECT_BUCKETS,
        )
        self._summary: LeakSummary | None = None
        meter.create_observable_gauge(
            "pympler.route.leaking",
            [self._observe_routes],
            description="1 if it is confirmed that the memory of this route grows",
        )
        meter.create_observable_gauge(
            "pympler.overhead",
            [self._observe_overhead],
            unit="1",
            description="CPU time of Pympler itself over wall time, over ten minutes at most",
        )
        meter.create_observable_counter(
            "pympler.reports.dropped",
            [self._observe_dropped],
            unit="{report}",
            description="Reports that the store could not keep",
        )
        if runtime:
            _observe_runtime(meter)

    def watch(self, monitor: LeakMonitor) -> None:
        """Record what this monitor reports from now on."""
        monitor.observers.append(self)

    def take_report(self, report: RequestReport) -> None:
        """Called by the monitor with each report on a request."""
        if report.attribution == "none":
            return
        attributes = _attributes(report)
        if report.status is not None:
            attributes["http.response.status_code"] = report.status
        if report.error is not None:
            attributes["error.type"] = report.error
        self._left_bytes.record(report.flat_bytes, attributes)
        self._left_objects.record(report.objects, attributes)

    def take_summary(self, summary: LeakSummary) -> None:
        """Called by the monitor every few seconds, in its background thread."""
        self._summary = summary

    def _observe_routes(self, options: CallbackOptions) -> Observations:
        routes = self._summary.routes if self._summary is not None else ()
        return [Observation(int(is_bad(route)), _attributes(route)) for route in routes]

    def _observe_overhead(self, options: CallbackOptions) -> Observations:
        return [] if self._summary is None else [Observation(self._summary.overhead)]

    def _observe_dropped(self, options: CallbackOptions) -> Observations:
        return [] if self._summary is None else [Observation(self._summary.dropped)]


def _histogram(meter: Any, name: str, unit: str, text: str, buckets: tuple[int, ...]) -> Any:
    try:
        return meter.create_histogram(
            name, unit, text, explicit_bucket_boundaries_advisory=list(buckets)
        )
    except TypeError:  # before API 1.30; a view can set the boundaries there
        return meter.create_histogram(name, unit, text)


def _attributes(report: Any) -> dict[str, str | int]:
    route, method = route_of(report), method_of(report)
    if not method:  # a job, with a label of the application's
        return {"pympler.label": route}
    known: dict[str, str | int] = {"http.request.method": method}
    if route:
        known["http.route"] = route
    return known


def _observe_runtime(meter: Any) -> None:
    def memory(options: CallbackOptions) -> Observations:
        return [Observation(resident_bytes())]

    def virtual(options: CallbackOptions) -> Observations:
        return [Observation(ProcessMemoryInfo().vsz)]

    for name, observe, text in (
        ("process.memory.usage", memory, "Resident memory"),
        ("process.memory.virtual", virtual, "Virtual memory"),
    ):
        meter.create_observable_up_down_counter(name, [observe], unit="By", description=text)
    for key, unit in (
        ("collections", "{collection}"),
        ("collected", "{object}"),
        ("uncollectable", "{object}"),
    ):
        name = key if key == "collections" else f"{key}_objects"
        meter.create_observable_counter(
            f"cpython.gc.{name}",
            [_generations(key)],
            unit=unit,
            description=f"The garbage collector: {name.replace('_', ' ')}, by generation",
        )


def _generations(key: str) -> Any:
    def observe(options: CallbackOptions) -> Observations:
        return [
            Observation(stats[key], {"cpython.gc.generation": generation})
            for generation, stats in enumerate(gc.get_stats())
        ]

    return observe
