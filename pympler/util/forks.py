"""Forks: what has to begin anew in a child, also where the server forks behind Python's back.

``os.fork`` calls what was registered with ``os.register_at_fork``; uWSGI forks in C, and calls it
only with its option ``py-call-osafterfork``. Whoever begins something asks therefore.
"""

from __future__ import annotations

import os
from collections.abc import Callable

__all__ = ["in_child", "notice_fork"]

_callbacks: list[Callable[[], None]] = []
_pid = os.getpid()


def in_child(callback: Callable[[], None]) -> None:
    """Have this called in each forked child, after those that were registered before."""
    _callbacks.append(callback)


def notice_fork() -> None:
    """Call them now if this is a child in which nobody has; costs a tenth of a microsecond."""
    if os.getpid() != _pid:
        _begin_in_child()


def _begin_in_child() -> None:
    global _pid
    _pid = os.getpid()
    for callback in _callbacks:
        callback()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)
