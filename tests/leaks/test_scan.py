"""The growth scan of a monitor: what no window shows."""

from __future__ import annotations

import array
import gc
from collections import deque
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest

from pympler.leaks import LeakSummary, budget
from pympler.leaks.scan import GrowthScan
from tests.leaks.driving import drive
from tests.leaks.processes import run_alone

HERE = __name__

TEXTS: set[str] = set()
NUMBERS: dict[int, float] = {}
BYTES = bytearray()
BUFFER = BytesIO()
COUNTS = array.array("d")
CACHE: dict[int, str] = {}
LAST: deque[str] = deque(maxlen=300)
EMPTIED: dict[int, str] = {}
SHARDS: list[set[str]] = [set() for _ in range(30)]
USERS: dict[int, list[int]] = {number: list(range(20)) for number in range(100)}


def cached(number: int) -> None:
    if len(CACHE) >= 600:
        CACHE.pop(next(iter(CACHE)))
    CACHE[number] = f"page {number}"


def emptied(number: int) -> None:
    if len(EMPTIED) >= 500:
        EMPTIED.clear()
    EMPTIED[number] = f"page {number}"


def write(number: int) -> None:
    BUFFER.write(b"a line of a log\n")


ROUTES: dict[str, Callable[[int], object]] = {
    "texts": lambda number: TEXTS.add(f"visitor {number}"),
    "numbers": lambda number: NUMBERS.setdefault(number, number / 7),
    "bytes": lambda number: BYTES.extend(b"a line of a log\n"),
    "buffer": write,
    "counts": lambda number: COUNTS.append(number / 7),
    "cached": cached,
    "last": lambda number: LAST.append(f"page {number}"),
    "emptied": emptied,
    "clean": lambda number: [f"page {number}"],
}


@pytest.fixture(autouse=True)
def empty() -> Iterator[None]:
    yield
    for container in (TEXTS, NUMBERS, BYTES, CACHE, LAST, EMPTIED):
        container.clear()
    for user in USERS.values():
        del user[20:]
    for shard in SHARDS:
        shard.clear()
    del COUNTS[:]
    BUFFER.seek(0)
    BUFFER.truncate()


def judged(*names: str, requests: int) -> LeakSummary:
    """The summary after so many requests to each route."""
    return drive({name: ROUTES[name] for name in names}, requests)


def test_containers_of_texts_and_numbers_are_leaks_of_their_routes() -> None:
    summary = judged("texts", "numbers", "clean", requests=2500)
    rows = {route.route: route for route in summary.routes}

    assert {name: row.verdict for name, row in rows.items()} == {
        "/texts": "leak",
        "/numbers": "leak",
        "/clean": "clean",
    }
    (texts,), (numbers,) = rows["/texts"].suspects, rows["/numbers"].suspects
    assert (texts.holder, texts.type) == (f"{HERE}.TEXTS", "set")
    assert (numbers.holder, numbers.type) == (f"{HERE}.NUMBERS", "dict")
    assert texts.growth_per_request == numbers.growth_per_request == 1.0
    assert f"held by {HERE}.TEXTS (set, +1 entry per request)" in rows["/texts"].headline
    assert "0 B" not in rows["/texts"].headline
    assert summary.unattributed == ()


def test_caches_that_are_full_or_emptied_are_no_leaks() -> None:
    summary = judged("cached", "last", "emptied", requests=2500)

    assert summary.verdict in ("clean", "bounded")
    assert summary.unattributed == ()
    assert {route.verdict for route in summary.routes} <= {"clean", "bounded"}


BUFFERS = ("BYTES", "BUFFER", "COUNTS", "TEXTS")


def three_walks() -> tuple[list[set[str]], int]:
    """The paths that each of three walks finds, 200 requests apart, and after how many requests."""
    scan = evident()
    found = []
    for walk in range(3):
        for number in range(200):
            for name in BUFFERS:
                ROUTES[name.lower()](1000 * walk + number)
        holders, requests = scan.walk(400 + 200 * walk)
        found.append({holder.path for holder in holders})
    assert not scan.is_due(100_000)
    return found, requests


@pytest.mark.parametrize("compiled", [True, False])
def test_buffers_are_found_in_three_walks(monkeypatch: pytest.MonkeyPatch, compiled: bool) -> None:
    if not compiled:
        monkeypatch.setattr("pympler.leaks.scan.extension", lambda: None)
        monkeypatch.setattr("pympler.leaks.containers.extension", lambda: None)

    found, requests = three_walks()

    assert found[0] == found[1] == set()
    assert {f"{HERE}.{name}" for name in BUFFERS} <= found[2]
    assert requests == 800


FROZEN = """
    import gc, sys
    from pympler.leaks import containers, scan
    from tests.leaks import test_scan
    if sys.argv[1] == "python":
        scan.extension = containers.extension = lambda: None
    gc.freeze()
    found, requests = test_scan.three_walks()
    assert found[0] == found[1] == set(), found
    assert {f"tests.leaks.test_scan.{name}" for name in test_scan.BUFFERS} <= found[2], found
    assert requests == 800
"""


@pytest.mark.parametrize("walk", ["compiled", "python"])
def test_what_is_frozen_is_found_too(walk: str) -> None:
    # In a process of its own: what gc.unfreeze() thaws is more than the test has frozen.
    run_alone(FROZEN, walk)


def evident() -> GrowthScan:
    """A scan that has seen the blocks grow over 400 requests."""
    scan = GrowthScan()
    for requests in range(0, 401, 50):
        assert not scan.is_due(requests)
        scan.note(requests, 100_000 + requests)
    assert scan.is_due(400)
    return scan


def test_what_is_watched_already_takes_no_place_of_what_is_not() -> None:
    scan = GrowthScan()
    for requests in range(0, 600, 20):
        scan.note(requests, requests)
    found: list[str] = []
    for walk in range(3):
        NUMBERS.update(dict.fromkeys(range(1000 * walk, 1000 * walk + 300), 0.5))
        TEXTS.update(f"{walk}.{number}" for number in range(200))
        found = [one.path for one in scan.walk(600 + 200 * walk, {f"{HERE}.NUMBERS"})[0]]

    assert f"{HERE}.TEXTS" in found
    assert f"{HERE}.NUMBERS" not in found


def test_what_grows_by_little_in_each_of_several_containers_is_found_by_their_owner() -> None:
    for shard in SHARDS:
        shard.update(f"first {number}" for number in range(20))
    scan = evident()
    found: dict[str, int] = {}
    for walk in range(3):
        for number in range(30):
            SHARDS[number].add(f"{walk}.{number}")
        # Each by one of a thousand requests, which is no evidence.
        found = {one.path: one.parts for one in scan.walk(400 + 1000 * walk)[0]}

    assert found == {f"{HERE}.SHARDS": 30}


def test_containers_of_an_owner_with_many_are_watched_each_by_itself() -> None:
    scan = evident()
    found: set[str] = set()
    for walk in range(3):
        for number in range(5):
            USERS[number].extend(range(100))
        found = {one.path for one in scan.walk(400 + 100 * walk)[0]}

    assert found == {f"{HERE}.USERS[{number}]" for number in range(5)}


def test_blocks_that_stop_growing_are_no_evidence() -> None:
    scan = GrowthScan()
    for requests in range(0, 20_000, 50):
        scan.note(requests, 100_000 + min(10 * requests, 1000) + requests % 7)
        assert not scan.is_due(requests)


def test_what_comes_and_goes_does_not_hide_what_grows() -> None:
    scan = GrowthScan()
    due = []
    for requests in range(0, 100_000, 50):
        scan.note(requests, 100_000 + 30 * (requests % 3000) + requests)
        due.append(scan.is_due(requests))

    assert any(due)


def test_after_a_fault_the_evidence_is_gathered_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    scan = evident()
    monkeypatch.setattr("pympler.leaks.scan.read_lengths", fail)
    with pytest.raises(MemoryError):
        scan.walk(400)

    assert not scan.is_due(100_000)


def test_a_full_collection_interrupts_a_walk_in_python(monkeypatch: pytest.MonkeyPatch) -> None:
    def collect_and_read(objects: list[Any], *, least: int) -> dict[int, int]:
        gc.collect()
        return {}

    monkeypatch.setattr("pympler.leaks.scan.extension", lambda: None)
    monkeypatch.setattr("pympler.leaks.scan.read_lengths", collect_and_read)
    scan = evident()

    assert scan.walk(400) == ([], 0)
    assert not scan.is_due(449)
    assert scan.is_due(450)


def test_no_walk_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "memory_left", lambda: 2**20)
    routes = {"texts": ROUTES["texts"]}

    summary = drive(routes, 2000)

    (route,) = summary.routes
    assert route.suspects == ()
    assert any("heap is not walked" in note and "1.0 MB" in note for note in summary.notes)

    TEXTS.clear()
    monkeypatch.setattr(budget, "memory_left", lambda: None)
    summary = drive(routes, 2500)

    assert summary.routes[0].suspects
    assert summary.notes == ()
