"""The long run, by hand: many requests at once through each middleware, with nothing left over.

Four threads (WSGI) or sixteen tasks (ASGI) send requests to a clean route, a bounded cache and a
leak; the views wait for some milliseconds, so that requests overlap nearly always. Our own objects
are counted again and again and have to stay flat. The leak has to be found, be it without its
route: nothing tells routes apart that are never alone in flight. No other route may be accused.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from typing import Any

import drivers
from footprint import OPTIONS, PATHS, TITLES, growing
from results import arguments, environment, in_child, run_child, table, verdict, write_section

SCRIPT = "soak.py"
REQUESTS, LOOKS = 20_000, 10
THREADS, TASKS = 4, 16
PER_S = 500  # requests, about: a rate that leaves the budget something to grant
KEEP = 50  # reports: fewer than a run makes, so that the store is full when it is looked at
LEAK = "work.LEAKED"
HEALTHY = ("clean", "cache")
Figures = dict[str, Any]


def measure(framework: str, mode: str, requests: int) -> Figures:
    """Send the requests, counting our own objects ten times on the way."""
    from own import count_own

    drivers.pause_s = (TASKS if framework == "Starlette" else THREADS) / PER_S
    send = _sender(framework, {**OPTIONS[mode], "keep": KEEP})
    numbers = count()
    looks: list[Counter[str]] = []
    started = time.perf_counter()
    for _ in range(LOOKS):
        send([PATHS[number % len(PATHS)].format(number) for number in islice(numbers, requests)])
        monitor = drivers.current_monitor()
        while monitor._windows.is_held_off:  # a walk has objects of its own, for a moment
            time.sleep(0.01)
        monitor.summary()  # finishes what is pending
        looks.append(count_own())
    seconds = time.perf_counter() - started
    monitor.close()
    summary = monitor.summary()
    return {
        "totals": [look.total() for look in looks],
        "growing": growing(looks[LOOKS // 2 :]),
        "windows": summary.windows,
        "requests": summary.requests,
        "seconds": seconds,
        "overhead": summary.overhead,
        "routes": {route.route.split("/")[1]: route.verdict for route in summary.routes},
        "headlines": [route.headline for route in summary.routes if route.verdict == "leak"],
        "unattributed": [suspect.holder for suspect in summary.unattributed],
    }


def _sender(framework: str, options: dict[str, Any]) -> Callable[[list[str]], None]:
    if framework == "Starlette":
        call = drivers.starlette_async(options)
        return lambda paths: asyncio.run(_send_tasks(call, iter(paths)))
    blocking = drivers.FRAMEWORKS[framework](options)

    def send_threads(paths: list[str]) -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            for _ in pool.map(blocking, paths):
                pass

    return send_threads


async def _send_tasks(call: drivers.AsyncCall, paths: Iterator[str]) -> None:
    async def work() -> None:
        for path in paths:
            await call(path)

    await asyncio.gather(*(work() for _ in range(TASKS)))


def main() -> None:
    args = arguments(__doc__)
    requests = 2_000 if args.quick else REQUESTS
    rows: list[list[Any]] = []
    headlines: list[str] = []
    for framework in drivers.FRAMEWORKS:
        for mode in OPTIONS:
            found = run_child(
                SCRIPT,
                timeout_s=3600,
                framework=framework,
                mode=mode,
                requests=requests // LOOKS,
            )
            rows.append(_row(framework, mode, found))
            headlines += found["headlines"][:1]
            print(*rows[-1], sep=" | ")
    body = _section(rows, headlines, environment(drivers.DISTRIBUTIONS, args.date, SCRIPT))
    if not args.quick:
        write_section("Soak", body)


def _row(framework: str, mode: str, found: Figures) -> list[Any]:
    routes = found["routes"]
    found_leak = routes.get("leak") == "leak" or LEAK in found["unattributed"]
    right = found_leak and not any(routes.get(name) == "leak" for name in HEALTHY)
    return [
        f"{framework}, {TITLES[mode]}",
        f"{found['seconds']:.0f} s",
        f"{found['windows']:,} of {found['requests']:,}",
        f"{found['overhead']:.1%}",
        ", ".join(map(str, found["totals"])),
        ", ".join(found["growing"]) or "none",
        ", ".join(f"{name}: {found_as or 'not yet'}" for name, found_as in sorted(routes.items())),
        ", ".join(found["unattributed"]) or "none",
        verdict(right and not found["growing"]),
    ]


def _section(rows: list[list[Any]], headlines: list[str], made_by: str) -> str:
    head = [
        "application",
        "took",
        "windows",
        "own CPU",
        "own objects",
        "growing",
        "verdicts",
        "of any route",
    ]
    told = "\n".join(f"- {line}" for line in dict.fromkeys(headlines))
    return "\n\n".join(
        [
            made_by,
            f"{REQUESTS:,} requests through each middleware, from {THREADS} threads or {TASKS} "
            f"tasks, about {PER_S} a second that overlap nearly always, a third of them to a leak "
            f"and a third to a bounded cache; the store keeps {KEEP} reports. *Own objects*: live "
            f"instances of our types at {LOOKS} moments; *growing*: types of which there were more "
            "at each of the last five than at the one before. *Of any route*: confirmed holders "
            "that no route is blamed for.",
            table([*head, "of any route", "flat and right"], rows),
            *([f"What was said of the leaks that a route is blamed for:\n\n{told}"] * bool(told)),
        ]
    )


if __name__ == "__main__" and not in_child(measure):
    main()
