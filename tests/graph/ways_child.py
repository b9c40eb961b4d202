"""Compares the two walks over everything that gc tracks in a process with many kinds of holders."""

from __future__ import annotations

import asyncio
import asyncio.events  # a heap to walk
import contextvars
import functools
import gc
import http.server
import logging.config
import signal
import threading
import types
import unittest.mock
import xml.etree.ElementTree
from collections.abc import Callable, Iterator
from typing import Any

from pympler.graph.paths import Chains
from pympler.graph.roots import is_own, is_own_frame
from pympler.graph.ways_compiled import compiled_ways
from pympler.graph.ways_walk import ATOMS, Ways, walk_ways

__all__ = ["main"]

MODULES = (asyncio.events, http.server, logging.config, unittest.mock, xml.etree.ElementTree)
VARIABLE: contextvars.ContextVar[Any] = contextvars.ContextVar("held")
ENOUGH = threading.Event()


class Node:
    pass


class Word(str):
    held: Any


def suspended() -> Iterator[Callable[[], Any]]:
    held = [Node()]
    yield lambda: held


def failed() -> BaseException | None:
    kept = [Node()]

    def uses() -> list[Node]:
        return kept

    try:
        raise KeyError(uses())
    except KeyError as error:
        return error


@functools.lru_cache
def cached(number: int) -> list[Any]:
    return [number, {}]


def in_thread() -> None:
    mine = [[Node()]]

    def closure() -> Any:
        return mine

    ENOUGH.wait()
    closure()


async def in_task(event: asyncio.Event) -> None:
    local = [Node()]
    await event.wait()
    del local


TEXTS: list[str] = []
GENERATOR = suspended()
FIRST = next(GENERATOR)
ERROR = failed()
CACHED = cached(1)
UNKNOWN: Any = types.ModuleType("not_imported")
UNKNOWN.held = [Node()]
KEY = Word("key")
KEY.held = [Node()]
KEYS = {KEY: 1, ("a tuple",): [1]}
signal.signal(signal.SIGTERM, functools.partial(print, [Node()]))
VARIABLE.set([["in a context"]])


def found(ways: Ways) -> dict[int, tuple[str, tuple[int, ...]]]:
    """For each object its root and the way from there, as far as it is of the heap."""
    rows = {}
    for key, ids in ways.ids.items():
        root = ways.roots[ids[0]]
        # A context and what stands for a hook are made for each walk.
        rows[key] = (root.label.partition(":")[0], ids[1:])
        assert Chains(ways.roots, ways.ids).objects(ids) is not None, (root.label, ids)
    return rows


def compare(**limits: Any) -> None:
    """Both walks find the same ways to all there is."""
    targets = frozenset(
        id(item)
        for item in gc.get_objects()
        if not is_own(item)
        and id(type(item)) not in ATOMS
        and not (type(item) is types.FrameType and is_own_frame(item))
    )
    expected = found(walk_ways(targets, **limits))
    assert len(expected) > 5_000
    for with_atoms in (True, False):
        assert found(compiled_ways(targets, with_atoms=with_atoms, **limits)) == expected


async def main() -> None:
    """Compare with a task that waits, a thread that does, and every kind of limit."""
    gc.disable()
    event = asyncio.Event()
    task = asyncio.ensure_future(in_task(event))
    thread = threading.Thread(target=in_thread, daemon=True)
    thread.start()
    await asyncio.sleep(0)
    compare()
    compare(ignore=[id(GENERATOR)], passing=[id(KEYS), id(globals()), id(ERROR)])
    TEXTS.append("".join(("made ", "now")))
    text = id(TEXTS[0])
    for walk in (walk_ways, compiled_ways):
        assert walk(frozenset([text])).ids[text][-2:] == (id(TEXTS), text)
    reached = walk_ways(frozenset([1]), keep_reached=True).reached
    also = compiled_ways(frozenset([1]), keep_reached=True).reached
    listed = [item for item in gc.get_objects() if not is_own(item)]
    differ = [item for item in listed if (id(item) in reached) != (id(item) in also)]
    # Namespaces of modules that are not imported (UNKNOWN; sys.monitoring since 3.12), since 3.13
    # of instances too: the walk in Python goes past them to what is in them.
    kinds = {type(item) for item in differ if not (type(item) is dict and id(item) in also)}
    assert not [kind for kind in kinds if id(kind) not in ATOMS]
    ENOUGH.set()
    task.cancel()


if __name__ == "__main__":
    asyncio.run(main())
