"""Verdicts from beginning to end: routes that leak, cache and do neither, through a monitor."""

from __future__ import annotations

import functools
import gc
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from pympler.leaks import LeakSummary, RouteSummary
from tests.leaks.driving import drive

HOLDER = __name__

DICT: dict[int, object] = {}
LIST: list[object] = []
LRU: OrderedDict[int, object] = OrderedDict()
LAST: deque[object] = deque(maxlen=100)
HALVED: dict[int, object] = {}
THOUSAND: dict[int, object] = {}
TRIMMED: dict[int, object] = {}
UNTRIMMED: dict[int, object] = {}


class Item:
    def __init__(self, number: int) -> None:
        self.lines = [number]


class Registry:
    instances: ClassVar[list[Registry]] = []

    def __init__(self) -> None:
        self.data = [self]
        Registry.instances.append(self)


class Chain:
    head: Any = None


class Link:
    __slots__ = ("following", "item")

    def __init__(self, item: Item, following: object) -> None:
        self.item = item
        self.following = following


def closure() -> Callable[[int], None]:
    seen: list[Item] = []

    def handler(number: int) -> None:
        seen.append(Item(number))

    return handler


def chain(number: int) -> None:
    Chain.head = Link(Item(number), Chain.head)


def lru(number: int) -> None:
    LRU[number] = Item(number)
    while len(LRU) > 150:
        LRU.popitem(last=False)


@functools.lru_cache(maxsize=100)
def computed(number: int) -> Item:
    return Item(number)


def halved(number: int) -> None:
    if len(HALVED) >= 80:
        for key in list(HALVED)[:40]:
            del HALVED[key]
    HALVED[number] = Item(number)


def thousand(number: int) -> None:
    THOUSAND[number % 1000] = Item(number)


def trimmed(number: int) -> None:
    TRIMMED[number] = Item(number)
    if len(TRIMMED) > 5000:
        TRIMMED.clear()


def trimmed_in_vain(number: int) -> None:
    UNTRIMMED[number] = Item(number)
    if len(UNTRIMMED) == 100:  # only once, and then it goes on
        UNTRIMMED.pop(number)
        UNTRIMMED[-number] = UNTRIMMED[number - 1]
        UNTRIMMED[-number - 1] = UNTRIMMED[number - 1]


def seldom(number: int) -> None:
    if number % 3 == 0:
        LIST.append(Item(number))


def clean(number: int) -> None:
    items = [Item(place) for place in range(20)]
    assert len(items) == 20


def cyclic(number: int) -> None:
    for place in range(30):
        item = Item(place)
        item.lines.append(item)  # type: ignore[arg-type]


LEAK_IN_CLOSURE = closure()
ROUTES: dict[str, Callable[[int], object]] = {
    "dict": lambda number: DICT.setdefault(number, Item(number)),
    "list": lambda number: LIST.append(Item(number)),
    "registry": lambda number: Registry(),
    "closure": LEAK_IN_CLOSURE,
    "chain": chain,
    "lru": lru,
    "deque": lambda number: LAST.append(Item(number)),
    "lru_cache": computed,
    "halved": halved,
    "clean": clean,
    "cyclic": cyclic,
    "seldom": seldom,
    "thousand": thousand,
    "trimmed": trimmed,
    "trimmed in vain": trimmed_in_vain,
}


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    yield
    for container in (
        DICT,
        LIST,
        LRU,
        LAST,
        HALVED,
        THOUSAND,
        TRIMMED,
        UNTRIMMED,
        Registry.instances,
    ):
        container.clear()
    Chain.head = None
    computed.cache_clear()
    assert LEAK_IN_CLOSURE.__closure__ is not None
    LEAK_IN_CLOSURE.__closure__[0].cell_contents.clear()
    gc.collect()


def judged(
    *names: str, requests: int = 1500, heard: list[RouteSummary] | None = None, **options: Any
) -> LeakSummary:
    """The summary after that many requests to each of the routes, in turn."""
    calls = {name: ROUTES[name] for name in names}
    return drive(calls, requests, None if heard is None else heard.append, **options)


def verdicts(summary: LeakSummary) -> dict[str, str | None]:
    return {route.route: route.verdict for route in summary.routes}


@pytest.mark.parametrize(
    ("name", "holder", "kind"),
    [
        ("dict", f"{HOLDER}.DICT", "dict"),
        ("list", f"{HOLDER}.LIST", "list"),
        ("registry", f"{HOLDER}.Registry.instances", "list"),
        ("closure", f"{HOLDER}.LEAK_IN_CLOSURE.<closure>.seen", "list"),
        ("seldom", f"{HOLDER}.LIST", "list"),
    ],
)
def test_a_leak_is_named_with_its_holder(name: str, holder: str, kind: str) -> None:
    (route,) = judged(name).routes

    assert route.verdict == "leak", route.headline
    assert (route.suspects[0].holder, route.suspects[0].type) == (holder, kind)
    assert route.suspects[0].growth_per_request == pytest.approx(
        1 / 3 if name == "seldom" else 1, rel=0.2
    )
    assert f"held by {holder} ({kind}, +" in route.headline


def test_a_chain_without_a_container_that_grows_is_a_leak() -> None:
    (route,) = judged("chain").routes

    assert route.verdict == "leak", route.headline
    assert route.suspects[0].holder.startswith(f"{HOLDER}.Chain")


@pytest.mark.parametrize(
    ("name", "holder", "bound"),
    [
        ("lru", f"{HOLDER}.LRU", 150),
        ("deque", f"{HOLDER}.LAST", 100),
        ("lru_cache", f"lru_cache of {HOLDER}.computed", 100),
    ],
)
def test_a_cache_is_bounded(name: str, holder: str, bound: int) -> None:
    (route,) = judged(name).routes

    assert route.verdict == "bounded", route.headline
    assert (route.suspects[0].holder, route.suspects[0].bound) == (holder, bound)


@pytest.mark.parametrize("name", ["halved", "clean", "cyclic"])
def test_nobody_else_is_accused(name: str) -> None:
    heard: list[RouteSummary] = []

    (route,) = judged(name, heard=heard).routes

    assert heard == []
    assert route.verdict in {"halved": ("bounded", None)}.get(name, ("clean", "cyclic-garbage"))


def test_among_others_only_the_route_that_leaks_is_accused() -> None:
    heard: list[RouteSummary] = []

    summary = judged("dict", "clean", "lru", "cyclic", requests=1000, heard=heard)

    found = verdicts(summary)
    assert found["/dict"] == "leak"
    assert found["/clean"] == "clean"
    assert [route.route for route in heard] == ["/dict"]
    assert summary.verdict == "leak"
    clean = next(route for route in summary.routes if route.route == "/clean")
    assert (clean.objects_per_request, clean.bytes_per_request, clean.suspects) == (0.0, 0.0, ())


def test_two_routes_that_feed_one_container_are_both_accused() -> None:
    found = verdicts(judged("list", "seldom", "clean", requests=1200))

    assert found == {"/list": "leak", "/seldom": "leak", "/clean": "clean"}


def test_the_line_that_stores_is_named() -> None:
    if sys.gettrace() is not None:
        pytest.skip("a coverage tool traces already")
    heard: list[RouteSummary] = []

    judged("registry", heard=heard, deep="evidence")

    line = Registry.__init__.__code__.co_firstlineno + 2
    assert [route.suspects[0].stored_at for route in heard] == [
        f"tests/leaks/test_verdicts.py:{line}"
    ]


def test_a_bound_in_the_code_counts_before_it_is_reached() -> None:
    (route,) = judged("trimmed").routes

    assert route.verdict == "bounded", route.headline
    assert route.suspects[0].bound == 5000
    assert route.suspects[0].evidence == "declares a bound of 5000 in its code"


def test_a_bound_in_the_code_that_is_exceeded_is_none() -> None:
    (route,) = judged("trimmed in vain").routes

    assert route.verdict == "leak", route.headline


def test_nobody_is_called_for_a_cache_that_is_about_to_be_full() -> None:
    heard: list[RouteSummary] = []

    summary = judged("thousand", "clean", requests=2000, heard=heard)

    assert verdicts(summary) == {"/thousand": "bounded", "/clean": "clean"}
    assert heard == []


def test_for_a_leak_somebody_is_called_once_and_late() -> None:
    lengths: list[int] = []

    class Heard(list[RouteSummary]):
        def append(self, route: RouteSummary) -> None:
            super().append(route)
            lengths.append(len(LIST))

    heard = Heard()
    judged("list", "clean", requests=2000, heard=heard)

    assert [route.route for route in heard] == ["/list"]
    assert 1500 <= lengths[0] < 1800
