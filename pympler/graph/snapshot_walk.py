"""The walk that takes a snapshot, in pure Python: every object gets a number as it is met.

Numbers are looked up by address in pages of small arrays, which take a quarter of the memory of a
dictionary. Objects are held while the walk runs, and nothing of them afterwards.
"""

from __future__ import annotations

import gc
import time
from array import array
from collections.abc import Callable, Iterable
from types import FrameType, ModuleType
from typing import Any

from pympler.graph.containers import list_without_tuples
from pympler.graph.heap import by_type, keys_of, without_passing
from pympler.graph.roots import is_own_frame, is_own_kind, module_namespace
from pympler.graph.snapshot_graph import HeapGraph, Top
from pympler.graph.snapshot_tops import Beginning, own_locals
from pympler.sizing.flat import basic_size
from pympler.sizing.kinds import Kind, kind_of
from pympler.sizing.layout import layout, object_at
from pympler.sizing.marks import MARK_SHIFT
from pympler.sizing.shallow import EVERYTHING
from pympler.util.names import type_name

__all__ = ["PureWalk", "sizes_of"]

_PAGE_BITS = 8
_PAGE_MASK = (1 << _PAGE_BITS) - 1
_EMPTY_PAGE = array("I", bytes(4 << _PAGE_BITS))
_LEFT_OUT = 2**32 - 1
_AT_ONCE = 2000
_Referents = Callable[[Any], Iterable[Any]]


class PureWalk:
    """One walk over the heap.

    Args:
        timeout_s: end it after so many seconds; ``None`` for no limit.
        max_objects: end it after so many objects; ``None`` for no limit.

    Attributes:
        graph: what was found so far.
        reason: ``""``, or the limit at which the walk ended early.
    """

    def __init__(self, timeout_s: float | None, max_objects: int | None) -> None:
        self.graph = HeapGraph([""])
        self.reason = ""
        self._most = _LEFT_OUT - 1 if max_objects is None else max_objects
        self._deadline_s = None if timeout_s is None else time.monotonic() + timeout_s
        self._objects: list[Any] = [None]
        self._pages: dict[int, array[int]] = {}
        self._places: dict[int, int] = {}  # of types in the table of the graph
        self._readers: dict[int, _Referents] = {}
        self._frames: dict[int, list[Any]] = {}
        self._done = 1

    def run(self, beginning: Beginning) -> HeapGraph:
        """Walk from the tops, then from what gc lists besides."""
        self._frames = beginning.frames
        for item in beginning.own:
            self._put(item, _LEFT_OUT)
        for number, phase in enumerate(beginning.phases):
            for top in phase:
                node = self._number_of(top.item) or self._add(top.item)
                if node and node != _LEFT_OUT:
                    self.graph.tops.append(Top(node, top.label, number, top.is_machinery))
        self._spread()
        if not self.reason:
            self._leave_out_own([*beginning.own, *own_locals()])
            self._spread_rest(without_passing(list_without_tuples()))
        for item in beginning.familiar:
            node = self._number_of(item)
            if node and node != _LEFT_OUT:
                self.graph.hidden.append(node)
        self._add_sizes()
        self._close()
        return self.graph

    def _number_of(self, item: Any) -> int:
        mark = id(item) >> MARK_SHIFT
        page = self._pages.get(mark >> _PAGE_BITS)
        return page[mark & _PAGE_MASK] if page is not None else 0

    def _put(self, item: Any, number: int) -> None:
        mark = id(item) >> MARK_SHIFT
        page = self._pages.get(mark >> _PAGE_BITS)
        if page is None:
            page = self._pages[mark >> _PAGE_BITS] = _EMPTY_PAGE[:]
        page[mark & _PAGE_MASK] = number

    def _add(self, item: Any) -> int:
        """Give an object that was not met a number, 0 if it is left out."""
        kind = type(item)
        if self._reader(kind) is _no_referents_of_own or (kind is FrameType and is_own_frame(item)):
            self._put(item, _LEFT_OUT)
            return 0
        node = len(self._objects)
        if node > self._most:
            self.reason = self.reason or "max_objects"
            return 0
        self._objects.append(item)
        self._put(item, node)
        self.graph.ids.append(id(item))
        return node

    def _reader(self, kind: type) -> _Referents:
        """What lists the referents of objects of a type."""
        read = self._readers.get(id(kind))
        if read is None:
            read = self._readers[id(kind)] = self._new_reader(kind)
        return read

    def _new_reader(self, kind: type) -> _Referents:
        if is_own_kind(kind):
            return _no_referents_of_own
        if kind is FrameType:
            return self._frame_referents
        if issubclass(kind, ModuleType):
            return _module_referents
        found = layout()
        hidden = found is not None and found.inline and found.hidden(kind)
        if issubclass(kind, dict):
            return _dict_referents
        return _instance_referents if hidden else gc.get_referents

    def _frame_referents(self, frame: Any) -> list[Any]:
        held = self._frames.get(id(frame))
        return gc.get_referents(frame) if held is None else held

    def _spread(self) -> None:
        """Follow the references of all that has a number, and was not followed yet."""
        objects, targets, starts = self._objects, self.graph.targets, self.graph.starts
        get_page, readers, done = self._pages.get, self._readers, self._done
        while done < len(objects):
            if not done & 1023 and self._is_late():
                break
            item = objects[done]
            for child in readers[id(type(item))](item):
                mark = id(child) >> MARK_SHIFT
                page = get_page(mark >> _PAGE_BITS)
                node = page[mark & _PAGE_MASK] if page is not None else 0
                if node == 0:
                    node = self._add(child)
                if 0 < node < _LEFT_OUT:
                    targets.append(node)
            starts.append(len(targets))
            done += 1
        self._done = done

    def _is_late(self) -> bool:
        if self._deadline_s is not None and time.monotonic() >= self._deadline_s:
            self.reason = self.reason or "timeout_s"
        return self.reason == "timeout_s"

    def _leave_out_own(self, waiting: list[Any]) -> None:
        """Leave out what only Pympler's own objects lead to."""
        waiting += [item for item in list_without_tuples() if self._is_own(item)]
        entered = set(map(id, waiting))
        while waiting and not self._is_late():
            item = waiting.pop()
            read = self._reader(type(item))
            for child in gc.get_referents(item) if read is _no_referents_of_own else read(item):
                if id(child) not in entered and self._number_of(child) in (0, _LEFT_OUT):
                    entered.add(id(child))
                    self._put(child, _LEFT_OUT)
                    waiting.append(child)

    def _is_own(self, item: Any) -> bool:
        own = self._reader(type(item)) is _no_referents_of_own
        return own or (type(item) is FrameType and is_own_frame(item))

    def _spread_rest(self, listed: list[Any]) -> None:
        """Walk what no top leads to. What is referred to only by others of it is no beginning."""
        pages = set(map(id, self._pages.values()))
        listed = [
            item
            for item in listed
            if not self._number_of(item) and not self._is_own(item) and id(item) not in pages
        ]
        inner: set[int] = set()
        for item in listed:
            inner.update(id(one) for one in self._reader(type(item))(item) if one is not item)
        firsts = [item for item in listed if id(item) not in inner]
        for item in [*firsts, *listed]:
            if self._is_late():
                return
            if not self._number_of(item) and (node := self._add(item)):
                self.graph.loose.append(node)
                self._spread()

    def _add_sizes(self) -> None:
        graph = self.graph
        graph.kinds.frombytes(bytes(4 * (len(self._objects) - 1)))
        graph.sizes.frombytes(bytes(8 * (len(self._objects) - 1)))
        kinds: dict[int, Kind] = {}
        numbers = self._number_of
        for begin in range(1, len(self._objects), _AT_ONCE):
            for kind, items in by_type(self._objects[begin : begin + _AT_ONCE]):
                made = kinds.get(id(kind))
                if made is None:
                    made = kinds[id(kind)] = kind_of(kind, EVERYTHING)
                    self._places[id(kind)] = len(graph.types)
                    graph.types.append(type_name(kind))
                place = self._places[id(kind)]
                for item, size in zip(items, sizes_of(made, items), strict=True):
                    node = numbers(item)
                    graph.kinds[node] = place
                    graph.sizes[node] = size

    def _close(self) -> None:
        """Give what was not followed no references."""
        starts = self.graph.starts
        while len(starts) < len(self._objects) + 1:
            starts.append(starts[-1])
        self._objects.clear()
        self._pages.clear()
        self._readers.clear()  # one of them is a method of this object
        self._frames = {}


def _no_referents_of_own(item: Any) -> Iterable[Any]:
    return ()


def _module_referents(module: Any) -> Iterable[Any]:
    return (module_namespace(module),)


def _dict_referents(item: Any) -> Iterable[Any]:
    # gc lists the values alone where all keys are strings, and keys and values where not.
    found = gc.get_referents(item)
    keys = keys_of(item)
    if type(item) is dict:
        return found if len(found) >= 2 * len(keys) else found + keys
    listed = set(map(id, found))
    return found + [key for key in keys if id(key) not in listed]


def _instance_referents(item: Any) -> Iterable[Any]:
    # While the values lie in the object, gc does not list its __dict__ (3.13).
    found = layout()
    where = found.namespace(item) if found is not None else 0
    return [*gc.get_referents(item), object_at(where)] if where else gc.get_referents(item)


def sizes_of(made: Kind, items: list[Any]) -> list[int]:
    """Bytes of objects of one type, without asking what the user wrote."""
    if made.late:  # its __sizeof__ is the user's, and not asked
        return [basic_size(made.type)] * len(items)
    sizes = made.try_sizes(items)
    return sizes if sizes is not None else [made.size_or_basic(item)[0] for item in items]
