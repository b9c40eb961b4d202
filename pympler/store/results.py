"""What jobs bring back: the result of each kind, as frozen plain data.

A worker writes ``to_dict(result)`` into :attr:`pympler.store.Job.result`; a page reads it back with
``from_dict``. Which class belongs to which kind of job is in :data:`RESULTS`.

Example:
    >>> result = HeapResult(taken_at=0.0, objects=1, flat_bytes=28)
    >>> HeapResult.from_dict(result.to_dict()) == result
    True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pympler.leaks.plain import SCHEMA, Plain
from pympler.leaks.report import TypeCount

__all__ = [
    "RESULTS",
    "Cycle",
    "CycleEdge",
    "CycleNode",
    "Figure",
    "GarbageResult",
    "Generation",
    "HeapResult",
    "ProcessResult",
    "Retainer",
    "SnapshotResult",
    "ThreadStack",
    "TypeChange",
]


@dataclass(frozen=True, slots=True)
class Retainer:
    """An object and what would go with it.

    Attributes:
        node: the object within the saved snapshot.
        type: type of the object.
        label: how it is reached from a root, or its name; empty if neither is known.
        flat_bytes: of the object alone.
        retained_bytes: of all that lives only because of it, itself included.
        retained_objects: their number, 0 if it was not counted.
        within: node of the next retainer of the same list that it would be freed with, 0 for none.
    """

    node: int
    type: str
    label: str
    flat_bytes: int
    retained_bytes: int
    retained_objects: int = 0
    within: int = 0


@dataclass(frozen=True, slots=True)
class HeapResult(Plain):
    """A snapshot of the whole heap of a worker (job ``"heap"``).

    Attributes:
        taken_at: seconds since the epoch.
        objects, flat_bytes: of the whole heap.
        types: by type, most bytes first; at most a few hundred, ``other_types`` are left out.
        retainers: what holds most, the largest first.
        path: file of the saved snapshot on the worker's machine, to follow objects in it; empty
            if it was not saved.
        walk_s: how long the walk took, in which the worker stood still; 0.0 if that is not known.
    """

    taken_at: float
    objects: int
    flat_bytes: int
    types: tuple[TypeCount, ...] = ()
    other_types: int = 0
    retainers: tuple[Retainer, ...] = ()
    path: str = ""
    walk_s: float = 0.0
    schema: int = SCHEMA


@dataclass(frozen=True, slots=True)
class CycleNode:
    """An object of a cycle: its type and flat size."""

    type: str
    flat_bytes: int


@dataclass(frozen=True, slots=True)
class CycleEdge:
    """A reference within a cycle, between places in :attr:`Cycle.nodes`.

    Attributes:
        label: how the source refers to the target: ``.parent``, ``['key']``; may be empty.
    """

    source: int
    target: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Cycle:
    """Objects that reach each other, so that only the collector can free them.

    Attributes:
        nodes: at most a few dozen; ``objects`` says how many there are in all.
        flat_bytes: of all of them.
    """

    nodes: tuple[CycleNode, ...]
    edges: tuple[CycleEdge, ...]
    objects: int
    flat_bytes: int


@dataclass(frozen=True, slots=True)
class GarbageResult(Plain):
    """What nothing but reference cycles kept alive (job ``"garbage"``).

    Attributes:
        objects, flat_bytes: of all garbage, also of what hangs on the cycles.
        in_cycles: how many of these objects are in a cycle themselves.
        types: the garbage by type, most bytes first.
        cycles: the largest first; ``other_cycles`` are left out.
    """

    taken_at: float
    objects: int
    flat_bytes: int
    in_cycles: int
    types: tuple[TypeCount, ...] = ()
    cycles: tuple[Cycle, ...] = ()
    other_cycles: int = 0
    schema: int = SCHEMA


@dataclass(frozen=True, slots=True)
class Figure:
    """A size that the system tells of the process, with its name."""

    label: str
    bytes: int


@dataclass(frozen=True, slots=True)
class ThreadStack:
    """A thread and where it is.

    Attributes:
        frames: ``file:line in function``, the innermost first, without values.
    """

    name: str
    ident: int
    daemon: bool
    frames: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Generation:
    """One generation of the garbage collector: its settings and what it did so far."""

    threshold: int
    count: int
    collections: int
    collected: int
    uncollectable: int


@dataclass(frozen=True, slots=True)
class ProcessResult(Plain):
    """The process of a worker (job ``"process"``).

    Attributes:
        memory: what the system tells: resident, private, virtual size, and more.
        threads: all threads with their stacks, of Python code alone.
        gc_enabled, gc_frozen: whether automatic collections run, and how many objects the
            application has frozen.
        blocks: memory blocks that Python's allocator has given out.
    """

    taken_at: float
    python: str
    memory: tuple[Figure, ...] = ()
    page_faults: int = 0
    threads: tuple[ThreadStack, ...] = ()
    generations: tuple[Generation, ...] = ()
    gc_enabled: bool = True
    gc_frozen: int = 0
    blocks: int = 0
    schema: int = SCHEMA


@dataclass(frozen=True, slots=True)
class TypeChange:
    """Objects of one type before and after."""

    type: str
    count_before: int
    count_after: int
    bytes_before: int
    bytes_after: int

    @property
    def count_diff(self) -> int:
        """Objects gained, negative if there are fewer."""
        return self.count_after - self.count_before

    @property
    def bytes_diff(self) -> int:
        """Flat bytes gained, negative if there are fewer."""
        return self.bytes_after - self.bytes_before


@dataclass(frozen=True, slots=True)
class SnapshotResult(Plain):
    """The whole heap before and after one request (job ``"snapshot"``).

    Attributes:
        report: key of the request's report, empty if there is none.
        changes: by type, most bytes gained first; unchanged types are left out.
    """

    taken_at: float
    route: str
    method: str
    report: str = ""
    objects_before: int = 0
    objects_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    changes: tuple[TypeChange, ...] = ()
    schema: int = SCHEMA


RESULTS: Mapping[str, type[Any]] = {
    "heap": HeapResult,
    "garbage": GarbageResult,
    "process": ProcessResult,
    "snapshot": SnapshotResult,
}
"""The class of the result of each kind of job."""
