"""A monitor under requests that are counted, not timed."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from typing import Any

from pympler.leaks import LeakMonitor, LeakSummary, RouteSummary, Settings

__all__ = ["drive"]


def drive(
    routes: Mapping[str, Callable[[int], object]],
    requests: int,
    on_leak: Callable[[RouteSummary], object] | None = None,
    **options: Any,
) -> LeakSummary:
    """The summary after that many requests to each of the routes, in turn.

    The background thread does not tick within this time; its work is done here, at fixed numbers
    of requests.
    """
    values = {"sample_rate": 0.5, "max_overhead": 1.0, "deep": "never", **options}
    settings = Settings.from_mapping({"store": "memory:", **values}, environ={})
    monitor = LeakMonitor(settings, on_leak=on_leak)
    monitor._worker._interval_s = 600.0
    monitor._budget.allows_walk = lambda cost_s: True  # type: ignore[method-assign]
    gc.collect()
    try:
        for number in range(requests):
            for name, call in routes.items():
                request = monitor.begin()
                call(number)
                request.finish(f"/{name}", "GET", 200)
            if number % 40 == 20:
                gc.collect(0)
                monitor._tick()
        return monitor.summary()
    finally:
        monitor.close()
