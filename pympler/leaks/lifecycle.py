"""Lifecycle: what becomes of the monitors of a process when it forks, and when it ends."""

from __future__ import annotations

import atexit
import weakref
from typing import Protocol

from pympler.leaks.guard import guard
from pympler.util.forks import in_child

__all__ = ["follow", "monitors"]


class Followed(Protocol):
    """A monitor, as far as it is told of its process."""

    def _end_with_process(self) -> None: ...

    def _begin_in_child(self) -> None: ...

    def close(self) -> None:
        """Watch no more."""


monitors: weakref.WeakSet[Followed] = weakref.WeakSet()
"""The monitors of this process that are alive."""


def follow(monitor: Followed) -> None:
    """Tell a monitor of the forks and of the end of its process; its store has been opened."""
    monitors.add(monitor)
    # The last to be registered is the first to be called: our end is before that of the store.
    atexit.unregister(_at_exit)
    atexit.register(_at_exit)


def _at_exit() -> None:
    for monitor in list(monitors):
        with guard("finish at the end of the process"):
            monitor._end_with_process()


def _after_fork_in_child() -> None:
    for monitor in list(monitors):
        monitor._begin_in_child()


in_child(_after_fork_in_child)
