"""Windows: captures and listings written by hand, and the real thing."""

from __future__ import annotations

import gc
import sys
import weakref
from typing import Any

import pytest

from pympler.leaks.listing import (
    list_generation,
    list_ids,
    supports_windows,
    take,
)
from pympler.leaks.marks import Fence
from pympler.leaks.window import Window
from pympler.leaks.young import YoungWatch, refusal
from tests.leaks.values import capture, listing


def window(epoch: int = 0) -> tuple[Window, int, int]:
    made = Window(epoch=epoch, end=Fence())
    return made, id(made.fence), id(made.end)


def aged(one: Window) -> list[int]:
    return [] if one.aged is None else one.aged.ids


def test_births_stand_between_the_fences() -> None:
    one, start, end = window()

    births, place = one.look_up(listing(1, 2, start, 3, 4, end, 5))

    assert (births.ids, place, aged(one), one.fault) == ([3, 4], 5, [], "")


def test_windows_are_looked_for_from_the_end_of_the_one_before() -> None:
    one, start, end = window()

    for since in (0, 1, 3):  # the last time it begins before that end
        births, place = one.look_up(listing(1, 2, start, 3, 4, end, 5), since)
        assert (births.ids, place) == ([3, 4], 5)


def test_a_collection_within_the_window_moves_births_on() -> None:
    one, start, end = window()

    one.absorb(capture(1, 1, start, 2))
    births, _ = one.look_up(listing(3, 4, end, 5))

    assert (births.ids, aged(one), one.unfollowed) == ([3, 4], [2], 0)


def test_a_larger_collection_takes_births_out_of_sight() -> None:
    one, start, end = window()

    one.absorb(capture(1, start, 2))
    one.absorb(capture(2, 3, 4, generation=1))
    births, _ = one.look_up(listing(5, end))

    assert (births.ids, aged(one), one.unfollowed) == ([5], [], 3)


def test_a_collection_before_the_window_is_not_its_own() -> None:
    one, start, end = window(epoch=4)

    one.absorb(capture(3, 1, 2))
    one.absorb(capture(4, 1, 2))
    births, _ = one.look_up(listing(1, start, 5, end))

    assert (births.ids, aged(one)) == ([5], [])


def test_a_fence_that_is_gone_is_a_fault() -> None:
    one, _, end = window()

    births, place = one.look_up(listing(1, 2, end), 1)

    assert "fence" in one.fault
    assert (births.ids, place) == ([], 1)


def test_captures_that_were_dropped_are_counted() -> None:
    one, start, end = window()

    one.absorb(capture(1, start, 2))
    one.absorb(capture(9, 3, dropped=700))
    births, _ = one.look_up(listing(4, end))

    assert (births.ids, aged(one), one.unfollowed) == ([4], [3], 701)


def test_a_silence_at_the_end_makes_what_is_older_unknown() -> None:
    one, start, end = window()

    one.absorb(capture(1, start, 2))
    one.skip_to(5000, 0)
    births, _ = one.look_up(listing(4, end))

    assert (births.ids, aged(one), one.unfollowed) == ([4], [], 1)


# The real thing.


@pytest.fixture(autouse=True)
def no_natural_collection_soon() -> None:
    gc.collect()


class Item:
    pass


def test_this_interpreter_lists_in_order_of_birth() -> None:
    assert supports_windows()
    made = [[number] for number in range(50)]
    ids = list_generation(0).ids
    places = [ids.index(id(item)) for item in made[-10:]]

    assert places == sorted(places)


def test_nothing_is_kept_alive_by_a_listing() -> None:
    item = Item()
    gone = weakref.ref(item)
    found = list_generation(0)
    assert id(item) in found.ids
    assert found.types[found.ids.index(id(item))] is Item

    del item

    assert gone() is None


def test_ids_of_an_older_generation() -> None:
    item = Item()
    gc.collect(0)

    assert id(item) in list_ids(1)
    assert id(item) not in list_ids(0)


def test_tuples_are_measured_and_never_handed_out() -> None:
    item = Item()
    pair: tuple[list[int], list[int]] = ([], [])

    objects, tuples = take(0, {id(item), id(pair)})

    assert objects == [item]
    assert tuples == [(id(pair), pair.__sizeof__())]
    del objects
    assert sys.getrefcount(pair) == 2


def test_windows_are_refused_while_gc_is_disabled() -> None:
    assert refusal() == ""
    gc.disable()
    try:
        assert "disabled the garbage collector" in refusal()
    finally:
        gc.enable()


@pytest.fixture
def watch() -> Any:
    made = YoungWatch(lambda: 0.0)
    made.install()
    yield made
    made.uninstall()


def test_the_hook_is_put_in_once_and_taken_out(watch: YoungWatch) -> None:
    hooks = list(gc.callbacks)

    watch.install()
    assert gc.callbacks == hooks
    watch.uninstall()
    watch.uninstall()

    assert len(gc.callbacks) == len(hooks) - 1


def test_the_hook_of_a_watch_that_is_dropped_goes_with_it() -> None:
    hooks = list(gc.callbacks)
    watch = YoungWatch(lambda: 0.0)
    watch.install()

    del watch

    assert gc.callbacks == hooks


def test_nobody_waits_nothing_is_listed(watch: YoungWatch) -> None:
    gc.collect(0)
    assert len(watch._captures) == 0

    watch.waiting = True
    for _ in range(5):
        gc.collect(0)
    assert len(watch._captures) == 2


def test_what_the_hook_holds_is_bounded(watch: YoungWatch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pympler.leaks.young._MOST_HELD", 2000)
    one = watch.open()
    kept: list[object] = []
    for _ in range(40):
        kept.append([[] for _ in range(300)])
        gc.collect(0)
    held = sum(len(each.young.ids) for each in watch._captures)
    watch.close(one)

    assert held <= 2400
    assert one.unfollowed + len(aged(one)) >= 40 * 300
    assert one.fault == ""


def test_windows_may_overlap(watch: YoungWatch) -> None:
    def born(window: Window, *items: Item) -> list[bool]:
        young = watch.sweep().young
        assert young is not None
        # An address in generation 1 may have been used again, in the young generation.
        ids = {*window.look_up(young)[0].ids, *set(aged(window)).intersection(list_ids(1))}
        return [id(item) in ids for item in items]

    first = watch.open()
    one = Item()
    second = watch.open()
    two = Item()
    gc.collect(0)
    three = Item()
    watch.close(first)
    four = Item()
    watch.close(second)

    assert born(first, one, two, three, four) == [True, True, True, False]
    assert born(second, one, two, three, four) == [False, True, True, True]


def test_a_collection_right_after_the_end_is_not_missed(watch: YoungWatch) -> None:
    one = watch.open()
    item = Item()
    assert watch.close(one) == []
    later = Item()

    gc.collect(0)  # before anybody has said that the window waits for it
    sweep = watch.sweep()

    (only,) = sweep.captures
    births, _ = one.look_up(only.young)
    assert id(item) in births.ids
    assert id(later) not in births.ids


def test_a_window_that_is_not_known_any_more_has_a_fault(watch: YoungWatch) -> None:
    one = watch.open()
    watch.forget()
    watch.close(one)

    assert "closed or the process forked" in one.fault
