"""What middleware and pages know of each other, in the scope of a request and in this process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from weakref import WeakSet

__all__ = [
    "MONITOR_KEY",
    "MOUNTED",
    "REQUEST_KEY",
    "ASGIApp",
    "Message",
    "Receive",
    "Scope",
    "Send",
]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

MONITOR_KEY = "pympler.monitor"
"""Key of the monitor in the scope of a request to the pages, which is not watched."""

MOUNTED: WeakSet[Any] = WeakSet()
"""The pages that somebody has mounted in this process, and so has asked for."""

REQUEST_KEY = "pympler"
"""Key of the :class:`~pympler.leaks.watched.WatchedRequest` in the scope of a request."""
