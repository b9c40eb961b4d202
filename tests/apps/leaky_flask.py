"""A Flask application of which each route leaks in its own way, fills a cache, or is clean."""

from __future__ import annotations

import collections
import functools
import logging
import re
import time
from collections.abc import Callable
from typing import ClassVar

from blinker import Signal
from flask import Flask, render_template_string

app = Flask(__name__)

CHANGED = Signal()
TEXTS: dict[str, str] = {}
ITEMS: list[object] = []
SEEN: set[str] = set()
TAGS: list[str] = []
RECENT: collections.OrderedDict[int, list[int]] = collections.OrderedDict()
SLOW: collections.OrderedDict[int, list[int]] = collections.OrderedDict()
EXPIRING: dict[int, float] = {}
LAST: collections.deque[list[int]] = collections.deque(maxlen=5000)
USERS = [[] for _ in range(400)]  # type: ignore[var-annotated]
head: Node | None = None
log_text = ""
history: tuple[str, ...] = ()
layers: collections.ChainMap[str, str] = collections.ChainMap()


class Item:
    def __init__(self, n: int) -> None:
        self.n = n
        self.payload = "x" * 1000


class Node:
    def __init__(self, n: int, following: Node | None) -> None:
        self.n = n
        self.following = following


class Plugin:
    registry: ClassVar[list[Plugin]] = []

    def __init__(self) -> None:
        self.registry.append(self)


class Repository:
    def __init__(self) -> None:
        self.by_id: dict[int, Item] = {}
        self.order: list[Item] = []

    def add(self, item: Item) -> None:
        self.by_id[item.n] = item
        self.order.append(item)


repository = Repository()


class Cache:
    """A cache with a bound that it declares and keeps."""

    def __init__(self, maxsize: int) -> None:
        self._maxsize = maxsize
        self._data: dict[int, Item] = {}

    def put(self, n: int) -> None:
        if len(self._data) >= self._maxsize:
            self._data.pop(next(iter(self._data)))
        self._data[n] = Item(n)


cache = Cache(20_000)


def remembering() -> Callable[[int], int]:
    kept: list[Item] = []

    def remember(n: int) -> int:
        kept.append(Item(n))
        return len(kept)

    return remember


remember = remembering()


@app.route("/clean/<int:n>")
def clean(n: int) -> str:
    return render_template_string("{{ n }} {% for i in range(5) %}{{ i }}{% endfor %}", n=n)


@app.route("/text/<int:n>")
def text(n: int) -> str:
    TEXTS[f"key {n}"] = f"value {n} " * 20
    return "ok"


@app.route("/items/<int:n>")
def items(n: int) -> str:
    ITEMS.append(Item(n))  # in each request
    return "ok"


@app.route("/heavy/<int:n>")
def heavy(n: int) -> str:
    ITEMS.append({"rows": {"first": "x" * (2000 + n % 3)}, "text": "y" * (1000 + n % 3)})
    return "ok"


@app.route("/same/<int:n>")
def same(n: int) -> str:
    SEEN.add(f"visitor {n % 50}")
    return "ok"


@app.route("/strings/<int:n>")
def strings(n: int) -> str:
    TAGS.append(f"tag {n}")
    return "ok"


@app.route("/set/<int:n>")
def seen(n: int) -> str:
    SEEN.add(f"visitor {n}")
    return "ok"


@app.route("/closure/<int:n>")
def closure(n: int) -> str:
    return str(remember(n))


@app.route("/class/<int:n>")
def class_attribute(n: int) -> str:
    Plugin()
    return "ok"


@app.route("/two/<int:n>")
def two(n: int) -> str:
    repository.add(Item(n))
    return "ok"


@functools.cache
def price(n: int) -> list[int]:
    return [n]


@functools.lru_cache(maxsize=100)
def small(n: int) -> list[int]:
    return [n]


@functools.lru_cache(maxsize=50_000)
def large(n: int) -> list[int]:
    return [n]


@app.route("/lru-unbounded/<int:n>")
def lru_unbounded(n: int) -> str:
    return str(price(n))


@app.route("/lru-small/<int:n>")
def lru_small(n: int) -> str:
    return str(small(n))


@app.route("/lru-large/<int:n>")
def lru_large(n: int) -> str:
    return str(large(n))


@app.route("/declared/<int:n>")
def declared(n: int) -> str:
    cache.put(n)
    return "ok"


@app.route("/deque/<int:n>")
def bounded_deque(n: int) -> str:
    LAST.append([n])
    return "ok"


@app.route("/recent/<int:n>")
def recent(n: int) -> str:
    RECENT[n] = [n]
    if len(RECENT) > 800:
        RECENT.popitem(last=False)
    return "ok"


@app.route("/slow/<int:n>")
def slow(n: int) -> str:
    if n % 4 == 0:
        SLOW[n] = [n]
        if len(SLOW) > 200:
            SLOW.popitem(last=False)
    return "ok"


@app.route("/expiring/<int:n>")
def expiring(n: int) -> str:
    now = time.monotonic()
    EXPIRING[n] = now
    if len(EXPIRING) > 299:
        EXPIRING.clear()
    return "ok"


@app.route("/regex/<int:n>")
def regex(n: int) -> str:
    return str(re.match(f"{n}+", "abc"))


@app.route("/chain/<int:n>")
def chain(n: int) -> str:
    global head
    head = Node(n, head)
    return "ok"


@app.route("/layers/<int:n>")
def layer(n: int) -> str:
    global layers
    small(n)  # full in a while, and no excuse from then on
    layers = layers.new_child({"number": str(n)})
    return "ok"


@app.route("/grow-text/<int:n>")
def grow_text(n: int) -> str:
    global log_text
    log_text += f"request {n} came " * 20
    return "ok"


@app.route("/grow-tuple/<int:n>")
def grow_tuple(n: int) -> str:
    global history
    history += (f"request {n}",)
    return "ok"


@app.route("/users/<int:n>")
def users(n: int) -> str:
    USERS[n % 400].append(f"event {n}")
    return "ok"


@app.route("/signal/<int:n>")
def signal(n: int) -> str:
    def listener(sender: object, **extra: object) -> None:
        return None

    CHANGED.connect(listener, weak=False)
    return "ok"


@app.route("/handler/<int:n>")
def handler(n: int) -> str:
    logging.getLogger("leaky").addHandler(logging.NullHandler())
    return "ok"


@app.route("/every-tenth/<int:n>")
def every_tenth(n: int) -> str:
    if n % 10 == 0:
        ITEMS.append(Item(n))  # in one of ten
    return "ok"


@app.route("/cycles/<int:n>")
def cycles(n: int) -> str:
    for _ in range(30):
        one: list[object] = []
        one.append(one)
    return "ok"
