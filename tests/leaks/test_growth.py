"""The growth scan, on objects made here."""

from __future__ import annotations

import array
import functools
import gc
import queue
import subprocess
import sys
from collections import Counter, OrderedDict, UserDict, defaultdict, deque
from io import BytesIO, StringIO
from typing import Any
from xml.etree import ElementTree

import pytest

from pympler.leaks.growth import (
    advance,
    cache_dict,
    fetch,
    find_hubs,
    find_links,
    growing,
    left_behind,
    read_lengths,
    start_tracks,
    tracked_ids,
)


class LyingList(list[int]):
    def __len__(self) -> int:
        raise RuntimeError("asked")


class Holder:
    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


@pytest.mark.parametrize(
    ("container", "length"),
    [
        ([1, 2, 3], 3),
        ({"text": "only, so that gc does not track it"}, 1),
        ({1, 2}, 2),
        (deque([1]), 1),
        (OrderedDict(a=1), 1),
        (LyingList([1, 2]), 2),
        (bytearray(7), 7),
    ],
)
def test_reads_the_length_of_every_container(container: object, length: int) -> None:
    holder = Holder(container)
    assert read_lengths()[id(holder.value)] == length


def test_both_walks_read_the_same_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds: list[Any] = [
        [1], {1}, {"one": 1}, deque([1]), bytearray(1), array.array("d", [1.0]), OrderedDict(a=1),
        StringIO(), BytesIO(), queue.SimpleQueue(), queue.Queue(), defaultdict(int, a=1),
        Counter("a"), functools.lru_cache(lambda: None), LyingList([1]), UserDict(a=1),
    ]  # fmt: skip
    for buffer, text in ((kinds[7], "some text"), (kinds[8], b"bytes")):
        buffer.write(text)
    compiled = read_lengths()
    monkeypatch.setattr("pympler.leaks.growth.extension", lambda: None)
    pure = read_lengths()

    keys = [id(item) for item in kinds]
    assert [compiled.get(key) for key in keys] == [pure.get(key) for key in keys]
    assert sum(compiled.get(key) is None for key in keys) == 2  # a Queue and a UserDict hold one


def test_reads_the_size_of_a_buffer() -> None:
    buffer = BytesIO()
    buffer.write(b"x" * 5000)
    assert read_lengths()[id(buffer)] >= 5000


def test_a_cache_stands_for_the_dictionary_inside_it() -> None:
    cached = functools.lru_cache(maxsize=None)(str)
    for number in range(12):
        cached(number)
    lengths = read_lengths()
    assert lengths[id(cached)] == 12
    assert id(cache_dict(cached)) not in lengths
    assert len(cache_dict(cached)) == 12


def test_what_stands_still_twice_or_shrinks_is_dropped() -> None:
    tracks = start_tracks({1: 5, 2: 5, 3: 5, 4: 5})
    tracks = advance(tracks, {1: 6, 2: 5, 3: 6, 4: 6})
    tracks = advance(tracks, {1: 7, 2: 5, 3: 5})
    assert tracks == {1: (5, 6, 7)}


def test_growth_must_be_in_all_rounds_but_one() -> None:
    tracks = {1: (0, 20, 40, 60), 2: (0, 0, 20, 40), 3: (0, 0, 0, 60), 4: (0, 1, 2, 3)}
    assert growing(tracks, 20) == {1: 1.0, 2: pytest.approx(2 / 3), 4: 0.05}
    assert growing(tracks, 20, least=0.06) == {1: 1.0, 2: pytest.approx(2 / 3)}


def test_fetch_finds_what_gc_does_not_track() -> None:
    holder = Holder({"a": "b"})
    assert not gc.is_tracked(holder.value)
    assert fetch({id(holder.value), id(holder)}) == {
        id(holder.value): holder.value,
        id(holder): holder,
    }


def test_left_behind_counts_new_objects_and_what_only_they_hold() -> None:
    shared = "shared by everybody " * 10
    container: list[Any] = []
    old = tracked_ids()
    for number in range(10):
        container.append({"text": f"only in here {number} " * 10, "shared": shared, "list": []})
    left = left_behind([lambda: list(container)], old)[0]
    expected = container + [row["list"] for row in container] + [row["text"] for row in container]
    assert left.objects == len(expected)
    assert left.flat_bytes == sum(map(sys.getsizeof, expected))


def test_left_behind_counts_what_two_share_for_the_first() -> None:
    old = tracked_ids()
    both: list[list[str]] = [[f"text {number}"] for number in range(5)]
    first, second = list(both), list(both)
    left = left_behind([lambda: gc.get_referents(first), lambda: gc.get_referents(second)], old)
    assert [row.objects for row in left] == [10, 0]


def test_links_lead_from_old_objects_to_chains_of_new_ones() -> None:
    holder = Holder(None)
    gc.collect()
    old = tracked_ids()
    for _ in range(50):
        holder.value = Holder(holder.value)
    best = find_links(old)[0]
    assert best.child is holder.value
    assert best.reach == 50


def test_finds_what_the_application_has_frozen() -> None:
    # In a process of its own, because gc.freeze() cannot be undone for some objects only.
    code = (
        "import gc, sys\n"
        "from pympler.leaks.growth import fetch, read_lengths\n"
        "CACHE = {'a': []}\n"
        "gc.freeze()\n"
        "assert read_lengths()[id(CACHE)] == 1\n"
        "assert fetch({id(CACHE)}) == {id(CACHE): CACHE}\n"
        "assert gc.get_freeze_count()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


def test_an_object_of_c_code_that_takes_many_is_found() -> None:
    root = ElementTree.Element("feed")
    old = tracked_ids()
    for _ in range(20):
        ElementTree.SubElement(root, "entry")

    assert any(one is root for one in find_hubs(old, 20))
    assert not any(one is root for one in find_hubs(old, 21))
