"""What another tool says of one handler of the corpus, asked in the tool's own environment.

The driver here is the simplest that will do: Pympler 1.1 has our import name, so nothing of ours
can be imported beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

WARM_UP, ROUNDS, REQUESTS = 100, 3, 100
LEAST = 0.5  # objects per request, in each round

Send = Callable[[int], None]
Answer = dict[str, Any]


def sender(spec: str, path: str) -> Send:
    """A function that sends a number of requests."""
    module, _, name = spec.partition(":")
    application = getattr(importlib.import_module(module), name)
    numbers = iter(range(1, 10**9))
    is_asgi = "asgi" in spec or type(application).__module__.split(".")[0] in (
        "fastapi",
        "starlette",
    )
    one = _asgi(application) if is_asgi else _wsgi(application)

    def send(count: int) -> None:
        for _ in range(count):
            one(path.replace("{n}", str(next(numbers))))

    return send


def _wsgi(application: Any) -> Callable[[str], None]:
    def one(path: str) -> None:
        environ = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "shop.example",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "shop.example",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        body = application(environ, lambda status, headers, exc_info=None: len)
        for _ in body:
            pass
        if hasattr(body, "close"):
            body.close()

    return one


def _asgi(application: Any) -> Callable[[str], None]:
    loop = asyncio.new_event_loop()
    to_application: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    started = asyncio.Event()
    state: dict[str, Any] = {}

    async def lifespan() -> None:
        async def send(message: Any) -> None:
            started.set()

        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": state}
        with contextlib.suppress(Exception):
            await application(scope, to_application.get, send)
        started.set()

    async def call(path: str) -> None:
        messages = [{"type": "http.request", "body": b"", "more_body": False}]
        answered = asyncio.Event()

        async def receive() -> Any:
            if messages:
                return messages.pop()
            await answered.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                answered.set()

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"shop.example")],
            "client": ("127.0.0.1", 50000),
            "server": ("shop.example", 80),
            "state": dict(state),
        }
        await application(scope, receive, send)

    to_application.put_nowait({"type": "lifespan.startup"})
    keeper = loop.create_task(lifespan())
    loop.run_until_complete(started.wait())
    return lambda path: (loop.run_until_complete(call(path)), keeper)[0]


def ask_objgraph(send: Send) -> Answer:
    import objgraph

    send(WARM_UP)
    seen: dict[str, int] = {}
    objgraph.growth(limit=None, peak_stats=seen)
    rounds = []
    for _ in range(ROUNDS):
        send(REQUESTS)
        gc.collect()
        rows = objgraph.growth(limit=None, peak_stats=seen)
        rounds.append({row[0] for row in rows if row[2] >= LEAST * REQUESTS})
    return {"accused": bool(set.intersection(*rounds))}


def ask_pympler(send: Send) -> Answer:
    from pympler.tracker import SummaryTracker

    send(WARM_UP)
    tracker = SummaryTracker()
    tracker.diff()
    rounds = []
    for _ in range(ROUNDS):
        send(REQUESTS)
        gc.collect()
        rounds.append({str(row[0]) for row in tracker.diff() if row[1] >= LEAST * REQUESTS})
    return {"accused": bool(set.intersection(*rounds))}


def ask_tracemalloc(send: Send) -> Answer:
    import tracemalloc

    send(WARM_UP)
    tracemalloc.start(1)
    send(REQUESTS)
    gc.collect()
    before = tracemalloc.take_snapshot()
    rounds = []
    ours = tracemalloc.Filter(False, __file__)
    for _ in range(ROUNDS):
        send(REQUESTS)
        gc.collect()
        after = tracemalloc.take_snapshot()
        rows = after.filter_traces([ours]).compare_to(before.filter_traces([ours]), "lineno")
        grown = [row for row in rows if row.count_diff >= LEAST * REQUESTS]
        rounds.append({f"{row.traceback[0].filename}:{row.traceback[0].lineno}" for row in grown})
        before = after
    lines = set.intersection(*rounds)
    here = os.getcwd() + os.sep
    return {"accused": bool(lines), "lines": sorted(line.removeprefix(here) for line in lines)}


ASK = {"objgraph": ask_objgraph, "pympler": ask_pympler, "tracemalloc": ask_tracemalloc}


@contextlib.contextmanager
def quiet() -> Iterator[int]:
    """What the application prints goes elsewhere; gives the descriptor of the answer."""
    kept = os.dup(1)
    os.dup2(2, 1)
    yield kept


if __name__ == "__main__":
    tool, application, path = sys.argv[1:]
    with quiet() as answer:
        said = ASK[tool](sender(application, path))
        os.write(answer, json.dumps(said).encode())
        os._exit(0)  # threads that a case leaves behind would keep the process
