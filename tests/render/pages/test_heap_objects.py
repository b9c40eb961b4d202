"""Objects of a saved snapshot, followed from a type to what holds them."""

from __future__ import annotations

import re
from array import array
from pathlib import Path

import pytest

from pympler.graph.snapshot import HeapSnapshot
from pympler.graph.snapshot_graph import HeapGraph, Top
from pympler.leaks.report import TypeCount
from pympler.store.memory import MemoryStore
from pympler.store.results import HeapResult, Retainer
from tests.render.pages.test_pages import Visitor
from tests.render.pages.values import NOW, done, summary

# 1 is the module shop.cart, which holds the dict 2, which holds the list 3 and the texts 4 and 5;
# 3 holds 5 too, and 6 is held by nothing that is known.
GRAPH = HeapGraph(
    ["", "module", "dict", "list", "str"],
    array("I", [0, 1, 2, 3, 4, 4, 3]),
    array("Q", [0, 72, 232, 88, 50, 5000, 56]),
    array("Q", [0, 1001, 1002, 1003, 1004, 1005, 1006]),
    array("Q", [0, 0, 1, 4, 5, 5, 5, 5]),
    array("I", [2, 3, 4, 5, 5]),
    [Top(1, "shop.cart")],
    array("I", [6]),
)


@pytest.fixture
def visitor(tmp_path: Path) -> Visitor:
    path = tmp_path / "snapshot"
    HeapSnapshot(GRAPH, taken_at=NOW, names={2: "shop.cart._CACHE"}).save(path)
    result = HeapResult(
        NOW,
        *(6, 5498),
        (TypeCount("str", 2, 5050), TypeCount("dict", 1, 232)),
        retainers=(Retainer(2, "dict", "shop.cart._CACHE", 232, 5370),),
        path=str(path),
    )
    store = MemoryStore(10)
    store.save_summary(summary())
    store.add_job(done("h", "heap", summary().worker, NOW, result.to_dict(), 0.1))
    return Visitor(store)


def test_the_way_goes_from_a_type_to_its_objects_to_the_holder(visitor: Visitor) -> None:
    text = visitor.see("/heap/h")
    assert 'href="/_pympler/heap/h/objects?name=str"' in text
    assert 'href="/_pympler/heap/h/2"' in text
    text = visitor.see("/heap/h/objects?name=str")
    assert "2 objects, 4.9 KB" in text
    assert re.findall(r"/heap/h/(\d+)", text) == ["5", "4"]  # the largest first
    text = visitor.see("/heap/h/5")
    who = text[text.index("Who refers to it") : text.index("What it refers to")]
    assert sorted(re.findall(r"/heap/h/(\d+)", who)) == ["2", "3"]
    text = visitor.see("/heap/h/2")
    assert "<h1><code>shop.cart._CACHE</code></h1>" in text
    assert "5.2 KB<small>freed with it" in text
    what = text[text.index("What it refers to") :]
    assert re.findall(r"/heap/h/(\d+)", what) == ["5", "3", "4"]


def test_what_nothing_leads_to_says_so(visitor: Visitor) -> None:
    assert "No module, thread or frame leads here" in visitor.see("/heap/h/6")
    assert "No module, thread or frame leads here" not in visitor.see("/heap/h/5")


@pytest.mark.parametrize("node", ["0", "7", "99999999999", "-1", "1.5", "x", "0x2"])
def test_objects_that_are_not_there_are_said_in_words(visitor: Visitor, node: str) -> None:
    assert "<h1>Not found</h1>" in visitor.see(f"/heap/h/{node}", 404)
    assert "no object of type" in visitor.see("/heap/h/objects?name=frog", 404)


def test_a_file_that_is_gone_or_damaged_is_said_in_words(visitor: Visitor, tmp_path: Path) -> None:
    path = tmp_path / "snapshot"
    path.write_bytes(b"something else")
    assert "cannot be read" in visitor.see("/heap/h/2", 503)
    path.unlink()
    assert "is not there" in visitor.see("/heap/h/2", 404)
