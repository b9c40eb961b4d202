"""A middleware that remembers how long requests took."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.utils.decorators import sync_and_async_middleware

SLOWEST: deque[float] = deque(maxlen=20)
BY_PATH: dict[str, float] = {}


@sync_and_async_middleware
def Timing(get_response: Callable[..., Any]) -> Callable[..., Any]:  # noqa: N802 - as classes are
    durations: list[float] = []

    def note(path: str, seconds: float) -> None:
        SLOWEST.append(seconds)
        if path.startswith("/durations/"):
            durations.append(seconds)  # leak: durations
        if path.startswith("/by-path/"):
            BY_PATH[path] = seconds  # leak: by-path

    if iscoroutinefunction(get_response):

        async def call_async(request: Any) -> Any:
            started = time.perf_counter()
            response = await get_response(request)
            note(request.path, time.perf_counter() - started)
            return response

        return call_async

    def call(request: Any) -> Any:
        started = time.perf_counter()
        response = get_response(request)
        note(request.path, time.perf_counter() - started)
        return response

    return call
