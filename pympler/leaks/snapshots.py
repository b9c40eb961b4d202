"""``@snapshot``: the whole heap before and after each call of a view, kept for the pages."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar, cast

from pympler.leaks.jobs import TakenSnapshot
from pympler.leaks.lifecycle import monitors
from pympler.leaks.monitor import LeakMonitor

__all__ = ["snapshot"]

View = TypeVar("View", bound=Callable[..., Any])


def snapshot(view: View) -> View:
    """Compare the whole heap before and after each call of a view, sync or async.

    For development: the heap is walked twice per call, seconds each in a large process. The
    results are jobs ``"snapshot"`` in the store of the application's monitor; where there is no
    monitor, or several, nothing is done. Calls that overlap with another one are left out.

    Example:
        >>> @snapshot
        ... def cart():
        ...     return "three books"
        >>> cart()
        'three books'
    """
    label = f"{view.__module__}.{view.__qualname__}"
    if inspect.iscoroutinefunction(view):

        @functools.wraps(view)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            with _taking(label):
                return await view(*args, **kwargs)

        return cast(View, call_async)

    @functools.wraps(view)
    def call(*args: Any, **kwargs: Any) -> Any:
        with _taking(label):
            return view(*args, **kwargs)

    return cast(View, call)


def _taking(label: str) -> AbstractContextManager[TakenSnapshot | None]:
    found = [each for each in monitors if isinstance(each, LeakMonitor) and each.is_watching]
    return found[0].snapshot(label) if len(found) == 1 else nullcontext()
