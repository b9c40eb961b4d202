"""muppy: what is alive, and what changed."""

from __future__ import annotations

import gc
import io
import subprocess
import sys
import threading
import weakref
from typing import Any

import pytest

from pympler import muppy


class Point:
    def __init__(self, x: Any) -> None:
        self.x = x


def is_listed(item: object, **options: bool) -> bool:
    return any(one is item for one in muppy.get_objects(**options))


def made(text: str) -> str:
    """A string that no constant is."""
    return "-".join([text, "made"])


def test_untracked_objects_are_listed_at_any_depth() -> None:
    deepest = made("deep")
    kept = [((deepest, 1.5), 2.5)]
    for _ in range(3):
        gc.collect()  # tuples of atoms are untracked one level at a time
    assert is_listed(deepest)
    assert kept
    empty: dict[Any, Any] = {}
    holder = {"empty": empty}
    assert is_listed(empty)
    assert holder


def test_keys_and_attributes_are_listed() -> None:
    key, value = made("key"), made("value")
    mapping, point = {key: 1}, Point(value)
    assert is_listed(key)
    assert is_listed(value)
    assert mapping
    assert point


FROZEN = """
import gc
from pympler import muppy
kept = [["in a frozen heap"]]
gc.collect()
gc.freeze()
assert any(one is kept[0] for one in muppy.get_objects())
"""


def test_a_frozen_heap_is_listed_too() -> None:
    # In a process of its own: what gc.unfreeze() thaws is more than the test has frozen.
    subprocess.run([sys.executable, "-c", FROZEN], check=True)


@pytest.mark.parametrize("include_frames", [False, True])
def test_a_listing_is_unique_and_leaves_nothing_behind(include_frames: bool) -> None:
    objects = muppy.get_objects(include_frames=include_frames)
    assert len(objects) == len(set(map(id, objects))) > 10_000
    kinds = [type(item) for item in objects]
    frame = type(sys._getframe())
    assert any(kind is frame for kind in kinds) <= include_frames
    del objects, kinds
    assert gc.collect() == 0


def test_a_listing_does_not_contain_itself() -> None:
    objects = muppy.get_objects()
    assert not any(one is objects for one in objects)
    again = muppy.get_objects()
    assert not any(one is again for one in again)


def test_threads_may_build_tuples_meanwhile() -> None:
    stop = threading.Event()
    faults: list[BaseException] = []

    def build() -> None:
        try:
            while not stop.is_set():
                assert len(tuple(number for number in range(300))) == 300
        except BaseException as error:  # noqa: BLE001 - reported below
            faults.append(error)

    thread = threading.Thread(target=build)
    thread.start()
    try:
        for _ in range(3):
            muppy.get_objects()
    finally:
        stop.set()
        thread.join()
    assert faults == []


def test_sizes_and_order() -> None:
    small, large = [0], [0] * 100
    assert muppy.get_size([small, large]) == sys.getsizeof(small) + sys.getsizeof(large)
    assert muppy.sort([large, small]) == [small, large]


def test_differences_are_by_identity() -> None:
    one, equal, other = [1], [1], [2]
    found = muppy.get_diff([one, other], [equal, other])
    assert found["+"][0] is equal
    assert found["-"][0] is one
    assert len(found["+"]) == len(found["-"]) == 1


def test_filters() -> None:
    items = [1, "text", [0] * 100, True]
    assert muppy.filter(items, Type=int) == [1, True]
    assert muppy.filter(items, min=500) == [[0] * 100]
    assert muppy.filter(items, max=500) == [1, "text", True]
    with pytest.raises(ValueError, match="min is 5 and max is 4"):
        muppy.filter(items, min=5, max=4)


def test_referents_of_many_levels() -> None:
    chain: Any = ["end"]
    for _ in range(5000):
        chain = [chain]
    assert len(muppy.get_referents(chain, level=4242)) == 4242
    assert muppy.get_referents([1.5, [2.5]]) == [[2.5], 1.5] or muppy.get_referents(
        [1.5, [2.5]]
    ) == [1.5, [2.5]]
    while chain:
        chain = chain[0] if type(chain) is list else None


def test_frames_and_dead_proxies_are_ignored() -> None:
    point = Point(1)
    proxy = weakref.proxy(point)
    assert not muppy.ignore_object(proxy)
    del point
    assert muppy.ignore_object(proxy)
    assert muppy.ignore_object(sys._getframe())
    assert not muppy.ignore_object([])


def test_a_summary_is_printed() -> None:
    out = io.StringIO()
    muppy.print_summary(stream=out)
    assert out.getvalue().startswith(" ")
    assert len(out.getvalue().splitlines()) == 17
