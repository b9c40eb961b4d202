"""Which request left what behind, who holds it, and at which line it was stored."""

from __future__ import annotations

from pympler.leaks.monitor import UNROUTED, ActiveRequest, LeakMonitor
from pympler.leaks.report import (
    Counters,
    LeakSummary,
    RequestReport,
    RouteSummary,
    Suspect,
    TypeCount,
)
from pympler.leaks.settings import Settings
from pympler.leaks.snapshots import snapshot

__all__ = [
    "UNROUTED",
    "ActiveRequest",
    "Counters",
    "LeakMonitor",
    "LeakSummary",
    "RequestReport",
    "RouteSummary",
    "Settings",
    "Suspect",
    "TypeCount",
    "snapshot",
]
