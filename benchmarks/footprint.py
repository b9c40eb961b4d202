"""What Pympler itself takes up: its own objects, and memory with it less memory without it."""

from __future__ import annotations

import asyncio
import resource
import time
import tracemalloc
from collections import Counter
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from drivers import DISTRIBUTIONS, FRAMEWORKS, current_monitor
from results import arguments, environment, in_child, run_child, table, verdict, write_section

__all__ = ["OPTIONS", "PATHS", "TITLES", "growing", "measure"]

SCRIPT = "footprint.py"
WARM_UP, REQUESTS, LOOKS = 6000, 2000, 5
MOST_BYTES = 10_000_000
PATHS = ("/clean/{}", "/cache/{}", "/leak/{}")
OPTIONS: dict[str, dict[str, Any]] = {
    "default": {"application": "shop"},
    "unlimited": {"application": "shop", "max_overhead": 1.0},
    "every request": {"application": "shop", "max_overhead": 1.0, "sample_rate": 1.0},
}
Figures = dict[str, Any]


def measure(framework: str, mode: str, traced: bool) -> Figures:
    """Send requests, bare if the mode says so, and see what is there before and after them."""
    if traced:
        tracemalloc.start(1)
    call = FRAMEWORKS[framework](None if mode == "bare" else OPTIONS[mode])
    looks: list[Counter[str]] = []

    async def in_event_loop() -> None:
        for number in range(WARM_UP + REQUESTS):
            if number >= WARM_UP and number % (REQUESTS // LOOKS) == 0 and mode != "bare":
                looks.append(_own())
            call(PATHS[number % len(PATHS)].format(number))

    asyncio.run(in_event_loop())
    figures: Figures = {
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "private": _private_bytes(),
    }
    if mode == "bare":
        return figures
    looks.append(_own())
    if traced:
        from own import traced_bytes

        figures["traced"] = traced_bytes()
    return {
        **figures,
        "first": looks[0].total(),
        "last": looks[-1].total(),
        "growing": growing(looks),
        "windows": current_monitor()._windows.count,
    }


def growing(looks: list[Counter[str]]) -> list[str]:
    """Types of which there were more at each look than at the one before.

    What a bounded collection holds goes up and down; what grows is there more at each look.
    """
    return sorted(
        f"{name} {looks[0][name]} to {looks[-1][name]}"
        for name in set[str]().union(*looks)
        if all(one[name] < other[name] for one, other in pairwise(looks))
    )


def _own() -> Counter[str]:
    from own import count_own

    monitor = current_monitor()
    while monitor._windows.is_held_off:  # a walk has objects of its own, for a moment
        time.sleep(0.01)
    monitor.summary()  # finishes what is pending
    monitor.store.flush(10.0)  # what waits to be written comes and goes
    return count_own()


def _private_bytes() -> int:
    """Memory that this process has for itself, in bytes."""
    rollup = Path("/proc/self/smaps_rollup")
    if not rollup.exists():
        raise SystemExit("the footprint is measured on Linux: there is no /proc/self/smaps_rollup")
    lines = rollup.read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


def main() -> None:
    args = arguments(__doc__)
    repeats = 1 if args.quick else 5
    rows: list[list[Any]] = []
    for framework in FRAMEWORKS:
        bare = [
            run_child(SCRIPT, framework=framework, mode="bare", traced=False)
            for _ in range(repeats)
        ]
        for mode in OPTIONS:
            runs = [
                run_child(SCRIPT, framework=framework, mode=mode, traced=False)
                for _ in range(repeats)
            ]
            traced = run_child(SCRIPT, framework=framework, mode=mode, traced=True)
            rows.append(_row(framework, mode, bare, runs, traced))
            print(*rows[-1], sep=" | ")
    body = _section(rows, environment(DISTRIBUTIONS, args.date, SCRIPT), repeats)
    if not args.quick:
        write_section("Footprint", body)


def _row(
    framework: str, mode: str, bare: list[Figures], runs: list[Figures], traced: Figures
) -> list[Any]:
    held = _more("private", bare, runs)
    found = sorted({text for run in runs for text in run["growing"]})
    windows = round(median(run["windows"] for run in runs))
    first = round(median(run["first"] for run in runs))
    last = round(median(run["last"] for run in runs))
    return [
        f"{framework}, {TITLES[mode]}",
        windows,
        f"{first:,} and {last:,}",
        ", ".join(found) or "none",
        f"{held / 1e6:.1f}",
        f"{_more('peak', bare, runs) / 1e6:.1f}",
        f"{traced['traced'] / 1e6:.2f}",
        verdict(held < MOST_BYTES and traced["traced"] < MOST_BYTES and not found),
    ]


def _more(name: str, bare: list[Figures], runs: list[Figures]) -> float:
    more: float = median(run[name] for run in runs) - median(run[name] for run in bare)
    return more


TITLES = {
    "default": "default settings",
    "unlimited": "budget lifted",
    "every request": "budget lifted, `sample_rate` 1.0",
}


def _section(rows: list[list[Any]], made_by: str, repeats: int) -> str:
    head = ["application", "windows", "own objects", "growing", "held MB", "peak MB", "traced MB"]
    return "\n\n".join(
        [
            made_by,
            f"{REQUESTS:,} requests after {WARM_UP:,} to warm up, in turn to a clean route, a "
            "cache and a leak. *Own objects*: live instances of our types before and after these "
            f"requests; *growing*: types of which there were more at each of {LOOKS} looks. "
            "*Held*: private memory at the end, *peak*: highest resident memory, both "
            f"as difference of the medians of {repeats} processes with and without the middleware "
            "(without it nothing of ours is imported). *Traced*: what tracemalloc says that our "
            "own lines allocated and still hold; the code itself is not in it.",
            table([*head, f"target: flat, {MOST_BYTES / 1e6:.0f} MB"], rows),
        ]
    )


if __name__ == "__main__" and not in_child(measure):
    main()
