"""One measurement of the heap walk in a process of its own, for ours or for a peer."""

from __future__ import annotations

import gc
import importlib
import json
import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

Figures = dict[str, float]


class Plain:
    """Seven objects and those of its list: a number, a text, two names, a dict with one price."""

    def __init__(self, number: int) -> None:
        self.number = number + 1000
        self.text = f"text {number}"
        self.names = [f"first {number}", f"second {number}"]
        self.prices = {"price": number + 0.5}


def best(ask: Callable[[], object], times: int) -> float:
    """Seconds of the processor in the fastest of some calls."""
    found = []
    for _ in range(times):
        started = time.process_time()
        ask()
        found.append(time.process_time() - started)
    return min(found)


def collect_s(times: int) -> float:
    gc.collect()
    return best(gc.collect, times)


def sizer(tool: str) -> Callable[[Any], Any]:
    if tool == "guppy":
        heapy = importlib.import_module("guppy").hpy()
        return lambda item: heapy.iso(item).domisize
    module, name = (
        ("objsize", "get_deep_size") if tool == "objsize" else ("pympler.asizeof", "asizeof")
    )
    found: Callable[[Any], Any] = getattr(importlib.import_module(module), name)
    return found


def records(tool: str, count: int, times: int) -> Figures:
    gc.disable()  # while they are made
    made = [Plain(number) for number in range(count)]
    gc.enable()
    ask = sizer(tool)
    ask(made[:10])
    figures = {"size": best(lambda: ask(made), times)}
    if tool == "ours":
        figures["collect"] = collect_s(times)
        random.Random(1).shuffle(made)
        figures["shuffled"] = best(lambda: ask(made), times)
        figures["collect shuffled"] = collect_s(times)
    return figures


def texts(tool: str, count: int, times: int) -> Figures:
    made = {f"key {number}": number + 0.5 for number in range(count)}
    ask = sizer(tool)
    ask({})
    return {"size": best(lambda: ask(made), times), "collect": collect_s(times)}


def fill(objects: int) -> list[Plain]:
    gc.disable()  # while they are made
    made = [Plain(number) for number in range(objects // 8)]
    gc.enable()
    return made


def summary(tool: str, objects: int, times: int) -> Figures:
    kept = fill(objects)
    figures = {}
    if tool == "guppy":
        heapy = importlib.import_module("guppy").hpy()
        figures["summary"] = best(lambda: str(heapy.heap()), times)
    elif tool == "objgraph":
        objgraph = importlib.import_module("objgraph")
        figures["summary"] = best(lambda: objgraph.most_common_types(limit=20), times)
        figures["growth"] = best(lambda: objgraph.growth(limit=20), times)
    else:
        muppy = importlib.import_module("pympler.muppy")
        summarize = importlib.import_module("pympler.summary").summarize
        figures["summary"] = best(lambda: summarize(muppy.get_objects()), times)
    if tool == "ours":
        containers = importlib.import_module("pympler.leaks.containers")
        containers.read_lengths()
        figures["growth"] = best(containers.read_lengths, times)
        figures["collect"] = collect_s(times)
    del kept
    return figures


def rss_bytes(name: str) -> int:
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith(name))
    return int(line.split()[1]) * 1024


def snapshot(tool: str, objects: int, times: int) -> Figures:
    heap_snapshot = importlib.import_module("pympler.graph").heap_snapshot
    heap_snapshot()  # learns the types
    kept = fill(objects)
    heap_snapshot(max_objects=1000)
    before = rss_bytes("VmRSS")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak from now on
    started = time.process_time()
    made = heap_snapshot()
    walked = time.process_time()
    made.retained_size(1)
    ended = time.process_time()
    nodes, edges = made.objects, len(made.graph.targets) * 4
    figures = {
        "walk": walked - started,
        "whole": ended - started,
        "objects": nodes,
        "peak": (rss_bytes("VmHWM") - before - edges) / nodes,
        "rest": (rss_bytes("VmRSS") - before - edges) / nodes,
    }
    del made
    figures["collect"] = collect_s(times)
    del kept
    return figures


def pause(tool: str, objects: int, times: int) -> Figures:
    heap_snapshot = importlib.import_module("pympler.graph").heap_snapshot
    heap_snapshot()
    kept = fill(objects)
    gc.collect()
    gc.freeze()  # so that no collection is taken for a pause; the heap is as large
    gc.unfreeze()
    gc.disable()
    gaps: list[float] = []
    done = threading.Event()

    def beat() -> None:
        last = time.perf_counter()
        while not done.is_set():
            time.sleep(0.0005)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    thread = threading.Thread(target=beat)
    thread.start()
    figures: Figures = {"bytes": rss_bytes("VmRSS")}
    for name, fork in (("forked", True), ("plain", False)):
        longest = []
        for _ in range(times):
            gaps.clear()
            heap_snapshot(fork=fork)
            longest.append(max(gaps))
        figures[name] = min(longest)  # what else runs on the machine only adds to it
    done.set()
    thread.join()
    del kept
    return figures


TASKS = {
    "records": records,
    "texts": texts,
    "summary": summary,
    "snapshot": snapshot,
    "pause": pause,
}

if __name__ == "__main__":
    task, tool, count, times = sys.argv[1:]
    json.dump(TASKS[task](tool, int(count), int(times)), sys.stdout)
