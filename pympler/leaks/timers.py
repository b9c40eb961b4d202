"""Timers of event loops: one that was cancelled stays for a while, and is nothing left behind.

Servers set one at the end of each request (how long a connection may idle) and cancel it as the
next request begins; the loop lets go of it when its time has come, or when they are many.
"""

from __future__ import annotations

import weakref
from collections.abc import Collection
from typing import Any

__all__ = ["CONTEXT", "TIMER", "note_loop", "waiting_timers"]

TIMER, CONTEXT = "asyncio.events.TimerHandle", "_contextvars.Context"
"""Names of the types of a timer, and of the context in which it runs."""

_loops: weakref.WeakSet[Any] = weakref.WeakSet()


def note_loop(loop: Any) -> None:
    """Requests run in this event loop."""
    _loops.add(loop)


def waiting_timers(wanted: Collection[int]) -> set[int] | None:
    """Of these timers, by id, those that will still run.

    ``None`` if it cannot be told: no loop is known, or one that keeps its timers elsewhere.
    """
    try:
        heaps = [object.__getattribute__(loop, "_scheduled") for loop in list(_loops)]
        timers = [timer for heap in heaps for timer in list(heap) if id(timer) in wanted]
    except (AttributeError, TypeError):
        return None
    return {id(timer) for timer in timers if not timer.cancelled()} if heaps else None
