"""What the middlewares add to a request, bare and wrapped requests side by side in one process.

Each pair of requests goes to the bare application and to the wrapped one, in an order drawn anew.
Collections come after so many allocations of both and fall where most objects are in use at once,
which is more often in the wrapped half, though there are as many of them as without the monitor
(``collector.py`` counts). The time of the collector itself is therefore left out of both halves,
not so that of the monitor's hook; a figure with it stands next to the one without.
Other programs on the machine interrupt a process for milliseconds: the mean of the CPU time is
over all pairs, while figures of wall time are of the pairs that the kernel did not interrupt.
"""

from __future__ import annotations

import asyncio
import gc
import random
import resource
import time
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from drivers import DISTRIBUTIONS, FRAMEWORKS, Call, current_monitor
from heap import fill, live_objects
from results import environment, in_child, options, run_child, table, verdict, write_section

__all__ = ["Figures", "measure", "middle"]

SCRIPT = "cost.py"
HEAPS = (10_000, 1_000_000)
BLOCK = 500
WARM_UP = 300
REPEATS, PAIRS = 5, 20_000
FIRST = 6000  # when a process begins it has windows and walks on credit
MEAN_US, WINDOW_US, RATIO, APART_US = 30.0, 300.0, 1.2, 3.0
MODES: dict[str, dict[str, object]] = {"default": {}, "unlimited": {"max_overhead": 1.0}}
TITLES = {
    "default": "Default settings",
    "unlimited": "Default settings, but the budget lifted (`max_overhead` 1.0)",
}
Figures = dict[str, float]
Case = tuple[str, str, int]  # mode, framework, live objects


def measure(framework: str, objects: int, mode: str, pairs: int) -> Figures:
    """Measure one middleware on a heap of this size; times in microseconds."""
    make = FRAMEWORKS[framework]
    bare, wrapped = make(None), make({"application": "shop", **MODES[mode]})
    if bare("/clean/1") != wrapped("/clean/1"):
        raise RuntimeError("the middleware has changed a response")
    kept = fill(objects)

    async def in_event_loop() -> Figures:
        for _ in range(WARM_UP):
            bare("/clean/1")
            wrapped("/clean/1")
        return _pairs(bare, wrapped, pairs)

    live = live_objects()
    figures = asyncio.run(in_event_loop())
    del kept
    return {"objects": live, **figures}


class _Collector:
    """The time that the collector takes while this is entered, without that of the hooks.

    Its hook is the last one, so that the monitor's is done when it is called.
    """

    def __init__(self) -> None:
        self.wall_ns = self.cpu_ns = self.count = 0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        sign = -1 if phase == "start" else 1
        self.wall_ns += sign * time.perf_counter_ns()
        self.cpu_ns += sign * time.thread_time_ns()
        self.count += phase == "stop"

    def __enter__(self) -> _Collector:
        gc.callbacks.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        gc.callbacks.remove(self)


@dataclass(frozen=True, slots=True)
class _Timed:
    """One request: wall and CPU time without collections, CPU time with them, in microseconds."""

    wall: float
    cpu: float
    cpu_with_gc: float
    collections: int
    interrupted: bool
    window: bool


def _pairs(bare: Call, wrapped: Call, pairs: int) -> Figures:
    coin = random.Random(7)
    before = time.process_time() - time.thread_time()
    samples: list[tuple[_Timed, _Timed]] = []
    first_us = 0.0
    with _Collector() as collector:
        while len(samples) < pairs:
            if len(samples) == FIRST:
                in_background = time.process_time() - time.thread_time() - before
                added_us = fmean(two.cpu - one.cpu for one, two in samples)
                first_us = added_us + in_background / FIRST * 1e6
            if coin.random() < 0.5:
                first = _timed(bare, collector)
                samples.append((first, _timed(wrapped, collector)))
            else:
                second = _timed(wrapped, collector)
                samples.append((_timed(bare, collector), second))
    background_us = (time.process_time() - time.thread_time() - before) / pairs * 1e6
    quiet = [pair for pair in samples if not (pair[0].interrupted or pair[1].interrupted)]
    usual = median(plain.wall for plain, _ in quiet)
    added = [watched.wall - plain.wall for plain, watched in quiet]
    windowed = sorted(watched.wall - usual for _, watched in quiet if watched.window)
    return {
        "pairs": len(quiet),
        "interrupted": pairs - len(quiet),
        "bare": usual,
        "cpu": fmean(two.cpu - one.cpu for one, two in samples) + background_us,
        "first": first_us,
        "background": background_us,
        "with_gc": fmean(two.cpu_with_gc - one.cpu_with_gc for one, two in samples) + background_us,
        "mean": fmean(added),
        "block": median(fmean(added[at : at + BLOCK]) for at in range(0, len(added), BLOCK)),
        "plain": median(watched.wall for _, watched in quiet if not watched.window) - usual,
        "windows": len(windowed),
        "windowed": median(windowed) if windowed else 0.0,
        "windowed_p99": windowed[int(len(windowed) * 0.99)] if windowed else 0.0,
        "gc_bare": sum(one.collections for one, _ in samples),
        "gc_wrapped": sum(two.collections for _, two in samples),
    }


def _timed(call: Call, collector: _Collector) -> _Timed:
    monitor = current_monitor()
    windows, interrupts, collections = monitor._windows.count, _interrupts(), collector.count
    gc_wall, gc_cpu = collector.wall_ns, collector.cpu_ns
    wall, cpu = time.perf_counter_ns(), time.thread_time_ns()
    call("/clean/1")
    wall, cpu = time.perf_counter_ns() - wall, time.thread_time_ns() - cpu
    return _Timed(
        wall=(wall - (collector.wall_ns - gc_wall)) / 1e3,
        cpu=(cpu - (collector.cpu_ns - gc_cpu)) / 1e3,
        cpu_with_gc=cpu / 1e3,
        collections=collector.count - collections,
        interrupted=_interrupts() > interrupts,
        window=monitor._windows.count > windows,
    )


def _interrupts() -> int:
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw


def middle(runs: list[Figures]) -> Figures:
    """The median of each figure over several runs."""
    return {name: median(run[name] for run in runs) for name in runs[0]}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--pairs", type=int, help="pairs in a process; writes no results")
    parser.add_argument("--only", choices=FRAMEWORKS, help="one framework; writes no results")
    args = parser.parse_args()
    repeats, pairs = (1, 1500) if args.quick else (REPEATS, PAIRS)
    pairs, names = args.pairs or pairs, [args.only] if args.only else list(FRAMEWORKS)
    cases = [(mode, name, size) for mode in MODES for name in names for size in HEAPS]
    runs: dict[Case, list[Figures]] = {case: [] for case in cases}
    for _ in range(repeats):  # all cases in turn, so that a busy minute does not meet only one
        for case in cases:
            mode, name, size = case
            runs[case].append(
                run_child(SCRIPT, framework=name, objects=size, mode=mode, pairs=pairs)
            )
            print(*case, {key: round(value, 1) for key, value in runs[case][-1].items()})
    figures = {case: middle(found) for case, found in runs.items()}
    body = _section(figures, environment(DISTRIBUTIONS, args.date, SCRIPT), repeats, pairs)
    print(body)
    if not (args.quick or args.pairs or args.only):
        write_section("Cost per request", body)


def _section(figures: dict[Case, Figures], made_by: str, repeats: int, pairs: int) -> str:
    parts = [
        made_by,
        f"Added time per request in microseconds: {pairs:,} pairs of a bare and a wrapped request "
        f"in one process, in drawn order; medians of {repeats} processes. The view builds 200 "
        "dicts and lists and answers with 3 KB of JSON. The frameworks alone have the objects of "
        "the smaller heap. *CPU*: mean of the added CPU time over all pairs, the background "
        "threads included and the collector's own time left out; *first*: of the first "
        f"{FIRST:,} pairs, while a process has windows and walks on credit; *with gc*: that time "
        "included, where it fell; *mean*: of the added wall time, of the pairs that the kernel "
        "did not interrupt for another program; *block*: median of the means of blocks of "
        f"{BLOCK} of them. *Plain*: median of the requests without a window; *window*: median "
        "and 99th percentile of those with one; both less the median of the bare requests. "
        "*gc*: collections that fell into bare and wrapped requests.",
    ]
    for mode, text in TITLES.items():
        parts += [f"### {text}", _table(mode, figures)]
    parts.append(
        "In the first table requests follow each other without a pause, so that the budget of "
        "1 % grants only some of the windows. In the second each window that the duty cycle asks "
        "for is opened, as in an application that has more time than requests; the heap is walked "
        "at once where something grows, as what this benchmark keeps of each request does."
    )
    return "\n\n".join([*parts, _targets(figures)])


def _table(mode: str, figures: dict[Case, Figures]) -> str:
    names = ["bare", "cpu", "first", "background", "with_gc", "mean", "block", "plain"]
    rows: list[list[Any]] = []
    for (of_mode, framework, _), found in figures.items():
        if of_mode == mode:
            row: list[Any] = [f"{framework}, {found['objects']:,.0f}"]
            row += [found[name] for name in names]
            row.append(f"{found['windows']:,.0f} of {found['pairs']:,.0f}")
            row += [found["windowed"], found["windowed_p99"]]
            row.append(f"{found['gc_bare']:.0f}, {found['gc_wrapped']:.0f}")
            rows.append([*row, round(found["interrupted"])])
    head = [
        "framework, live objects",
        "bare",
        "CPU",
        "first",
        "of it background",
        "with gc",
        "mean",
    ]
    return table(
        [*head, "block", "plain", "windows", "window", "window p99", "gc", "interrupted"], rows
    )


def _targets(figures: dict[Case, Figures]) -> str:
    chosen = {case: found for case, found in figures.items() if case[0] == "default"}
    mean = max(found["cpu"] for found in chosen.values())
    window = max(found["windowed"] for found in chosen.values())
    lines = [
        "### Targets, for default settings",
        "",
        f"- mean over all requests at most {MEAN_US:.0f} us of CPU time: "
        f"at most {mean:.1f}, {verdict(mean <= MEAN_US)}",
        f"- a window at most {WINDOW_US:.0f} us more at the median: at most {window:.1f}, "
        f"{verdict(window <= WINDOW_US)}",
        *(_growth(chosen, name) for name in ("cpu", "windowed")),
    ]
    return "\n".join(lines)


def _growth(figures: dict[Case, Figures], name: str) -> str:
    small, large = HEAPS
    pairs = [
        (found[name], figures[mode, framework, large][name])
        for (mode, framework, size), found in figures.items()
        if size == small
    ]
    held = all(big <= RATIO * few or big - few <= APART_US for few, big in pairs)
    shown = ", ".join(f"{few:.1f} and {big:.1f}" for few, big in pairs)
    what = "the mean" if name == "cpu" else "a window"
    return (
        f"- {what} at 1 million at most {RATIO} times as at 10 thousand, or at most "
        f"{APART_US:.0f} us more: {shown}; {verdict(held)}"
    )


if __name__ == "__main__" and not in_child(measure):
    main()
