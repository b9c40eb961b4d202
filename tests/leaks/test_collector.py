"""The application's garbage collection is what it would be without the monitor."""

from __future__ import annotations

import pytest

from tests.leaks.processes import run_alone

APPLICATION = """
    import collections, gc, sys
    from pympler.leaks import LeakMonitor

    kind, watched = sys.argv[1], sys.argv[2] == "watched"

    class Node:
        def __init__(self):
            self.self = self
            self.data = [{"number": 1}]

    held = collections.deque(maxlen=4000)

    def young_cycles(number):
        for _ in range(3):
            Node()

    def old_cycles(number):  # die only after many requests
        for _ in range(5):
            held.append(Node())
            Node()

    if kind == "low_thresholds":
        gc.set_threshold(100, 5, 5)
    work = old_cycles if kind == "old_cycles" else young_cycles
    ballast = [[number] for number in range(20_000)]
    monitor = LeakMonitor() if watched else None
    if monitor is not None:  # how many walks of the heap there are is a question of seconds
        monitor._budget.spend(60.0, walk=True)

    def serve(number):
        if monitor is not None:
            request = monitor.begin()
            work(number)
            request.finish("/x", "GET", 200)
        else:
            work(number)

    for number in range(1000):  # what is imported and made once belongs to the start
        serve(number)
    gc.collect()
    collections_before = gc.get_stats()[2]["collections"]
    peak = collected = 0

    def count(phase, info):
        global peak
        if phase == "stop":
            peak = max(peak, info["collected"])

    gc.callbacks.append(count)
    for number in range(20_000):
        serve(number)
    print(gc.get_stats()[2]["collections"] - collections_before, peak)
    if monitor is not None:
        print(monitor.summary().windows)
        monitor.close()
"""


@pytest.mark.parametrize("kind", ["young_cycles", "old_cycles", "low_thresholds"])
def test_full_collections_and_peak_garbage_are_as_without_the_monitor(kind: str) -> None:
    bare_full, bare_peak = map(int, run_alone(APPLICATION, kind, "bare").split())
    full, peak, windows = map(int, run_alone(APPLICATION, kind, "watched").split())

    assert windows > 100
    assert abs(full - bare_full) <= 1
    assert abs(peak - bare_peak) <= 0.05 * bare_peak + 10
