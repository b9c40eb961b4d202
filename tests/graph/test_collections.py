"""A collection begins whenever a walk makes an object, and garbage that the walk has met waits."""

from __future__ import annotations

import subprocess
import sys

import pytest

# The garbage is of an older generation: younger garbage would be gone before the walk sees it.
COLLECTED = """
import gc, sys
from pympler import asizeof
from pympler.graph import heap_snapshot
from pympler.graph.heap import live_objects
from pympler.leaks.containers import read_lengths
from pympler.summary import summarize

class Node:
    pass

def suspended():
    yield

WALKS = {
    "listing": lambda: live_objects(include_frames=True),
    "summary": lambda: summarize(live_objects()),
    "snapshot": heap_snapshot,
    "lengths": read_lengths,
    "asizeof": lambda: asizeof.asizeof(sys.modules),
}
walk = WALKS[sys.argv[1]]
walk()
for allocations in range(1, 20):
    gc.collect()
    gc.set_threshold(100_000)
    garbage = [Node() for _ in range(500)]
    for one in garbage:
        one.itself, one.runs = [one, {"key": (one,)}], suspended()
        next(one.runs)
        one.frame = one.runs.gi_frame, one
    gc.collect(0)
    del garbage, one
    gc.set_threshold(allocations, 0, 1000)
    found = walk()
    gc.set_threshold(100_000)
    del found
"""


@pytest.mark.parametrize("walk", ["listing", "summary", "snapshot", "lengths", "asizeof"])
def test_a_collection_in_a_walk_takes_nothing_that_it_lists(walk: str) -> None:
    child = [sys.executable, "-X", "faulthandler", "-c", COLLECTED, walk]
    done = subprocess.run(child, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
