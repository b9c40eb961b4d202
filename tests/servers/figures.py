"""What the applications under load say of their monitor, for who drives them."""

from __future__ import annotations

from typing import Any

from pympler.leaks import LeakMonitor

__all__ = ["figures"]


def figures(monitor: LeakMonitor) -> dict[str, Any]:
    """The summary as the drivers read it, and how the reports so far are attributed."""
    summary = monitor.summary()
    return {
        "requests": summary.requests,
        "windows": summary.windows,
        "overhead": summary.overhead,
        "routes": {route.route: [route.verdict, route.headline] for route in summary.routes},
        "unattributed": [suspect.holder for suspect in summary.unattributed],
        "attributions": sorted({report.attribution for report in monitor.store.reports()}),
    }
