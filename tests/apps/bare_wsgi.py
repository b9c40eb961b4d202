"""A WSGI application without a framework that misbehaves in every way."""

from __future__ import annotations

import atexit
import gc
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

KEPT: list[object] = []
closed = 0

print("imported")
if os.environ.get("PRINT_AT_EXIT"):
    atexit.register(print, "at exit")
os.system("echo from a child")


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    print("request")
    act(environ["PATH_INFO"])
    if environ["PATH_INFO"] == "/no-start":
        return []
    status = {"/missing": "404 Not Found", "/login": "302 Found", "/500": "500 Oops"}
    headers = [("Content-Type", "text/plain")]
    if environ["PATH_INFO"] == "/login":
        headers.append(("Location", "/accounts/login/"))
    start_response(status.get(environ["PATH_INFO"], "200 OK"), headers)
    return Body()


class Body:
    def __iter__(self) -> Iterator[bytes]:
        yield b"part"
        yield b"part"

    def close(self) -> None:
        global closed
        closed += 1


def act(path: str) -> None:
    if path.startswith("/leak"):
        KEPT.append(object())
    elif path == "/hang":
        time.sleep(60)
    elif path == "/exit":
        sys.exit(3)
    elif path == "/exit-now":
        os._exit(0)
    elif path == "/crash":
        os.abort()
    elif path == "/ask":
        input()
    elif path == "/random":
        if random.random() < 0.3:
            raise OSError("now and then")
        KEPT[:] = [bytes(random.randrange(10_000))]
    elif path == "/raise":
        raise ValueError("first line\nsecond line")
    elif path == "/gc":
        gc.disable()
        gc.set_threshold(5, 5, 5)
    elif path == "/thread":
        threading.Thread(target=time.sleep, args=(60,)).start()
    elif path.startswith("/breaks-later/") and int(path.rpartition("/")[2]) > 35:
        raise OSError("too many open files")
    elif path.startswith("/breaks-while-leaking/"):
        KEPT.append(object())
        if int(path.rpartition("/")[2]) > 600:
            raise OSError("too many open files")


not_an_application = 42


def make(name: str = "") -> Callable[..., Any]:
    if name:
        raise LookupError(f"no settings for {name}")
    return app


def takes_one(scope: object) -> None:
    return None
