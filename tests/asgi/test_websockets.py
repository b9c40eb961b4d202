"""A WebSocket connection is one request with one report, and passes through as it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pympler_asgi import MemoryMiddleware
from starlette.applications import Starlette
from starlette.routing import Mount, WebSocketRoute
from starlette.websockets import WebSocket

from pympler.leaks import LeakMonitor
from pympler.leaks.report import RequestReport


class Line:
    """What a connection leaves behind."""


KEPT: list[Line] = []


async def chat(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        KEPT.append(Line())
        await socket.send_text(f"you said {text}")


async def refuses(socket: WebSocket) -> None:
    await socket.close()


async def breaks(socket: WebSocket) -> None:
    await socket.accept()
    raise LookupError("no such room")


def app_of() -> Starlette:
    rooms = [WebSocketRoute("/{room}", chat)]
    return Starlette(
        routes=[
            WebSocketRoute("/refuses", refuses),
            WebSocketRoute("/breaks", breaks),
            Mount("/rooms", routes=rooms),
        ]
    )


async def connect(app: Any, path: str, *texts: str) -> list[dict[str, Any]]:
    """Open a connection, say something, and leave; what the application sent."""
    said: list[dict[str, Any]] = [
        {"type": "websocket.connect"},
        *({"type": "websocket.receive", "text": text} for text in texts),
        {"type": "websocket.disconnect", "code": 1001},
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0)
        return said.pop(0)

    async def send(message: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        sent.append(message)

    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"testserver")],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
        "subprotocols": [],
    }
    await app(scope, receive, send)
    return sent


def reports_after(*connections: Any, **options: Any) -> list[RequestReport]:
    """The reports after these connections, one after the other."""
    options = {"sample_rate": 1.0, "max_overhead": 1.0, "store": "memory:", **options}
    monitor = LeakMonitor(**options)
    watched = MemoryMiddleware(app_of(), monitor=monitor)

    async def run() -> None:
        for path, *texts in connections:
            await connect(watched, path, *texts)

    try:
        asyncio.run(run())
        monitor.summary()
        return monitor.store.reports()
    finally:
        monitor.close()
        KEPT.clear()


def test_a_connection_is_one_request() -> None:
    reports = reports_after(("/rooms/blue",), ("/rooms/red", "hello", "anybody?"))
    assert [(each.method, each.route, each.status) for each in reports] == [
        ("WEBSOCKET", "/rooms/{room}", 101)
    ] * 2
    name = f"{__name__}.Line"
    assert [row.count for row in reports[1].survivors if row.type == name] == [2]
    assert reports[1].attribution == "exact"


def test_one_that_is_refused() -> None:
    (report,) = reports_after(("/refuses",))
    assert (report.method, report.route, report.status) == ("WEBSOCKET", "/refuses", 403)


def test_one_that_is_nowhere() -> None:
    (report,) = reports_after(("/nowhere",))
    assert (report.route, report.status) == ("<unrouted>", 403)


def test_an_exception_passes_and_is_noted() -> None:
    monitor = LeakMonitor(sample_rate=1.0, max_overhead=1.0, store="memory:")
    watched = MemoryMiddleware(app_of(), monitor=monitor)
    with pytest.raises(LookupError, match="no such room"):
        asyncio.run(connect(watched, "/breaks"))
    monitor.summary()
    (report,) = monitor.store.reports()
    monitor.close()
    assert (report.error, report.status) == ("LookupError", 101)


def test_connections_at_a_time_are_told_apart() -> None:
    monitor = LeakMonitor(sample_rate=1.0, max_overhead=1.0, store="memory:")
    watched = MemoryMiddleware(app_of(), monitor=monitor)

    async def run() -> None:
        await connect(watched, "/rooms/warm-up", "hello")
        texts = [["hello"] * number for number in range(1, 5)]
        await asyncio.gather(*(connect(watched, "/rooms/a", *each) for each in texts))

    asyncio.run(run())
    monitor.summary()
    reports = monitor.store.reports()[1:]
    monitor.close()
    KEPT.clear()
    name = f"{__name__}.Line"
    lines = [sum(row.count for row in each.survivors if row.type == name) for each in reports]
    assert sorted(lines) == [1, 2, 3, 4]
    assert {each.attribution for each in reports} == {"exact"}


def test_what_is_sent_is_the_same() -> None:
    async def run() -> None:
        for arguments in (("/rooms/blue", "hello"), ("/refuses",), ("/nowhere",)):
            watched = MemoryMiddleware(app_of(), sample_rate=1.0, store="memory:")
            bare = await connect(app_of(), *arguments)
            assert await connect(watched, *arguments) == bare
            watched.monitor.close()

    asyncio.run(run())
    KEPT.clear()


def test_a_method_of_this_name_is_no_connection() -> None:
    from tests.asgi_server import call, scope_of

    monitor = LeakMonitor(sample_rate=1.0, max_overhead=1.0, store="memory:")
    watched = MemoryMiddleware(app_of(), monitor=monitor)
    asyncio.run(call(watched, scope_of("/rooms/blue", "WEBSOCKET")))
    monitor.summary()
    (report,) = monitor.store.reports()
    monitor.close()
    assert report.method == "_OTHER"
