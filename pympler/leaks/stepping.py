"""Stepping: an asynchronous front end awaits its application through here.

For asynchronous front ends only: it imports asyncio, which others do without.
"""

from __future__ import annotations

import time
import types
import weakref
from collections.abc import Awaitable, Coroutine
from contextvars import Token
from typing import Any, TypeVar, cast

from pympler.leaks import children, pools
from pympler.leaks.guard import guard
from pympler.leaks.monitor import LeakMonitor
from pympler.leaks.steps import CURRENT, RequestSteps, SteppedCoroutine
from pympler.leaks.watched import WatchedRequest

__all__ = ["run"]

T = TypeVar("T")

_BEGIN, _END = guard("follow the steps of a request"), guard("end the steps of a request")


async def run(watched: WatchedRequest, awaitable: Awaitable[T]) -> T:
    """Await the application, with marks around the steps of the request.

    Call it for requests of which ``watched.is_followed`` is true; the others have nothing to mark.
    """
    steps: RequestSteps | None = None
    token: Token[RequestSteps | None] | None = None
    loop = None
    began_s = 0.0
    with _BEGIN:
        steps = watched.step() if type(awaitable) is types.CoroutineType else None
        if steps is not None:
            _hook_pools(watched.monitor)
            began_s = time.perf_counter()
            loop = children.adopt()
            token = CURRENT.set(steps)
            awaitable = SteppedCoroutine(cast("Coroutine[Any, Any, T]", awaitable), steps)
        else:
            watched.goes_on()
    try:
        return await awaitable
    finally:
        if steps is not None:
            steps.close()
            steps.met_pools = pools.overlapped(began_s)
            with _END:
                children.release(loop)
                if token is not None:
                    CURRENT.reset(token)


def _hook_pools(monitor: LeakMonitor) -> None:
    """Hook the thread pools until the monitor is closed or gone."""
    if monitor.unhook is None:
        pools.install()
        monitor.unhook = weakref.finalize(monitor, pools.uninstall)
        monitor.unhook.atexit = False
    pools.keep_up()
