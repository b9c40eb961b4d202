"""Pools: the work that a request hands to a thread pool belongs to it.

Synchronous endpoints, dependencies and background tasks of Starlette and FastAPI run by
``anyio.to_thread.run_sync``, Django's synchronous views and ``asyncio.to_thread`` by
``loop.run_in_executor``. While these two are hooked, marks are put around the function in the
other thread, and it is known whether any request has such work: what is born in a pool and what in
the event loop meanwhile cannot be told apart by its place. Event loops that are no subclass of
asyncio's (uvloop) and process pools are left alone.

The hooks stay in between the requests, for as long as a monitor follows some: to put one in changes
the class of all event loops, and a class that was changed a thousand times loses its cache of
methods for good (CPython 3.13, ``MAX_VERSIONS_PER_CLASS``).
"""

from __future__ import annotations

import asyncio.base_events
import functools
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pympler.leaks.steps import CURRENT

__all__ = ["install", "keep_up", "overlapped", "uninstall"]

_Loop = asyncio.base_events.BaseEventLoop
_WAYS = 2
_lock = threading.RLock()
_users = 0
_hooks: list[tuple[Any, str, Any, Any]] = []
_running: deque[None] = deque()
_last_begun_s = 0.0


def install() -> None:
    """Hook the two ways into a thread pool, once; each call wants an :func:`uninstall`."""
    global _users
    with _lock:
        _users += 1
    keep_up()


def keep_up() -> None:
    """Hook what was imported only after :func:`install`."""
    if len(_hooks) == _WAYS:
        return
    with _lock:
        if not any(name == "run_in_executor" for _, name, _, _ in _hooks):
            _hook(_Loop, "run_in_executor", _executor_hook(_Loop.run_in_executor))
        to_thread = sys.modules.get("anyio.to_thread")
        if to_thread is not None and not any(owner is to_thread for owner, _, _, _ in _hooks):
            _hook(to_thread, "run_sync", _anyio_hook(to_thread.run_sync))


def uninstall() -> None:
    """Undo one :func:`install`; with the last one everything is as it was."""
    global _users
    with _lock:
        _users = max(_users - 1, 0)
        while _hooks and not _users:
            owner, name, hook, original = _hooks.pop()
            if getattr(owner, name, None) is hook:  # or somebody has put theirs around it
                setattr(owner, name, original)


def overlapped(since_s: float) -> bool:
    """Whether any request has had work in a thread pool since then (``time.perf_counter()``)."""
    return bool(_running) or _last_begun_s >= since_s


def _hook(owner: Any, name: str, hook: Any) -> None:
    _hooks.append((owner, name, hook, getattr(owner, name)))
    setattr(owner, name, hook)


def _anyio_hook(original: Any) -> Any:
    @functools.wraps(original)
    async def run_sync(function: Any, *args: Any, **options: Any) -> Any:
        return await original(_marked(function), *args, **options)

    return run_sync


def _executor_hook(original: Any) -> Any:
    @functools.wraps(original)
    def run_in_executor(loop: Any, executor: Any, function: Any, *args: Any) -> Any:
        pool = executor or getattr(loop, "_default_executor", None)
        if pool is None or isinstance(pool, ThreadPoolExecutor):
            function = _marked(function)
        return original(loop, executor, function, *args)

    return run_in_executor


def _marked(function: Callable[..., Any]) -> Callable[..., Any]:
    steps = CURRENT.get()
    if steps is not None and steps.is_open:
        function = steps.in_thread(function)

    def pympler_counted(*args: Any, **kwargs: Any) -> Any:
        global _last_begun_s
        _running.append(None)
        _last_begun_s = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            _running.pop()

    return pympler_counted
