"""A snapshot with a short pause: a forked child walks, and sends the graph back through a pipe.

The child runs no code of Python's, takes no lock and writes to nothing that it shares with its
parent. It sees what modules, frames, hooks and the context lead to, and not what only C code holds:
to list that would write to every object.
"""

from __future__ import annotations

import os
import select
import signal
import time
from array import array
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

from pympler.errors import SnapshotError
from pympler.graph.roots import is_own_kind
from pympler.graph.snapshot_compiled import (
    REASONS,
    graph_from,
    let_go,
    request_of,
    type_names,
)
from pympler.graph.snapshot_graph import HeapGraph
from pympler.graph.snapshot_tops import Beginning
from pympler.graph.walkers import learn, taught_walker
from pympler.sizing.compiled import extension
from pympler.sizing.taught import OWN, teach_mode

__all__ = ["forked_graph"]

_LONGEST_S = 120.0
_GRACE_S = 30.0
_AT_ONCE = 1 << 20
_ROWS = 8
_NO_MEMORY = 2
_SAMPLES: tuple[Any, ...] = (
    *("", b"", 0, 0.0, 1j, True, None, (), [], {}, set(), frozenset(), bytearray(), type, object()),
    *(lambda: None, ModuleType("sample"), slice(0), range(0)),
)


def forked_graph(
    beginning: Beginning, timeout_s: float | None, max_objects: int | None
) -> tuple[HeapGraph, str]:
    """The graph of the heap at this moment, and the limit at which the walk ended early.

    Raises:
        SnapshotError: if this cannot be done here, or the child failed, was ended, or took longer
            than it may: half a minute more than ``timeout_s``, or two minutes without.
    """
    module = extension()
    if module is None or not hasattr(module.Walker, "fork_graph"):
        raise SnapshotError("fork=True needs the compiled walk, and a system that can fork")
    walker = taught_walker()
    _prepare(walker)
    request = request_of(beginning, timeout_s, max_objects)
    deadline_s = time.monotonic() + (_LONGEST_S if timeout_s is None else timeout_s + _GRACE_S)
    reading, writing = os.pipe()
    try:
        try:
            child = walker.fork_graph(*request, writing)
        except OSError as error:
            raise SnapshotError(f"the process cannot be forked: {error}") from error
        finally:
            os.close(writing)
            let_go(request)
        stopped, rows = _receive(reading, child, deadline_s)
    finally:
        os.close(reading)
    names = [name.decode("utf-8", "replace") for name in rows.pop().split(b"\0")[:-1]]
    rows.insert(5, b"")  # what no top leads to is not looked for
    types = [*type_names(walker), *names]
    graph = graph_from(rows, beginning, types)
    return graph, REASONS[stopped]


def _prepare(walker: Any) -> None:
    """Teach the walker what is met everywhere, and have it know all classes that there are."""
    known = {id(row[0]) for row in walker.tally()}
    samples = {id(type(one)): one for one in _SAMPLES if id(type(one)) not in known}
    learn(walker, list(samples.values()))
    classes = [kind for kind in _classes() if id(kind) not in known and id(kind) not in samples]
    for kind in classes:
        if is_own_kind(kind):
            teach_mode(walker, kind, OWN)
    walker.know(classes)


def _classes() -> list[type]:
    subclasses_of: Callable[[type], list[type]] = type.__subclasses__
    found: list[type] = [object]
    seen = {id(object)}
    for kind in found:  # grows meanwhile
        for one in subclasses_of(kind):
            if id(one) not in seen:
                seen.add(id(one))
                found.append(one)
    return found


def _receive(reading: int, child: int, deadline_s: float) -> tuple[int, list[bytes]]:
    """Whether the child was stopped, and the rows that it sends; it is gone afterwards."""
    complete = False
    try:
        head = array("Q")
        head.frombytes(_read(reading, 8, deadline_s))
        rows = []
        for _ in range(_ROWS):
            length = array("Q")
            length.frombytes(_read(reading, 8, deadline_s))
            rows.append(_read(reading, length[0], deadline_s))
        complete = True
    except TimeoutError:
        raise SnapshotError("the walk in a forked process took too long, and was ended") from None
    except EOFError:
        raise SnapshotError(_why_it_ended(child)) from None
    finally:
        if not complete:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        with suppress(ChildProcessError):  # the program waits for all of its children itself
            os.waitpid(child, 0)
    return head[0], rows


def _read(reading: int, length: int, deadline_s: float) -> bytes:
    found = bytearray()
    poll = select.poll()  # select() cannot wait for descriptors from 1024 on
    poll.register(reading, select.POLLIN)
    while len(found) < length:
        left_s = deadline_s - time.monotonic()
        if left_s <= 0 or not poll.poll(left_s * 1000):
            raise TimeoutError
        part = os.read(reading, min(_AT_ONCE, length - len(found)))
        if not part:
            raise EOFError
        found += part
    return bytes(found)


def _why_it_ended(child: int) -> str:
    """Why a child that closed its end of the pipe has ended, in words."""
    try:
        _, status = os.waitpid(child, 0)
    except ChildProcessError:
        return "the walk in a forked process ended early, and the program waited for it"
    code = os.waitstatus_to_exitcode(status)
    if code == _NO_MEMORY:
        return "the walk in a forked process ran out of memory"
    if code < 0:
        return f"the walk in a forked process was ended by signal {-code}"
    return f"the walk in a forked process failed (exit status {code})"
