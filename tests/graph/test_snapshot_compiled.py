"""The snapshot of the compiled walk is that of the walk in Python."""

from __future__ import annotations

import subprocess
import sys
from array import array
from pathlib import Path

import pytest
from hypothesis import given

from pympler.errors import SnapshotError
from pympler.graph import dominators, heap_snapshot
from pympler.graph.snapshot_graph import HeapGraph, Top
from pympler.graph.snapshot_names import find_parents
from pympler.sizing.compiled import extension
from tests.graph.test_dominators import Edges, graphs, rows
from tests.support import require

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(autouse=True)
def _needs_the_extension() -> None:
    require("the compiled walk", extension() is not None, "a C compiler, then Pympler again")


COMPARE = """
import gc, sys
sys.path.insert(0, sys.argv[1])
from benchmarks.shapes import SHAPES
from pympler.graph.snapshot_compiled import compiled_graph
from pympler.graph.snapshot_tops import begin
from pympler.graph.snapshot_walk import PureWalk
gc.disable()
heap = [shape.make(min(shape.most, 20)) for shape in SHAPES.values()]

class Lying:
    __slots__ = ("held", "__weakref__")
    def __sizeof__(self): raise AssertionError
    def __getattribute__(self, name): raise AssertionError(name)
class Table(dict): pass
hostile = [Lying(), Table(a=1), type("Named", (), {"__module__": 3})(), type("", (), {})]

def compiled():
    start = begin()
    graph = compiled_graph(start, None, None)[0]
    start.let_go()
    return graph
def pure():
    start = begin()
    graph = PureWalk(None, None).run(start)
    start.let_go()
    return graph
def edges(graph, known):
    return {
        graph.ids[node]: {graph.ids[child] for child in graph.referents(node)} & known
        for node in range(1, len(graph))
        if graph.ids[node] in known
    }
def facts(graph, known):
    return {
        key: (graph.types[kind], size)
        for key, kind, size in zip(graph.ids, graph.kinds, graph.sizes)
        if key in known
    }
compiled(), pure(), compiled()
one, other = pure(), compiled()
# What each walk made for itself is not in the other, and there may be another object in its place.
known = set(one.ids) & set(other.ids) - {0}
before, after = facts(one, known), facts(other, known)
differ = [(before[key], after[key]) for key in known if before[key] != after[key]]
print(len(one), len(other), len(known), len(differ))
assert len(known) > 25_000
assert len(set(one.ids) ^ set(other.ids)) < 300, len(set(one.ids) ^ set(other.ids))
assert not differ, differ[:10]
first, second = edges(one, known), edges(other, known)
wrong = [(before[key], first[key] ^ second[key]) for key in known if first[key] != second[key]]
assert not wrong, wrong[:10]
named = lambda graph: {(graph.ids[top.node], top.label, top.phase) for top in graph.tops}
assert len(named(one) ^ named(other)) < 20
loose = [{graph.ids[node] for node in graph.loose} for graph in (one, other)]
assert len(loose[0] ^ loose[1]) < 100
"""


def test_all_shapes_and_the_whole_heap_around_them() -> None:
    done = subprocess.run(
        [sys.executable, "-c", COMPARE, str(ROOT)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@given(graphs())
def test_dominators_and_parents(graph: tuple[Edges, list[int]]) -> None:
    edges, tops = graph
    starts, targets = rows(edges)
    made = HeapGraph(
        [""],
        array("I", bytes(4 * len(edges))),
        array("Q", range(len(edges))),
        array("Q", range(len(edges))),
        starts,
        targets,
        [Top(node, str(node), node % 2) for node in dict.fromkeys(tops)],
    )
    found, order = dominators.find_dominators(starts, targets, tops)
    retained = dominators.sum_retained(made.sizes, found, order)
    parents = find_parents(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pympler.graph.dominators.extension", lambda: None)
        patch.setattr("pympler.graph.snapshot_names.extension", lambda: None)
        expected, other = dominators.find_dominators(starts, targets, tops)
        assert (found, set(order)) == (expected, set(other))
        assert dominators.sum_retained(made.sizes, found, order) == retained
        assert find_parents(made) == parents


FORKED = """
import gc, os, signal, sys, threading, time
from pympler.errors import SnapshotError
from pympler.graph import heap_snapshot, snapshot_fork
gc.disable()

class Session:
    def __init__(self, number):
        self.number, self.pages = number, [f"page {number}"]

class Grown(dict): pass
sessions = {number: Session(number) for number in range(2000)}
grown = Grown(sessions)
for first in (True, False):  # knowing the types from a walk before, and not
    forked = heap_snapshot(fork=True)
    plain = heap_snapshot()
    assert forked.complete
    for item in (sessions, sessions[7], sessions[7].pages, grown):
        assert forked.retained_size(item) == plain.retained_size(item)
        assert forked.path_to_root(item) == plain.path_to_root(item)
    rows = {row.type: row for row in forked.summary()}
    others = {row.type: row for row in plain.summary()}
    assert rows["__main__.Session"] == others["__main__.Session"]
    assert not [row for row in rows if row.startswith("pympler.graph.snapshot")]
assert heap_snapshot(fork=True, max_objects=5000).reason == "max_objects"
assert heap_snapshot(fork=True, timeout_s=0).reason == "timeout_s"

def expect(words):
    try:
        heap_snapshot(fork=True)
    except SnapshotError as error:
        assert words in str(error), error
    else:
        raise AssertionError(words)

# A child that is ended, one that takes too long, and a program that reaps all children.
receive = snapshot_fork._receive
def ended(reading, child, deadline_s):
    os.kill(child, signal.SIGKILL)
    return receive(reading, child, deadline_s)
snapshot_fork._receive = ended
expect("ended by signal 9")
snapshot_fork._receive = lambda reading, child, deadline_s: receive(reading, child, 0)
expect("took too long")
snapshot_fork._receive = receive
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
assert heap_snapshot(fork=True).objects > 20_000
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    pass  # none is left
else:
    raise AssertionError("a child is left")
"""


def test_a_forked_child_sees_the_same() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_without_the_extension_a_fork_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pympler.graph.snapshot_fork.extension", lambda: None)
    with pytest.raises(SnapshotError, match="needs the compiled walk"):
        heap_snapshot(fork=True)
