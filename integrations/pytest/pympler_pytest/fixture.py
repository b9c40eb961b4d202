"""The fixture ``leak_check``: calls a function again and again, and fails if that leaks."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import pytest

from pympler.errors import UsageError
from pympler_pytest.body import Body
from pympler_pytest.repetition import Repetition, Verdict, judge

__all__ = ["LeakCheck"]


class LeakCheck:
    """What the fixture ``leak_check`` gives.

    Args:
        item: the test that asks for it.
    """

    def __init__(self, item: pytest.Item) -> None:
        self._item = item

    def __call__(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Verdict:
        """Call a function once, and then again and again until it is known whether it leaks.

        Args:
            function: may be called any number of times; a coroutine function runs in an event
                loop, the same for all calls.
            args: its arguments, the same for each call.
            kwargs: likewise.

        Returns:
            The verdict, if it does not leak. What the first call raises is raised.
        """
        __tracebackhide__ = True
        name = getattr(function, "__qualname__", type(function).__name__)
        loops: list[asyncio.AbstractEventLoop] = []

        def call() -> None:
            result = function(*args, **kwargs)
            if inspect.iscoroutine(result):
                if not loops:
                    loops.append(_new_loop(result))
                loops[0].run_until_complete(result)

        try:
            body = Body(self._item, call)
            call()
            with body.repeating():
                verdict = judge(f"{name}()", Repetition(body))
        finally:
            for loop in loops:
                loop.run_until_complete(loop.shutdown_asyncgens())
                loop.close()
        if verdict.leaks or verdict.verdict == "not repeatable":
            pytest.fail(verdict.text, pytrace=False)
        return verdict


def _new_loop(coroutine: Any) -> asyncio.AbstractEventLoop:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.new_event_loop()
    coroutine.close()
    raise UsageError(
        "leak_check cannot run a coroutine function while an event loop runs: call it in a test "
        "that is no coroutine function itself, or mark the test with no_leaks"
    )
