from __future__ import annotations

import json
from array import array
from pathlib import Path

import pytest

from pympler.cli import main
from pympler.graph import HeapSnapshot
from tests.graph.test_snapshot import graph_by_hand


def save(path: Path, *, more: int = 0, names: dict[int, str] | None = None) -> str:
    graph = graph_by_hand()
    graph.sizes[6] += more
    names = {2: "shop.orders"} if names is None else names
    HeapSnapshot(graph, taken_at=1.0, names=names).save(path)
    return str(path)


def test_one_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["heap", save(tmp_path / "one.heap")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("6 objects, 109 KB, ")
    assert lines[3].split() == ["1", "97.7", "KB", "str"]
    assert "What keeps most memory alive:" in lines
    assert lines[lines.index("What keeps most memory alive:") + 2].split() == [
        *("108", "KB", "10", "B", "list", "shop.orders")
    ]


def test_two_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, later = save(tmp_path / "one.heap"), save(tmp_path / "two.heap", more=2048)
    assert main(["heap", first, later]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[4].split() == ["+0", "+2.0", "KB", "str"]
    assert main(["heap", first, first]) == 0
    assert "No type has changed." in capsys.readouterr().out
    assert main(["heap", later, first, "--json", "--limit", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["diff"] == [{"type": "str", "count_diff": 0, "size_diff": -2048}]
    assert (found["objects"], found["error"], len(found["retainers"])) == (6, None, 1)


def test_what_cannot_be_read_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content in (("other", b"GIF89a"), ("cut", b"Pympler heap snapshot\n\x01")):
        (tmp_path / name).write_bytes(content)
        assert main(["heap", str(tmp_path / name)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert main(["heap", str(tmp_path / "missing"), "--json"]) == 2
    assert "cannot be read: No such file" in json.loads(capsys.readouterr().out)["error"]
    assert main(["heap"]) == 2
    assert main(["heap", "one", "--limit", "-1"]) == 2
    assert main(["heap", "one", "--limit", "²"]) == 2


def test_names_cannot_steer_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["heap", save(tmp_path / "one.heap", names={2: "\x1b[2Jshop"})]) == 0
    out = capsys.readouterr().out
    assert "?[2Jshop" in out
    assert "\x1b" not in out


def test_an_empty_heap(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = graph_by_hand()
    for values in (graph.kinds, graph.sizes, graph.ids):
        del values[1:]
    del graph.starts[2:]
    del graph.targets[:], graph.tops[:], graph.hidden[:]
    assert array("I") == graph.targets
    HeapSnapshot(graph, taken_at=1.0, reason="timeout_s", names={}).save(tmp_path / "none.heap")
    assert main(["heap", str(tmp_path / "none.heap")]) == 0
    assert capsys.readouterr().out.startswith("0 objects, 0 B, ")
