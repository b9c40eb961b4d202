"""Plain functions that grow for a while, or look as if they did, and leak nothing."""

from __future__ import annotations

import collections
import functools
import gc
import importlib
import io
import itertools
import logging
import logging.handlers
import queue
import random
import re
import threading
import time
import types
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

RECENT: OrderedDict[int, str] = OrderedDict()
LAST: deque[list[int]] = deque(maxlen=100_000)
BATCH: list[str] = []
EPOCH: dict[int, str] = {}
USERS: dict[int, list[int]] = {}
YOUNG: dict[int, str] = {}
OLD: dict[int, str] = {}
RANDOM: dict[int, str] = {}
STEPS: list[int] = []
POOL: list[bytearray] = []
LABELS: collections.Counter[str] = collections.Counter()
FRESH: OrderedDict[int, tuple[float, str]] = OrderedDict()
ORDERS: queue.Queue[str] = queue.Queue(maxsize=5000)
PARTS = io.BytesIO()
LOG = logging.getLogger("innocent")
LOG.propagate = False
MEMORY = logging.handlers.MemoryHandler(700, target=logging.NullHandler())
LOG.addHandler(MEMORY)
MODULES = [
    "colorsys", "chunk", "sndhdr", "calendar", "cmd", "code", "codeop", "plistlib", "netrc",
    "fileinput", "filecmp", "getopt", "graphlib", "imaplib", "mailbox", "modulefinder", "poplib",
    "pprint", "profile", "pyclbr", "rlcompleter", "sched", "shelve", "smtplib", "sunau", "tabnanny",
    "telnetlib", "timeit", "trace", "wave", "xmlrpc.client", "zipapp",
]  # fmt: skip
MOST_ROWS = 5000
ROWS: dict[int, str] = {}
news = ""
log_length = 0


class Thing:
    """Something with a name, which may refer to itself."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.me: Thing | None = None


ALIVE: weakref.WeakSet[Thing] = weakref.WeakSet()
BY_NUMBER: weakref.WeakValueDictionary[int, Thing] = weakref.WeakValueDictionary()


class Table:
    """A cache that declares its bound and keeps it."""

    def __init__(self, max_entries: int) -> None:
        self.max_entries = max_entries
        self._entries: dict[int, Thing] = {}

    def put(self, n: int) -> None:
        if len(self._entries) >= self.max_entries:
            del self._entries[next(iter(self._entries))]
        self._entries[n] = Thing(n)


TABLE = Table(50_000)


def recent(n: int) -> None:
    RECENT[n] = f"page {n}"
    if len(RECENT) > 900:
        RECENT.popitem(last=False)


def max_length(n: int) -> None:
    LAST.append([n])


def batch(n: int) -> None:
    BATCH.append(f"row {n}")
    if len(BATCH) >= 600:
        BATCH.clear()


def epoch(n: int) -> None:
    """An epoch of a thousand requests, then everything is forgotten."""
    if n % 1000 == 0:
        EPOCH.clear()
    EPOCH[n] = f"request {n}"


def users(n: int) -> None:
    USERS.setdefault(n % 1000, [n]).append(n)
    del USERS[n % 1000][1:]


def generations(n: int) -> None:
    global YOUNG, OLD
    YOUNG[n] = f"value {n}"
    if len(YOUNG) >= 450:
        OLD, YOUNG = YOUNG, {}


def random_eviction(n: int) -> None:
    if len(RANDOM) >= 400:
        del RANDOM[random.choice(list(RANDOM))]
    RANDOM[n] = f"value {n}"


def steps(n: int) -> None:
    """Grows by a hundred now and then, up to a cap."""
    if n % 100 == 0 and len(STEPS) < 500:
        STEPS.extend(range(100))


def pool(n: int) -> None:
    """Buffers are made until there are enough, then used again."""
    if len(POOL) < 300:
        POOL.append(bytearray(2000))
    else:
        POOL[n % 300][:] = b"x" * 2000


def labels(n: int) -> None:
    LABELS[f"status {n % 500}"] += 1


def by_the_clock(n: int) -> None:
    """Entries live for a third of a second."""
    now = time.monotonic()
    FRESH[n] = (now + 0.3, f"value {n}")
    while FRESH and next(iter(FRESH.values()))[0] < now:
        FRESH.popitem(last=False)


def bounded_queue(n: int) -> None:
    if ORDERS.full():
        ORDERS.get()
    ORDERS.put(f"order {n}")


def sawtooth(n: int) -> None:
    PARTS.write(b"part %d of a file that is sent in pieces\n" % n)
    if PARTS.tell() > 40_000:
        PARTS.seek(0)
        PARTS.truncate()


def headlines(n: int) -> None:
    global news
    news = (news + f"request {n} came in as request {n} of this process\n")[-30_000:]


def memory_handler(n: int) -> None:
    LOG.warning("request %d", n)


def late_imports(n: int) -> None:
    if n % 5 == 0 and n // 5 < len(MODULES):
        try:
            importlib.import_module(MODULES[n // 5])
        except ImportError:  # not on this Python
            return


def patterns(n: int) -> None:
    re.compile(rf"(?P<number>{n})[a-z]+").match("12a")


def weak_set(n: int) -> None:
    thing = Thing(n)
    thing.me = thing
    ALIVE.add(thing)
    BY_NUMBER[n] = thing


def declared(n: int) -> None:
    TABLE.put(n)


@functools.lru_cache(maxsize=20_000)
def _square(n: int) -> list[int]:
    return [n * n]


def lru(n: int) -> None:
    _square(n)


@functools.cache
def _name(n: int) -> str:
    return f"name {n}"


def few_arguments(n: int) -> None:
    _name(n % 700)


def cycles(n: int) -> None:
    thing = Thing(n)
    thing.me = thing


def temporary(n: int) -> None:
    rows = [{"row": row} for row in range(2000)]
    del rows


def kept_until_next(n: int) -> None:
    kept_until_next.last = [str(row) for row in range(n % 300)]  # type: ignore[attr-defined]


def short_thread(n: int) -> None:
    worker = threading.Thread(target=len, args=("work",))
    worker.start()
    worker.join()


def dynamic_class(n: int) -> None:
    """A class is garbage in cycles; the collector takes it."""
    type(f"Row{n}", (), {"n": n})()


def frozen_pair(n: int) -> None:
    """Lets the collector alone with what it makes, for a while."""
    gc.disable()
    try:
        pairs = list(itertools.pairwise(range(100)))
    finally:
        gc.enable()
    del pairs


def cleared(n: int) -> None:
    """Is emptied long after any check."""
    if len(ROWS) >= MOST_ROWS:
        ROWS.clear()
    ROWS[n] = f"row {n}"


class Trimmed:
    """Keeps some thousands; the method that adds leaves it to another to let go."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.entries: OrderedDict[int, str] = OrderedDict()

    def add(self, n: int) -> None:
        self.entries[n] = f"entry {n}"
        self._trim()

    def _trim(self) -> None:
        while self.most < len(self.entries):
            self.entries.popitem(last=False)


TRIMMED = Trimmed(4000)


def trimmed(n: int) -> None:
    """An attribute of any name is the bound."""
    TRIMMED.add(n)


def remembering(function: Callable[[int], str]) -> Callable[[int], str]:
    """A decorator with a cache that is full in a while."""
    known: dict[int, str] = {}

    @functools.wraps(function)
    def look(n: int) -> str:
        if n not in known:
            if len(known) == 2500:
                known.popitem()
            known[n] = function(n)
        return known[n]

    return look


@remembering
def _word(n: int) -> str:
    return f"word {n}"


def remembered(n: int) -> None:
    """The cache of a decorator."""
    _word(n)


class Timed:
    """Lets go of what is older than it says, when it is asked next."""

    def __init__(self) -> None:
        self.ttl = 6.0
        self.seen: dict[int, float] = {}

    def add(self, n: int) -> None:
        now = time.monotonic()
        self.seen = {key: then for key, then in self.seen.items() if now - then < self.ttl}
        self.seen[n] = now


TIMED = Timed()


def timed(n: int) -> None:
    """Emptied by the clock, after more seconds than a check takes otherwise."""
    TIMED.add(n)


HANDLERS: dict[str, Callable[[int], None]] = {
    name.replace("_", "-"): value
    for name, value in list(globals().items())
    if type(value) is types.FunctionType
    and value.__module__ == __name__
    and not name.startswith("_")
}


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    name, _, number = environ["PATH_INFO"].strip("/").partition("/")
    HANDLERS[name](int(number))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]
