"""An ASGI server for tests: it calls an application and keeps every message."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["DisconnectedError", "Served", "call", "scope_of"]

App = Callable[..., Awaitable[None]]


class DisconnectedError(OSError):
    """What some servers raise when the application sends to a client that is gone."""


@dataclass
class Served:
    """What came back from an application: its messages, and what it raised."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)


def scope_of(path: str = "/", method: str = "GET", **more: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"testserver")],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
        **more,
    }


async def call(
    app: App,
    scope: dict[str, Any],
    *,
    at_most: int | None = None,
    raises: bool = False,
    body: bytes = b"",
) -> Served:
    """Send one request; the client leaves after ``at_most`` messages.

    From then on ``receive`` says so, and ``send`` raises if ``raises`` is set.
    """
    served = Served()
    gone = asyncio.Event()
    asked = 0

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        if asked == 1:
            return {"type": "http.request", "body": body, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        if gone.is_set():
            if raises:
                raise DisconnectedError
            return
        served.messages.append(message)
        if at_most is not None and len(served.messages) >= at_most:
            gone.set()

    try:
        await asyncio.wait_for(app(scope, receive, send), 20)
    except Exception as error:  # noqa: BLE001 - what is raised is compared
        served.error = f"{type(error).__name__}: {error}"
    return served
