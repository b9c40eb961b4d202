"""Children: the tasks that a request starts belong to it.

Frameworks run endpoints, streams and timeouts in tasks of their own (Starlette's
``BaseHTTPMiddleware``, anyio's task groups, ``asyncio.gather``). While a request with steps is in
flight, the event loop has a task factory that gives its children steps too. A factory that was
there before goes on making the tasks, and comes back when the last such request has ended.
"""

from __future__ import annotations

import asyncio
import types
import weakref
from typing import Any

from pympler.leaks.steps import CURRENT, SteppedCoroutine
from pympler.leaks.timers import note_loop

__all__ = ["adopt", "release"]


class _Factory:
    """Makes the tasks of one event loop."""

    def __init__(self, previous: Any) -> None:
        self.previous = previous
        self.users = 0

    def __call__(self, loop: Any, coroutine: Any, **options: Any) -> Any:
        context = options.get("context")
        steps = CURRENT.get() if context is None else context.get(CURRENT)
        if steps is not None and steps.is_open and type(coroutine) is types.CoroutineType:
            coroutine = SteppedCoroutine(coroutine, steps)
        make = self.previous
        if make is None:
            return asyncio.Task(coroutine, loop=loop, **options)
        return make(loop, coroutine, **options)


_factories: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Factory] = (
    weakref.WeakKeyDictionary()
)


def adopt() -> asyncio.AbstractEventLoop | None:
    """Follow the children of one more request of the running event loop.

    Returns:
        The loop, for :func:`release`; ``None`` if it is not one of asyncio (trio).
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return None
    factory = _factories.get(loop)
    if factory is None:
        note_loop(loop)
        factory = _factories[loop] = _Factory(loop.get_task_factory())
        loop.set_task_factory(factory)
    factory.users += 1
    return loop


def release(loop: asyncio.AbstractEventLoop | None) -> None:
    """That request has ended."""
    factory = _factories.get(loop) if loop is not None else None
    if loop is None or factory is None:
        return
    factory.users -= 1
    if factory.users > 0:
        return
    previous = factory.previous
    del _factories[loop]
    if loop.get_task_factory() is factory:  # or somebody has put theirs around it: then it stays
        loop.set_task_factory(previous)
