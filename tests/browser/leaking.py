"""What the applications of these tests share: a leak that is known before anybody looks."""

from __future__ import annotations

import gc
import time
from typing import Any

from tests.wsgi_server import environ_of, serve

__all__ = ["leak_until_it_is_known", "start_afresh"]

MOST_S = 120.0


def leak_until_it_is_known(app: Any, monitor: Any, path: str) -> None:
    """Send requests that the toolbar does not see, until the leak is confirmed with its line."""
    deadline_s = time.monotonic() + MOST_S
    while time.monotonic() < deadline_s:
        for number in range(50):
            serve(app, environ_of(path.format(number), HTTP_HOST="127.0.0.1", REMOTE_ADDR="::2"))
        suspects = [each for route in monitor.summary().routes for each in route.suspects]
        if any(each.stored_at for each in suspects):
            return
        time.sleep(0.05)  # for the thread that searches for the holder


def start_afresh() -> None:
    """Called at the beginning of a request: a collection of older objects comes after others.

    In the midst of the request one would put what it makes out of sight.
    """
    gc.collect()
