"""What the monitor of a worker says, for the driver of the demo to fetch."""

from __future__ import annotations

from typing import Any

from pympler.leaks import LeakMonitor

SETTINGS: dict[str, Any] = {
    "sample_rate": 0.5,
    "max_overhead": 0.1,
    "ignore_routes": ["*memory.json"],
}
"""The same for all three. Every second request is watched; by default it is one in ten."""


def memory_json(monitor: LeakMonitor) -> dict[str, Any]:
    """The summary and the last reports as JSON-ready data."""
    reports = [report.to_dict() for report in monitor.store.reports()]
    return {"summary": monitor.summary().to_dict(), "reports": reports}
