"""What is replaced by a longer copy of itself, and its owner with it."""

from __future__ import annotations

import dataclasses
from collections import ChainMap

import pytest

from pympler.leaks.check.copies import Copies
from pympler.leaks.check.slots import read_slots


@dataclasses.dataclass(frozen=True)
class State:
    events: tuple[str, ...]


STATE = State(())
LAYERS: ChainMap[str, int] = ChainMap()


def replace_both(times: int) -> None:
    global STATE, LAYERS
    for number in range(times):
        STATE = dataclasses.replace(STATE, events=(*STATE.events, f"event {number}"))
        LAYERS = LAYERS.new_child({"number": number})


def test_both_are_found_and_followed_to_whatever_stands_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(globals(), "STATE", State(()))
    monkeypatch.setitem(globals(), "LAYERS", ChainMap())
    copies = Copies(read_slots())
    for _ in range(2):
        replace_both(10)
        copies.look(read_slots())
    replace_both(10)

    found = {one.path: one for one in copies.candidates(read_slots(), 10)}
    events, layers = found[f"{__name__}.STATE.events"], found[f"{__name__}.LAYERS.maps"]
    assert (events.growth, events.length(), layers.growth, layers.length()) == (1.0, 30, 1.0, 31)
    replace_both(5)
    assert (events.length(), layers.length()) == (35, 36)
