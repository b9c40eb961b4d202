"""An application that each of several workers serves, and that leaves something behind."""

from __future__ import annotations

import os
from typing import Any

from pympler_asgi import MemoryMiddleware as AsgiMiddleware

from pympler.wsgi import MemoryMiddleware

OPTIONS: dict[str, Any] = {"application": "shop", "sample_rate": 1.0, "max_overhead": 1.0}
LEFT: list[object] = []


class Order:
    pass


def serve(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    LEFT.append(Order())
    environ["pympler.route"] = "/orders"
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


async def answer(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        for word in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{word}.complete"})
        return
    LEFT.append(Order())
    scope["pympler"].route = "/orders"
    body = str(os.getpid()).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


wsgi = MemoryMiddleware(serve, **OPTIONS)
asgi = AsgiMiddleware(answer, **OPTIONS)
