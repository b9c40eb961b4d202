from __future__ import annotations

import gc
import json
import sys
import types
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pympler.errors import SnapshotFileError
from pympler.graph import HeapSnapshot, heap_snapshot, snapshot_file
from pympler.graph.snapshot_graph import HeapGraph, Top
from pympler.sizing.shallow import shallow_size


class Session:
    def __init__(self, user: str) -> None:
        self.user = user
        self.pages = [user + " first", user + " second"]


class Loud:
    """Must never be asked anything."""

    __slots__ = ("held",)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)

    def __sizeof__(self) -> int:
        raise AssertionError("size")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("equal")

    def __hash__(self) -> int:
        raise AssertionError("hash")

    def __repr__(self) -> str:
        raise AssertionError("repr")


@pytest.fixture
def shop() -> Iterator[Any]:
    module: Any = types.ModuleType("shop_of_a_test")
    module.__file__ = __file__
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


def graph_by_hand() -> HeapGraph:
    """1, a module, holds 2 by its namespace 3; 2 holds 4 and 5, which hold 6."""
    return HeapGraph(
        types=["", "module", "dict", "list", "str"],
        kinds=array("I", [0, 1, 3, 2, 3, 3, 4]),
        sizes=array("Q", [0, 1, 10, 100, 1000, 10_000, 100_000]),
        ids=array("Q", [0, 16, 32, 48, 64, 80, 96]),
        starts=array("Q", [0, 0, 1, 3, 4, 5, 6, 6]),
        targets=array("I", [3, 4, 5, 2, 6, 6]),
        tops=[Top(1, "shop")],
        hidden=array("I", [1, 3]),
    )


def test_a_graph_by_hand() -> None:
    snapshot = HeapSnapshot(graph_by_hand(), taken_at=1.0, names={2: "shop.orders"})
    assert (snapshot.objects, snapshot.total_bytes, snapshot.complete) == (6, 111_111, True)
    assert snapshot.dominators.tolist() == [0, 0, 3, 1, 2, 2, 2]
    assert [snapshot.retained_size(node) for node in range(1, 5)] == [
        111_111,
        111_010,
        111_110,
        1000,
    ]
    assert snapshot.referents(2) == [4, 5]
    assert snapshot.referrers(6) == [4, 5]
    assert snapshot.dominated(2) == [6, 5, 4]
    assert snapshot.path_nodes(6) == [1, 3, 2, 4, 6]
    assert snapshot.path_to_root(6) == "shop -> dict -> list -> list -> str"
    assert snapshot.top_retainers(2) == [
        (2, "list", 10, 111_010, "shop.orders"),
        (6, "str", 100_000, 100_000, "shop -> dict -> list -> list -> str"),
    ]
    assert snapshot.summary()[0] == ("str", 1, 100_000)


def test_what_an_object_of_the_heap_retains(shop: Any) -> None:
    shop.sessions = {f"user_{number}": Session(f"named {number}") for number in range(50)}
    # Up to 3.10 gc does not see that code holds the names of attributes.
    shop.names_of_attributes = ("user", "pages")
    shared = shop.sessions["user_0"].pages
    shop.shared = shared
    snapshot = heap_snapshot()
    assert snapshot.complete
    node = snapshot.node_of(shop.sessions)
    own = snapshot.size_of(node)
    assert own == shallow_size(shop.sessions)
    each = sum(
        shallow_size(item)
        for key, session in shop.sessions.items()
        for item in (key, session, session.user, session.pages, *session.pages)
    )
    without_shared = each - shallow_size(shared) - sum(map(shallow_size, shared))
    retained = snapshot.retained_size(shop.sessions)
    more = 0
    if sys.version_info < (3, 11):  # the __dict__ is an object of its own
        more = sum(shallow_size(gc.get_referents(one)[0]) for one in shop.sessions.values())
    assert retained == own + without_shared + more
    assert snapshot.path_to_root(shop.sessions) == "shop_of_a_test.sessions"
    session = shop.sessions["user_7"]
    assert snapshot.path_to_root(session.pages) == "shop_of_a_test.sessions['user_7'].pages"
    assert snapshot.referrers(snapshot.node_of(session)) == [node]


def test_nothing_of_the_program_is_run_or_kept(shop: Any) -> None:
    shop.loud = Loud()
    shop.loud.held = [shop.loud]
    before = sys.getrefcount(shop.loud)
    snapshot = heap_snapshot()
    after = sys.getrefcount(shop.loud)
    assert after == before
    assert snapshot.retained_size(shop.loud) == snapshot.size_of(
        snapshot.node_of(shop.loud)
    ) + shallow_size(shop.loud.held)


def test_nothing_of_ours_is_in_it() -> None:
    kept = heap_snapshot()
    snapshot = heap_snapshot()
    ours = ("pympler.graph.snapshot", "pympler.graph.roots", "pympler.sizing.kinds")
    assert [row for row in snapshot.summary() if row.type.startswith(ours)] == []
    arrays = {row.type: row.bytes for row in snapshot.summary()}.get("array.array", 0)
    assert arrays < kept.objects  # those of the first alone have 20 bytes for each object
    difference = {row.type: row for row in snapshot.diff(kept)}
    assert sum(row.count_diff for row in difference.values()) < 1000


def test_the_keys_of_dictionaries_and_of_their_subclasses_count(shop: Any) -> None:
    class Table(dict[Any, Any]):
        pass

    key, other = f"a key of {shop}", f"another key of {shop}"
    shop.plain, shop.table = {key: None}, Table({other: None})
    snapshot = heap_snapshot()
    assert snapshot.node_of(key) in snapshot.referents(snapshot.node_of(shop.plain))
    assert snapshot.node_of(other) in snapshot.referents(snapshot.node_of(shop.table))


def test_garbage_is_loose_and_has_no_name(shop: Any) -> None:
    gc.disable()
    try:
        cycle: list[Any] = ["only garbage holds this"]
        cycle.append(cycle)
        keeper = shop.keeper = types.SimpleNamespace()
        snapshot = heap_snapshot()
        assert snapshot.path_to_root(keeper) == "shop_of_a_test.keeper"
        del cycle
        later = heap_snapshot()
        assert len(later.graph.loose) > 0
    finally:
        gc.enable()
    assert later.diff(snapshot) is not None


def test_it_ends_early_where_it_has_to() -> None:
    few = heap_snapshot(max_objects=5000)
    assert (few.objects, few.complete, few.reason) == (5000, False, "max_objects")
    assert few.top_retainers(3)
    none = heap_snapshot(timeout_s=0)
    assert (none.complete, none.reason) == (False, "timeout_s")
    assert none.total_bytes == sum(row.bytes for row in none.summary())
    for limit in (-1, float("nan")):
        with pytest.raises(ValueError, match="give a number from 0 up"):
            heap_snapshot(timeout_s=limit)


def test_what_is_not_there_is_said_so(shop: Any) -> None:
    snapshot = heap_snapshot()
    with pytest.raises(KeyError, match="not in this snapshot"):
        snapshot.node_of(["made later"])
    with pytest.raises(KeyError, match="nodes from 1 to"):
        snapshot.type_of(snapshot.objects + 1)


def test_a_difference_tells_what_came(shop: Any) -> None:
    before = heap_snapshot()
    shop.orders = [Session("a") for _ in range(30)]
    rows = {row.type: row for row in heap_snapshot().diff(before)}
    found = next(row for name, row in rows.items() if name.endswith("test_snapshot.Session"))
    assert found.count_diff == 30
    assert found.size_diff == sum(map(shallow_size, shop.orders))


def test_a_file_gives_back_what_was_saved(shop: Any, tmp_path: Path) -> None:
    shop.cache = {number: bytes(50_000) for number in range(400)}
    snapshot = heap_snapshot()
    snapshot.save(tmp_path / "one.heap")
    assert [file.name for file in tmp_path.iterdir()] == ["one.heap"]
    loaded = HeapSnapshot.load(tmp_path / "one.heap")
    assert loaded.taken_at == snapshot.taken_at
    assert loaded.summary() == snapshot.summary()
    assert loaded.diff(snapshot) == []
    assert loaded.top_retainers(20) == snapshot.top_retainers(20)
    assert "shop_of_a_test.cache" in [row.name for row in loaded.top_retainers(100)]
    with pytest.raises(KeyError):  # its addresses are those of another process
        loaded.node_of(shop)


@pytest.fixture(scope="module")
def file_by_hand(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("files") / "hand.heap"
    HeapSnapshot(graph_by_hand(), taken_at=1.0, names={2: "shop.orders"}).save(path)
    return path.read_bytes()


def test_a_damaged_file_is_refused_wherever_it_is_damaged(
    file_by_hand: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "damaged.heap"
    whole = HeapSnapshot.load(write(path, file_by_hand)).summary()
    for place in range(0, len(file_by_hand), 5):
        for damaged in (
            file_by_hand[:place],
            file_by_hand[:place] + bytes([file_by_hand[place] ^ 0x55]) + file_by_hand[place + 1 :],
        ):
            try:
                loaded = HeapSnapshot.load(write(path, damaged))
            except SnapshotFileError:
                continue
            loaded.top_retainers(5)  # a letter in a name, or the time, and nothing worse
            assert [row[1:] for row in loaded.summary()] == [row[1:] for row in whole]


def test_a_file_of_a_newer_version_says_so(file_by_hand: bytes, tmp_path: Path) -> None:
    start = len(snapshot_file.MAGIC) + 8
    length = int.from_bytes(file_by_hand[start - 8 : start], "little")
    header = json.loads(file_by_hand[start : start + length]) | {"version": 2}
    text = json.dumps(header).encode()
    newer = snapshot_file.MAGIC + len(text).to_bytes(8, "little") + text
    with pytest.raises(SnapshotFileError, match=r"newer version of Pympler \(format 2"):
        HeapSnapshot.load(write(tmp_path / "newer.heap", newer))
    with pytest.raises(SnapshotFileError, match="is not a heap snapshot"):
        HeapSnapshot.load(write(tmp_path / "other", b"GIF89a"))
    with pytest.raises(FileNotFoundError):
        HeapSnapshot.load(tmp_path / "missing")


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
