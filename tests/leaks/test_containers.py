"""Containers of the process and their lengths, on objects made here."""

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

import pytest

from pympler.leaks.containers import cache_dict, fetch, read_lengths


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
    monkeypatch.setattr("pympler.leaks.containers.extension", lambda: None)
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


def test_fetch_finds_what_gc_does_not_track() -> None:
    holder = Holder({"a": "b"})
    assert not gc.is_tracked(holder.value)
    assert fetch({id(holder.value), id(holder)}) == {
        id(holder.value): holder.value,
        id(holder): holder,
    }


def test_finds_what_the_application_has_frozen() -> None:
    # In a process of its own, because gc.freeze() cannot be undone for some objects only.
    code = (
        "import gc, sys\n"
        "from pympler.leaks.containers import fetch, read_lengths\n"
        "CACHE = {'a': []}\n"
        "gc.freeze()\n"
        "assert read_lengths()[id(CACHE)] == 1\n"
        "assert fetch({id(CACHE)}) == {id(CACHE): CACHE}\n"
        "assert gc.get_freeze_count()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
