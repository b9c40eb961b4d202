"""What Prometheus and OpenTelemetry are told: names, units, labels, and nothing of a path."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, generate_latest

from pympler.leaks import UNROUTED, LeakMonitor
from pympler.leaks.report import TypeCount
from pympler.metrics.otel import OpenTelemetryMetrics
from pympler.metrics.prometheus import PrometheusMetrics
from tests.leaks.processes import run_alone
from tests.leaks.values import a_report, a_route, a_summary

ROOT = Path(__file__).resolve().parents[2]
LEFT = (TypeCount("shop.Order", 3, 5000),)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def scraped(registry: CollectorRegistry) -> dict[str, float]:
    """All samples after two reports and a summary."""
    metrics = PrometheusMetrics(registry)
    metrics.take_report(a_report(survivors=LEFT))
    metrics.take_report(a_report(survivors=(), route=UNROUTED, method="BREW", status=None))
    metrics.take_report(a_report(attribution="none", note="gc is disabled"))
    for dropped in (2, 5, 5):
        metrics.take_summary(a_summary(dropped=dropped, overhead=0.005))
    return samples(registry)


def samples(registry: CollectorRegistry) -> dict[str, float]:
    lines = generate_latest(registry).decode().splitlines()
    pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in pairs}


def test_prometheus_is_told_what_requests_left(scraped: dict[str, float]) -> None:
    labels = 'method="GET",route="/cart/{id}",status="200"'
    assert scraped[f"pympler_request_left_bytes_sum{{{labels}}}"] == 5000
    assert scraped[f"pympler_request_left_bytes_count{{{labels}}}"] == 1
    assert scraped[f"pympler_request_left_objects_sum{{{labels}}}"] == 3
    (bucket,) = [
        value
        for name, value in scraped.items()
        if name.startswith("pympler_request_left_bytes_bucket") and 'le="16384.0"' in name
        if "/cart/{id}" in name
    ]
    assert bucket == 1


def test_prometheus_is_told_no_names_that_clients_make_up(scraped: dict[str, float]) -> None:
    labels = 'method="_OTHER",route="",status=""'
    assert scraped[f"pympler_request_left_bytes_count{{{labels}}}"] == 1
    assert not any("BREW" in name or UNROUTED in name for name in scraped)


def test_prometheus_is_told_how_the_worker_is(scraped: dict[str, float]) -> None:
    assert scraped['pympler_route_leaking{method="GET",route="/cart/{id}"}'] == 1
    assert scraped["pympler_overhead_ratio"] == 0.005
    assert scraped["pympler_reports_dropped_total"] == 5
    assert scraped['pympler_process_memory_bytes{kind="rss"}'] > 1_000_000


def test_the_dashboard_shows_what_is_emitted(scraped: dict[str, float]) -> None:
    dashboard = json.loads((ROOT / "docs" / "grafana" / "pympler.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    shown = {name for text in expressions for name in re.findall(r"\bpympler_\w+", text)}
    emitted = {re.split(r"[{ ]", name)[0] for name in scraped}
    labels = {label for name in scraped for label in re.findall(r'(\w+)="', name)}
    # What Prometheus and its multiprocess mode add.
    labels |= {"instance", "pid", "le"}

    assert len(expressions) >= 6
    assert shown - emitted == set()
    grouped = [word for text in expressions for word in re.findall(r"by \(([^)]*)\)", text)]
    legends = [t["legendFormat"] for panel in dashboard["panels"] for t in panel["targets"]]
    asked = {part.strip() for words in grouped for part in words.split(",")}
    asked |= {label for text in legends for label in re.findall(r"{{(\w+)}}", text)}
    assert asked - labels == set()


MULTIPROCESS = """
    import os, sys, warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = sys.argv[1]
    from prometheus_client import CollectorRegistry, generate_latest, multiprocess
    from pympler.metrics.prometheus import PrometheusMetrics
    from tests.leaks.values import a_report, a_summary

    metrics = PrometheusMetrics()
    children = []
    for number in range(1, 3):
        child = os.fork()
        if not child:
            for _ in range(number):
                metrics.take_report(a_report())
            metrics.take_summary(a_summary(dropped=number, pid=number))
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    lines = generate_latest(registry).decode().splitlines()
    for name in ("left_bytes_count", "reports_dropped_total", "route_leaking", "memory_bytes"):
        print(name, sorted(line.rpartition(" ")[2] for line in lines
                           if name in line and line[0] != "#" and "uss" not in line)[:2]
              if "memory" not in name else len({part for line in lines if name in line
                                                for part in line.split('"') if part.isdigit()}))
    for child in children:
        multiprocess.mark_process_dead(child)
    lines = generate_latest(registry).decode().splitlines()
    print(sum("memory_bytes{" in line for line in lines))
"""


def test_prometheus_in_multiprocess_mode(tmp_path: Path) -> None:
    assert run_alone(MULTIPROCESS, tmp_path).splitlines() == [
        "left_bytes_count ['3.0']",
        "reports_dropped_total ['3.0']",
        "route_leaking ['1.0']",
        "memory_bytes 2",
        "0",
    ]


@pytest.fixture
def reader() -> Iterator[InMemoryMetricReader]:
    reader = InMemoryMetricReader()
    yield reader
    reader.shutdown()


def points(reader: InMemoryMetricReader) -> dict[str, tuple[str, list[Any]]]:
    """Unit and data points by name."""
    data = reader.get_metrics_data()
    assert data is not None
    return {
        metric.name: (metric.unit or "", list(metric.data.data_points))
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        if scope.scope.name == "pympler"
        for metric in scope.metrics
    }


def test_opentelemetry_is_told_the_same(reader: InMemoryMetricReader) -> None:
    provider = MeterProvider([reader], shutdown_on_exit=False)
    metrics = OpenTelemetryMetrics(provider)
    metrics.take_report(a_report(survivors=LEFT, error="KeyError", status=500))
    metrics.take_report(a_report(survivors=(), route="job:nightly", method="", status=None))
    metrics.take_report(a_report(survivors=(), route=UNROUTED, method="BREW"))
    metrics.take_summary(a_summary(dropped=2, overhead=0.005, routes=(a_route(verdict="clean"),)))

    found = points(reader)

    assert set(found) == {
        *("pympler.http.request.memory.growth", "pympler.http.request.objects"),
        *("pympler.route.leaking", "pympler.overhead", "pympler.reports.dropped"),
    }
    unit, growth = found["pympler.http.request.memory.growth"]
    assert unit == "By"
    by_route = {point.attributes.get("http.route", ""): point for point in growth}
    assert dict(by_route["/cart/{id}"].attributes) == {
        "http.route": "/cart/{id}",
        "http.request.method": "GET",
        "http.response.status_code": 500,
        "error.type": "KeyError",
    }
    assert by_route["/cart/{id}"].sum == 5000
    others = [dict(point.attributes) for point in growth if "http.route" not in point.attributes]
    assert {"pympler.label": "job:nightly"} in others
    assert {"http.request.method": "_OTHER", "http.response.status_code": 200} in others
    assert found["pympler.overhead"][1][0].value == 0.005
    assert found["pympler.reports.dropped"][1][0].value == 2
    assert found["pympler.route.leaking"][1][0].value == 0
    provider.shutdown()


def test_opentelemetry_knows_the_runtime_by_its_standard_names(
    reader: InMemoryMetricReader,
) -> None:
    provider = MeterProvider([reader], shutdown_on_exit=False)
    OpenTelemetryMetrics(provider, runtime=True)

    found = points(reader)

    units = {name: unit for name, (unit, _) in found.items()}
    assert units == {
        "process.memory.usage": "By",
        "process.memory.virtual": "By",
        "cpython.gc.collections": "{collection}",
        "cpython.gc.collected_objects": "{object}",
        "cpython.gc.uncollectable_objects": "{object}",
    }
    assert len(found["cpython.gc.collections"][1]) == 3
    assert found["process.memory.usage"][1][0].value > 1_000_000
    provider.shutdown()


def test_a_monitor_tells_its_observers_and_survives_their_faults(
    registry: CollectorRegistry,
) -> None:
    class Broken:
        def take_report(self, report: object) -> None:
            raise OSError("no room")

        take_summary = take_report

    monitor = LeakMonitor(sample_rate=1.0, max_overhead=1.0, deep="never")
    monitor.observers.append(Broken())
    PrometheusMetrics(registry).watch(monitor)
    for _ in range(3):
        with monitor.request("job"):
            pass
    monitor.close()

    found = samples(registry)
    assert found['pympler_request_left_bytes_count{method="",route="job",status=""}'] == 3
    assert "pympler_overhead_ratio" in found
