"""The containers of the heap, and who of them refers to given objects, in one pass."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator
from inspect import CO_OPTIMIZED
from itertools import chain, compress, repeat, starmap
from operator import is_, is_not, not_
from types import FrameType, ModuleType
from typing import Any

from pympler.graph.roots import (
    frame_locals,
    is_own_frame,
    is_own_kind,
    module_namespace,
    running_frames,
)

__all__ = ["Containers", "all_but", "frame_referents", "list_without_tuples", "referents"]

_CHUNK = 256


def list_without_tuples(generation: int | None = None) -> list[Any]:
    """All objects that gc tracks, or those of a generation, but exact tuples.

    What holds the tuples leads to them. The list of everything lives within one call into C, so
    that no other thread can run meanwhile: it may hold a tuple that another thread is still
    filling, whose ``tuple(generator)`` fails if anybody else has a reference.
    """
    held: list[Any] = []
    fill: Iterator[Any] = filter(None, map(held.extend, map(gc.get_objects, (generation,))))
    empty: Iterator[Any] = filter(None, starmap(held.clear, ((),)))
    found: list[Any] = []
    found.extend(compress(chain(fill, held, empty), map(is_not, map(type, held), repeat(tuple))))
    # Both lists are listed as well, and a list that holds itself would stay.
    listed = all_but(all_but(found, found), held)
    found.clear()
    return listed


def all_but(items: list[Any], one: object) -> list[Any]:
    """The items without one of them."""
    # No comprehension: up to Python 3.11 it takes a cell, which may be one of the items.
    return list(compress(items, map(is_not, items, repeat(one))))


def referents(item: Any) -> list[Any]:
    """What an object refers to, each as often as it does.

    Modules are asked for their namespace only, because the referents of some C modules cannot be
    listed safely (``_asyncio`` on 3.12.1).
    """
    if issubclass(type(item), ModuleType):
        return [module_namespace(item)]
    return gc.get_referents(item)


def frame_referents(frame: FrameType) -> list[Any]:
    """What a frame holds: its variables, and what is on its stack where gc shows that.

    Up to Python 3.10 gc shows a running frame's links to its caller, code and globals as well, and
    since then nothing at all of it. These links are left out on every version.
    """
    if not frame.f_code.co_flags & CO_OPTIMIZED:
        return [frame.f_locals]  # a module's variables are those of its namespace
    links = (frame.f_back, frame.f_code, frame.f_globals, frame.f_builtins)
    stack = [item for item in gc.get_referents(frame) if all(item is not link for link in links)]
    return [*frame_locals(frame).values(), *stack]


class Containers:
    """What can refer to anything, as it was when the listing was made.

    Left out are Pympler's own objects and frames, and all that is made later: a tree of referrers
    that is built from one listing never shows itself. Keeps everything alive, so let go of it
    soon.
    """

    def __init__(self) -> None:
        found = list_without_tuples()
        kinds = {id(kind): kind for kind in map(type, found)}
        special = {
            key
            for key, kind in kinds.items()
            if kind is FrameType or issubclass(kind, ModuleType) or is_own_kind(kind)
        }
        tests = list(map(special.__contains__, map(id, map(type, found))))
        rest = list(compress(found, tests))
        own = [item for item in rest if is_own_kind(type(item))]
        # Frames of our own, this one among them, would hold what holds them.
        listed = (item for item in rest if type(item) is FrameType)
        frames = {id(item): item for item in listed if not is_own_frame(item)}
        for _, frame in running_frames():
            if not is_own_frame(frame):
                frames[id(frame)] = frame
        del frame
        plain = list(compress(found, map(not_, tests)))
        self._plain = plain + _tuples_in(plain)
        self._modules = [item for item in rest if issubclass(type(item), ModuleType)]
        self._frames = list(frames.values())
        self._left_out = frozenset(id(names) for item in own for names in _namespaces(item))

    def referrers(self, wanted: Collection[int]) -> Iterator[tuple[Any, frozenset[int]]]:
        """Each container that refers to objects with these ids, and which of the ids it does.

        Frames that run are looked into as well: since Python 3.11 gc shows nothing of them.
        """
        ids = frozenset(wanted)
        for start in range(0, len(self._plain), _CHUNK):
            chunk = self._plain[start : start + _CHUNK]
            if ids.isdisjoint(map(id, gc.get_referents(*chunk))):
                continue
            for item in chunk:
                found = ids.intersection(map(id, gc.get_referents(item)))
                if found and id(item) not in self._left_out:
                    yield item, found
        for module in self._modules:
            if id(module_namespace(module)) in ids:
                yield module, frozenset([id(module_namespace(module))])
        for frame in self._frames:
            found = ids.intersection(map(id, frame_referents(frame)))
            if found:
                yield frame, found


def _namespaces(own: Any) -> list[Any]:
    # The __dict__ of an instance is an object of its own up to Python 3.10.
    held = [item for item in gc.get_referents(own) if type(item) is dict]
    return [item for item in held if item is getattr(own, "__dict__", None)]


def _tuples_in(items: list[Any]) -> list[Any]:
    """The tuples that these objects lead to, directly or through other tuples."""
    tuples: dict[int, Any] = {}
    while items:
        inner: dict[int, Any] = {}
        for start in range(0, len(items), _CHUNK):
            held = gc.get_referents(*items[start : start + _CHUNK])
            for item in compress(held, map(is_, map(type, held), repeat(tuple))):
                inner[id(item)] = item
        items = [item for key, item in inner.items() if key not in tuples]
        tuples.update(inner)
    return list(tuples.values())
