"""What a traced request of FastAPI takes: with the lines of libraries, and without them.

An application of 50 routes with models and dependencies; two of them keep what they make, one in
the event loop and one in the thread pool. Each is asked many times without a trace, with one of the
application's lines as the live monitor makes it, and with one of all lines. All of it is CPU time
of the whole process, the median of the requests. Other versions of Python take part with
``--python``, if FastAPI and Pympler are installed there.
"""

from __future__ import annotations

import asyncio
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from results import CHILD, FOLDER, environment, in_child, options, table, write_section

sys.path.insert(0, str(FOLDER.parent))

from tests.asgi_server import scope_of

ROUTES, REQUESTS, WARM_UP = 50, 200, 20
MODES = ("none", "application", "everything")
HEAD = (
    "Python",
    "endpoint",
    "lines traced",
    "events",
    "ms more",
    "ms on the budget",
    "lines found",
)


def measure(requests: int) -> dict[str, Any]:
    """Rows of one version of Python."""
    return {"python": platform.python_version(), "rows": asyncio.run(_rows(requests))}


async def _rows(requests: int) -> list[list[Any]]:
    application, kept = _application()
    rows = []
    for path in ("/async/1", "/pool/1"):
        plain_s = await _ask(application, path, requests, None)
        for mode in MODES[1:]:
            made: list[Any] = []
            trace = _tracing(kept, libraries=mode == "everything", made=made)
            traced_s = await _ask(application, path, requests, trace)
            made = made[-requests:]
            rows.append(
                [
                    path.split("/")[1],
                    mode,
                    statistics.median(tracer.events for tracer in made),
                    1e3 * (traced_s - plain_s),
                    1e3 * statistics.median(tracer.cost_s for tracer in made),
                    f"{sum(any(tracer.lines().values()) for tracer in made)} of {requests}",
                ]
            )
    return rows


def _application() -> tuple[Any, list[Any]]:
    from fastapi import APIRouter, Depends, FastAPI
    from pydantic import BaseModel, create_model
    from pympler_asgi import MemoryMiddleware

    kept: list[Any] = []
    item = create_model("Item", id=(int, ...), name=(str, ...), tags=(list[str], []))

    def page(start: int = 0, most: int = 20) -> tuple[int, int]:
        return start, most

    async def asynchronous(n: int, limits: tuple[int, int] = Depends(page)) -> BaseModel:
        await asyncio.sleep(0)
        kept.append(item(id=n, name="one"))
        return kept[-1]

    def synchronous(n: int, limits: tuple[int, int] = Depends(page)) -> BaseModel:
        kept.append(item(id=n, name="one"))
        return kept[-1]

    app = FastAPI()
    router = APIRouter()
    for number in range(ROUTES - 2):
        router.get(f"/other{number}/{{n}}", response_model=item)(synchronous)
    router.get("/async/{n}", response_model=item)(asynchronous)
    router.get("/pool/{n}", response_model=item)(synchronous)
    app.include_router(router)
    return MemoryMiddleware(app, store="memory:", sample_rate=0.0), kept


def _tracing(kept: list[Any], *, libraries: bool, made: list[Any]) -> Callable[..., Any]:
    from pympler.leaks.tracing import StoreTracer

    def tracer(method: str, path: str | None) -> StoreTracer:
        made.append(StoreTracer({"kept": kept.__len__}, only_here=True, libraries=libraries))
        return made[-1]

    return tracer


async def _ask(
    application: Any, path: str, requests: int, trace: Callable[..., Any] | None
) -> float:
    times = []
    with _traced(application.monitor, trace):
        for _ in range(WARM_UP + requests):
            began_s = time.process_time()
            await _request(application, path)
            times.append(time.process_time() - began_s)
    return statistics.median(times[WARM_UP:])


@contextmanager
def _traced(monitor: Any, trace: Callable[..., Any] | None) -> Iterator[None]:
    """Each request of the monitor is traced, whatever it costs."""
    found = monitor._investigation
    monitor._budget.allows_trace = lambda: True
    found.seeking = [None] if trace is not None else []
    found.tracer = trace
    found.take_trace = lambda *_, **__: None
    try:
        yield
    finally:
        found.seeking = []


async def _request(application: Any, path: str) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        assert message.get("status", 200) == 200

    await application(scope_of(path), receive, send)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--python", nargs="*", default=[], help="further interpreters")
    args = parser.parse_args()
    parameters = json.dumps({"requests": 20 if args.quick else REQUESTS})
    rows = []
    for python in (sys.executable, *args.python):
        command = [python, str(Path(__file__).resolve()), CHILD, parameters]
        done = subprocess.run(command, stdout=subprocess.PIPE, timeout=600, check=True)
        found = json.loads(done.stdout)
        rows += [[found["python"], *row] for row in found["rows"]]
    body = "\n\n".join([environment(("fastapi",), args.date, "traces.py"), table(HEAD, rows)])
    print(body)
    if not args.quick:
        write_section("Traces", body)


if __name__ == "__main__" and not in_child(measure):
    main()
