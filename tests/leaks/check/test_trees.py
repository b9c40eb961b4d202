"""Trees whose branches grow by little each."""

from __future__ import annotations

import gc
from typing import Any

from pympler.leaks.check.trees import find_tree
from pympler.leaks.containers import tracked_ids

TREE: dict[str, Any] = {}


def add(number: int) -> None:
    node = TREE
    for character in reversed(str(number * 7919)):
        node = node.setdefault(character, {})
    node["value"] = [number]


def test_what_all_branches_hang_on_is_named_with_the_line_that_adds() -> None:
    for number in range(100):
        add(number)
    gc.collect()
    old = tracked_ids()
    for number in range(100, 400):
        add(number)

    found = find_tree(old, 300)
    assert found is not None
    assert found.suspect.holder == f"{__name__}.TREE"
    assert found.objects_per_request > 2
    (lengths,) = found._watched
    before = lengths()
    add(400)
    assert lengths() > before
    TREE.clear()
