"""Plain functions behind a bare WSGI application: data structures that grow in a request."""

from __future__ import annotations

import array
import bisect
import collections
import heapq
import io
import queue
import types
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

SEEN: set[str] = set()
MATRIX: list[list[int]] = []
BY_USER: dict[str, dict[str, list[str]]] = {}
SHARDS: list[dict[str, str]] = [{} for _ in range(8)]
SORTED: list[tuple[int, str]] = []
HEAP: list[tuple[int, str]] = []
EVENTS: queue.Queue[str] = queue.Queue()
SIMPLE: queue.SimpleQueue[str] = queue.SimpleQueue()
RAW = bytearray()
NUMBERS = array.array("q")
BUFFER = io.BytesIO()
TEXT = io.StringIO()
HITS: collections.Counter[str] = collections.Counter()
LAYERS: collections.ChainMap[str, str] = collections.ChainMap()
TAIL: collections.deque[str] = collections.deque()
OPTIONS = types.SimpleNamespace()
audit_log = ""
frames = b""
visited: frozenset[str] = frozenset()
mask = 1


class Node:
    """A link of a list that nobody cuts."""

    __slots__ = ("following", "value")

    def __init__(self, value: str, following: Node | None) -> None:
        self.value = value
        self.following = following


class Stack:
    top: Node | None = None


@dataclass
class Basket:
    owner: str
    lines: list[str] = field(default_factory=list)


@dataclass
class Warehouse:
    baskets: dict[int, Basket] = field(default_factory=dict)
    total: int = 0


class Ledger:
    __slots__ = ("count", "entries")

    def __init__(self) -> None:
        self.count = 0
        self.entries: list[str] = []


class Tree:
    def __init__(self, parent: Tree | None = None) -> None:
        self.parent = parent
        self.children: list[Tree] = []
        if parent is not None:
            parent.children.append(self)  # leak: tree

    def detach(self) -> None:
        assert self.parent is not None
        self.parent.children.remove(self)


class Ring:
    """A ring buffer; the first version forgets to overwrite."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.slots: list[str] = []
        self.position = 0

    def push(self, item: str) -> None:
        self.slots.insert(self.position % self.size, item)  # leak: ring
        self.position += 1

    def push_right(self, item: str) -> None:
        if len(self.slots) < self.size:
            self.slots.append(item)
        else:
            self.slots[self.position % self.size] = item
        self.position += 1


class Session:
    """A key of a weak dictionary."""

    def __init__(self, name: str) -> None:
        self.name = name


warehouse = Warehouse()
LEDGER = Ledger()
ROOT = Tree()
RING = Ring(32)
SESSIONS: weakref.WeakKeyDictionary[Session, list[Any]] = weakref.WeakKeyDictionary()


def seen(n: int) -> None:
    SEEN.add(f"visitor {n}")  # leak: seen


def seen_fixed(n: int) -> None:
    SEEN.add(f"visitor {n % 10}")


def matrix(n: int) -> None:
    MATRIX.append([n] * 5)  # leak: matrix


def matrix_fixed(n: int) -> None:
    MATRIX.append([n] * 5)
    del MATRIX[:-3]


def nested(n: int) -> None:
    # A new list below a user that is there already.
    BY_USER.setdefault("anna", {})[f"day {n}"] = [f"visit {n}"]  # leak: nested


def nested_fixed(n: int) -> None:
    BY_USER.setdefault("anna", {})["today"] = [f"visit {n}"]


def shards(n: int) -> None:
    SHARDS[n % len(SHARDS)][f"key {n}"] = f"value {n}"  # leak: shards


def shards_fixed(n: int) -> None:
    SHARDS[n % len(SHARDS)]["key"] = f"value {n}"


def insort(n: int) -> None:
    bisect.insort(SORTED, (n % 7, f"entry {n}"))  # leak: insort


def insort_fixed(n: int) -> None:
    bisect.insort(SORTED, (n % 7, f"entry {n}"))
    SORTED.pop()


def heap(n: int) -> None:
    heapq.heappush(HEAP, (n, f"job {n}"))  # leak: heap


def heap_fixed(n: int) -> None:
    heapq.heappush(HEAP, (n, f"job {n}"))
    heapq.heappop(HEAP)


def event_queue(n: int) -> None:
    EVENTS.put(f"event {n}")  # leak: event-queue


def event_queue_fixed(n: int) -> None:
    EVENTS.put(f"event {n}")
    EVENTS.get()


def simple_queue(n: int) -> None:
    SIMPLE.put(f"event {n}")  # leak: simple-queue


def simple_queue_fixed(n: int) -> None:
    SIMPLE.put(f"event {n}")
    SIMPLE.get()


def raw_bytes(n: int) -> None:
    RAW.extend(b"packet %d " % n)  # leak: raw-bytes


def raw_bytes_fixed(n: int) -> None:
    RAW[:] = b"packet %d " % n


def numbers(n: int) -> None:
    NUMBERS.append(n)  # leak: numbers


def numbers_fixed(n: int) -> None:
    NUMBERS.append(n)
    del NUMBERS[:]


def bytes_io(n: int) -> None:
    BUFFER.write(b"line %d of the log of this process\n" % n)  # leak: bytes-io


def bytes_io_fixed(n: int) -> None:
    BUFFER.seek(0)
    BUFFER.write(b"line %d of the log of this process\n" % n)
    BUFFER.truncate()


def string_io(n: int) -> None:
    TEXT.write(f"line {n} of the log of this process, which nobody ever reads\n")


def string_io_fixed(n: int) -> None:
    TEXT.seek(0)
    TEXT.write(f"line {n} of the log of this process, which nobody ever reads\n")
    TEXT.truncate()


def text_log(n: int) -> None:
    global audit_log
    audit_log += f"request {n} was answered as it should be\n"  # leak: text-log


def text_log_fixed(n: int) -> None:
    global audit_log
    audit_log = f"request {n} was answered as it should be\n"


def bytes_log(n: int) -> None:
    global frames
    frames = frames + b"frame %d;" % n + bytes(40)  # leak: bytes-log


def bytes_log_fixed(n: int) -> None:
    global frames
    frames = (frames + b"frame %d;" % n + bytes(40))[-400:]


def replaced_set(n: int) -> None:
    global visited
    visited = visited | {f"page {n}"}  # leak: replaced-set


def replaced_set_fixed(n: int) -> None:
    global visited
    visited = frozenset({f"page {n}"})


def big_number(n: int) -> None:
    global mask
    mask = (mask << 512) | n  # leak: big-number


def big_number_fixed(n: int) -> None:
    global mask
    mask = 1 << (n % 512)


def counter(n: int) -> None:
    HITS[f"/page/{n}"] += 1  # leak: counter


def counter_fixed(n: int) -> None:
    HITS["/page"] += 1


def layers(n: int) -> None:
    LAYERS.maps.insert(0, {"request": str(n)})  # leak: layers


def layers_fixed(n: int) -> None:
    LAYERS.maps[0] = {"request": str(n)}


def tail(n: int) -> None:
    TAIL.appendleft(f"line {n}")  # leak: tail


def tail_fixed(n: int) -> None:
    TAIL.appendleft(f"line {n}")
    TAIL.pop()


def namespace(n: int) -> None:
    setattr(OPTIONS, f"option_{n}", str(n))  # leak: namespace


def namespace_fixed(n: int) -> None:
    OPTIONS.option = str(n)


def linked(n: int) -> None:
    Stack.top = Node(f"value {n}", Stack.top)  # leak: linked


def linked_fixed(n: int) -> None:
    Stack.top = Node(f"value {n}", None)


def data_class(n: int) -> None:
    warehouse.baskets[n] = Basket(f"owner {n}", [str(n)])  # leak: data-class
    warehouse.total += 1


def data_class_fixed(n: int) -> None:
    warehouse.baskets[n] = Basket(f"owner {n}", [str(n)])
    del warehouse.baskets[n]


def slots(n: int) -> None:
    LEDGER.count += 1
    LEDGER.entries.append(f"entry {n}")  # leak: slots


def slots_fixed(n: int) -> None:
    LEDGER.count += 1
    LEDGER.entries = [f"entry {n}"]


def tree(n: int) -> None:
    Tree(ROOT)


def tree_fixed(n: int) -> None:
    Tree(ROOT).detach()


def ring(n: int) -> None:
    RING.push(f"item {n}")


def ring_fixed(n: int) -> None:
    RING.push_right(f"item {n}")


def weak_key(n: int) -> None:
    session = Session(f"session {n}")
    # The value refers to its key, so that neither ever goes.
    SESSIONS[session] = [session]  # leak: weak-key


def weak_key_fixed(n: int) -> None:
    session = Session(f"session {n}")
    SESSIONS[session] = [session.name]


HANDLERS: dict[str, Callable[[int], None]] = {
    name.replace("_", "-"): value
    for name, value in list(globals().items())
    if type(value) is types.FunctionType and value.__module__ == __name__
}


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    name, _, number = environ["PATH_INFO"].strip("/").partition("/")
    HANDLERS[name](int(number))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]
