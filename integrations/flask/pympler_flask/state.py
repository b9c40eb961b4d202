"""What the extension keeps for an application, and commands and panel read."""

from __future__ import annotations

from dataclasses import dataclass

from pympler.leaks.monitor import LeakMonitor

__all__ = ["State"]


@dataclass(frozen=True, slots=True)
class State:
    """What the extension keeps per application, in ``app.extensions["pympler"]``."""

    monitor: LeakMonitor
