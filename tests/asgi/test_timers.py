"""Timers that a server or an application sets in a request."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pympler_asgi import MemoryMiddleware

from tests.asgi_server import call, scope_of

SET: list[asyncio.TimerHandle] = []
REQUESTS = 60


def serve(*, cancel: bool) -> tuple[list[set[str]], str | None]:
    """The types that each request left behind, and the verdict.

    Each sets a timer, and before that may cancel the one of the request before.
    """

    async def application(scope: Any, receive: Any, send: Any) -> None:
        while cancel and SET:
            SET.pop().cancel()
        SET.append(asyncio.get_running_loop().call_later(60, print))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    watched = MemoryMiddleware(application, sample_rate=1.0, max_overhead=1.0, store="memory:")

    async def main() -> None:
        for _ in range(REQUESTS):
            await call(watched, scope_of("/"))
        summary = watched.monitor.summary()
        verdicts.append(summary.routes[0].verdict)

    verdicts: list[str | None] = []
    try:
        asyncio.run(main())
        reports = watched.monitor.store.reports()
        return [{row.type for row in report.survivors} for report in reports], verdicts[0]
    finally:
        watched.monitor.close()
        SET.clear()


def test_a_timer_that_the_next_request_cancels_is_nothing_left_behind() -> None:
    left, verdict = serve(cancel=True)

    assert sum(map(bool, left)) <= 3  # the last one still waits, the first ones import something
    assert verdict == "clean"


def test_timers_that_nobody_cancels_are_left_behind() -> None:
    left, verdict = serve(cancel=False)

    wanted = {"asyncio.events.TimerHandle", "_contextvars.Context"}
    assert sum(wanted <= types for types in left) > REQUESTS / 2
    assert verdict != "clean"


@pytest.mark.parametrize("cancel", [True, False])
def test_what_we_make_around_a_request_is_none_of_its_own(cancel: bool) -> None:
    left, _ = serve(cancel=cancel)

    assert not any({"hamt", "hamt_bitmap_node"} & types for types in left)
