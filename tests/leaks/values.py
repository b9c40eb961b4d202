"""Reports, results and listings written out by hand, each with something to change."""

from __future__ import annotations

from typing import Any

from pympler.leaks.evidence import WindowResult, pack_ids
from pympler.leaks.listing import Listing
from pympler.leaks.report import LeakSummary, RequestReport, RouteSummary, Suspect, TypeCount
from pympler.leaks.survivors import TypeInfo
from pympler.leaks.window import Capture, Sweep

__all__ = ["a_report", "a_route", "a_summary", "births", "capture", "listing", "result", "sweep"]


def a_report(**changes: Any) -> RequestReport:
    values: dict[str, Any] = {
        "id": 7,
        "application": "shop",
        "release": "1.2",
        "pid": 4711,
        "route": "/cart/{id}",
        "method": "GET",
        "status": 200,
        "error": None,
        "started_at": 1_700_000_000.25,
        "duration_s": 0.0125,
        "attribution": "exact",
        "in_flight": 1,
        "survivors": (TypeCount("shop.Order", 2, 3000), TypeCount("dict", 1, 232)),
        "rechecked": "collected",
        "unfollowed": 0,
        "own_cost_s": 0.000123,
    }
    return RequestReport(**{**values, **changes})


def a_route(**changes: Any) -> RouteSummary:
    suspect = Suspect(
        holder="shop.cart._CACHE",
        type="dict",
        growth_per_request=1.0,
        bytes_per_request=3232.0,
        stored_at="shop/cart.py:41",
        evidence="no bound seen in 500 requests",
    )
    values: dict[str, Any] = {
        "route": "/cart/{id}",
        "method": "GET",
        "verdict": "leak",
        "headline": "GET /cart/{id} leaks",
        "requests": 500,
        "windows": 50,
        "exact_windows": 49,
        "objects_per_request": 3.0,
        "bytes_per_request": 3232.0,
        "survivors": (TypeCount("shop.Order", 2, 3000),),
        "suspects": (suspect,),
    }
    return RouteSummary(**{**values, **changes})


def a_summary(**changes: Any) -> LeakSummary:
    values: dict[str, Any] = {
        "application": "shop",
        "release": "1.2",
        "pid": 4711,
        "started_at": 1_700_000_000.25,
        "requests": 500,
        "windows": 50,
        "sample_rate": 0.1,
        "max_overhead": 0.01,
        "overhead": 0.0025,
        "verdict": "leak",
        "routes": (a_route(),),
        "notes": ("gc is disabled",),
    }
    return LeakSummary(**{**values, **changes})


def result(
    counts: dict[str, int] | None = None,
    *,
    exact: bool = True,
    collected: bool = True,
    ids: tuple[int, ...] = (),
) -> WindowResult:
    counts = counts or {}
    return WindowResult(counts, 100 * sum(counts.values()), exact, collected, pack_ids(ids))


def listing(*ids: int) -> Listing:
    return Listing(list(ids), [dict] * len(ids))


def capture(
    epoch: int, *young: int, generation: int = 0, old: list[int] | None = None, dropped: int = 0
) -> Capture:
    return Capture(epoch, generation, listing(*young), old, dropped)


def sweep(*young: int, captures: tuple[Capture, ...] = ()) -> Sweep:
    return Sweep(list(captures), listing(*young))


def births(*ids: int, name: str = "shop.Order") -> dict[int, TypeInfo]:
    return {item: TypeInfo(name, 48) for item in ids}
