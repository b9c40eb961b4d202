"""Applications that make cyclic garbage, each hard on the collector in a way of its own.

The load is a fixed series: nothing in it depends on time, and a run without the monitor makes the
same collections each time. The applications are those of the measurements that windows rest on.
"""

from __future__ import annotations

import gc
import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

__all__ = ["APPLICATIONS", "Application", "Garbage"]

HEAP = 60_000  # live objects at the start, half of them dicts


class Node:
    """A part of a cycle; what is alive of them is counted."""

    alive = 0

    def __init__(self) -> None:
        self.peer: Node | None = None
        Node.alive += 1

    def __del__(self) -> None:
        Node.alive -= 1


class Garbage:
    """Keeps the highest number of nodes that were alive though nothing needed them any more."""

    def __init__(self) -> None:
        self.needed = 0
        self.peak = 0

    def look(self) -> None:
        """To be called between requests."""
        self.peak = max(self.peak, Node.alive - self.needed)


@dataclass(frozen=True, slots=True)
class Application:
    """An application and its load.

    Attributes:
        requests: how many to send.
        handler: makes the function that serves a request.
        prepare: sets the collector up; run once the heap is there.
    """

    requests: int
    handler: Callable[[Garbage], Callable[[int], None]]
    prepare: Callable[[], None]

    @contextmanager
    def running(self, garbage: Garbage) -> Iterator[Callable[[int], None]]:
        """The function that serves a request, on a heap of some size."""
        heap = [{"id": number, "tags": [number]} for number in range(HEAP // 2)]
        gc.collect()
        self.prepare()
        yield self.handler(garbage)
        del heap


def _cycle(nodes: int) -> Node:
    first = last = Node()
    for _ in range(nodes - 1):
        last.peer = Node()
        last = last.peer
    last.peer = first
    return first


def _page(rows: int) -> list[dict[str, int]]:
    return [{"row": row} for row in range(rows)]


def _young(garbage: Garbage) -> Callable[[int], None]:
    """Each request makes cycles and drops them at its end.

    Garbage is at its peak just before a collection of generation 1, made of what was still in use
    at the collections before. Pages before and after the cycles, and many cycles, make that peak
    depend little on where in a request collections happen to fall.
    """
    sizes = random.Random(1)

    def handle(number: int) -> None:
        _page(sizes.randrange(60))
        for _ in range(25):
            _cycle(sizes.randrange(2, 9))
            _page(sizes.randrange(10))

    return handle


def _sessions(garbage: Garbage) -> Callable[[int], None]:
    """Each request makes a cycle which becomes garbage only many requests later."""
    sizes = random.Random(2)
    kept: deque[tuple[Node, int]] = deque()

    def handle(number: int) -> None:
        _page(30)
        size = sizes.randrange(10, 40)
        kept.append((_cycle(size), size))
        garbage.needed += size
        if len(kept) > 1500:
            garbage.needed -= kept.popleft()[1]

    return handle


def _slow(garbage: Garbage) -> Callable[[int], None]:
    """A request leaves hardly anything: collections are rare, so each object more is felt."""
    kept: deque[Node] = deque()

    def handle(number: int) -> None:
        _page(3)
        if number % 2 == 0:
            kept.append(_cycle(2))
            garbage.needed += 2
            if len(kept) > 500:
                kept.popleft()
                garbage.needed -= 2

    return handle


def _manual(garbage: Garbage) -> Callable[[int], None]:
    """The collector is off, and the application collects by itself."""
    handle = _sessions(garbage)
    numbers = count(1)

    def collecting(number: int) -> None:
        handle(number)
        turn = next(numbers)
        if turn % 2000 == 0:
            gc.collect()
        elif turn % 50 == 0:
            gc.collect(0)

    return collecting


def _nothing() -> None:
    pass


APPLICATIONS = {
    "young cycles": Application(20_000, _young, _nothing),
    "cycles that die many requests later": Application(20_000, _sessions, _nothing),
    "heap frozen at the start": Application(20_000, _sessions, gc.freeze),
    "gc disabled, collections by hand": Application(20_000, _manual, gc.disable),
    "thresholds 20000, 5, 5": Application(
        20_000, _sessions, lambda: gc.set_threshold(20_000, 5, 5)
    ),
    "thresholds 100, 5, 5": Application(20_000, _sessions, lambda: gc.set_threshold(100, 5, 5)),
    "slow allocation": Application(80_000, _slow, _nothing),
}
