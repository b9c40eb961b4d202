"""The compiled walk gives what the walk in Python gives."""

from __future__ import annotations

import enum
import gc
import subprocess
import sys
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.shapes import SHAPES
from pympler.asizeof import add_handler, remove_handler
from pympler.sizing import compiled
from pympler.sizing.compiled import extension
from pympler.sizing.kinds import Rules
from pympler.sizing.marks import marks_of, shared_ids
from pympler.sizing.python_walk import Budget, Measured, Walk
from pympler.sizing.registry import handlers
from pympler.sizing.walk import walk
from tests.support import require


@pytest.fixture(autouse=True)
def _needs_the_extension() -> None:
    require("the compiled walk", extension() is not None, "a C compiler, then Pympler again")


def in_python(groups: Any, rules: Rules, **options: Any) -> Measured:
    limits = Budget(options.pop("max_objects", None))
    found = Walk(
        rules, options.get("align", 8), options.get("limit"), limits, marks_of(shared_ids())
    )
    return found.run(groups)


def plain(measured: Measured) -> tuple[Any, ...]:
    types = sorted((id(row.type), row.objects, row.bytes) for row in measured.types)
    parts = (measured.sizes, measured.objects, measured.missed, measured.deepest, measured.stopped)
    return (*parts, types)


def same(*groups: Any, rules: Rules | None = None, **options: Any) -> Measured:
    """What both walks say of these groups, which is the same."""
    rules = rules or Rules()
    expected = in_python(groups, rules, **options)
    most = options.pop("max_objects", None)
    found = walk(groups, rules, budget=Budget(most), **options)
    assert plain(found) == plain(expected)
    return found


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_of_the_accuracy_table(name: str) -> None:
    shape = SHAPES[name]
    objects = shape.make(min(shape.most, 40))
    for align in (1, 16):
        same(objects, rules=Rules(code=shape.code), align=align)
    for limit in (0, 1, 2):
        same(objects, limit=limit)
    same(*([item] for item in objects))


class Plain:
    attribute_0: Any
    attribute_of_all: Any

    def __init__(self, *held: Any) -> None:
        for place, item in enumerate(held):
            setattr(self, f"attribute_{place}", item)


class Slots:
    __slots__ = ("__weakref__", "held")

    def __init__(self, *held: Any) -> None:
        self.held = held


class Table(dict[Any, Any]):
    pass


class Rows(list[Any]):
    pass


class Text(str):
    pass


Point = namedtuple("Point", "x y")


class Colour(enum.IntEnum):
    RED = 1


class Sized:
    def __init__(self, *held: Any) -> None:
        self.held = held

    def __sizeof__(self) -> int:
        return 12_345


class Failing(Sized):
    def __sizeof__(self) -> int:
        raise RuntimeError("no size")


class Lying(Sized):
    def __sizeof__(self) -> int:
        return -5


ATOMS = st.one_of(
    st.none(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.text(max_size=6),
    st.binary(max_size=20),
    st.sampled_from([Colour.RED, Text("own"), Text("ö"), 10**400, True, ..., range(5, 5000)]),
)
CONTAINERS = (
    list,
    tuple,
    deque,
    lambda items: dict(enumerate(items)),
    lambda items: {f"key {place}": item for place, item in enumerate(items)},
    lambda items: OrderedDict(enumerate(items)),
    lambda items: defaultdict(list, {"only": items}),
    lambda items: Table({f"key {place}": item for place, item in enumerate(items)}),
    Rows,
    lambda items: frozenset(map(id, items)),
    lambda items: Point(items, None),
    lambda items: Plain(*items),
    lambda items: Slots(*items),
    lambda items: Sized(*items),
    lambda items: Failing(*items),
    lambda items: Lying(*items),
    lambda items: (item for item in items),
    lambda items: lambda: items,
)


@st.composite
def heaps(draw: st.DrawFn) -> list[Any]:
    """Objects that refer to each other, in cycles too."""
    made: list[Any] = draw(st.lists(ATOMS, min_size=1, max_size=8))
    for _ in range(draw(st.integers(1, 12))):
        held = draw(st.lists(st.sampled_from(range(len(made))), max_size=5))
        kind: Any = draw(st.sampled_from(CONTAINERS))
        made.append(kind([made[place] for place in held]))
    for item in made:
        if type(item) is Plain and draw(st.booleans()):
            if draw(st.booleans()):
                item.__dict__  # noqa: B018 - makes it
            item.attribute_of_all = made
    return made


@settings(max_examples=60)
@given(heaps(), st.sampled_from([None, 0, 1, 3]), st.sampled_from([1, 8, 32]), st.booleans())
def test_graphs_of_all_kinds(heap: list[Any], limit: int | None, align: int, code: bool) -> None:
    same([heap[-1]], limit=limit, align=align, rules=Rules(code=code))
    same(*([item] for item in reversed(heap)), rules=Rules(code=code))


@settings(max_examples=40)
@given(heaps(), st.integers(0, 40))
def test_a_limit_leaves_out_the_same_objects(heap: list[Any], most: int) -> None:
    same([heap[-1]], heap, max_objects=most)


def test_handlers_of_the_users() -> None:
    add_handler(Slots, size=lambda item: 1000, referents=lambda item: [item.held, ["new"]])
    add_handler(Table, referents=lambda item: dict.keys(item))
    try:
        rules = Rules(handlers=handlers())
        heap = [Slots("a", Plain("b" * 50)), Table({"key " + str(same): "value"}), Plain(Slots())]
        assert same(heap, rules=rules).sizes[0] > 2000
        same(heap, rules=Rules(excluded=frozenset([id(Plain)])))
        same(heap, rules=Rules(excluded=frozenset([id(str)])))
    finally:
        remove_handler(Slots)
        remove_handler(Table)


def test_namespaces_and_their_keys_whatever_is_reached_first() -> None:
    one, other = Plain(1.5, "two"), Plain()
    for number in range(40):
        setattr(other, f"late_{number}", [number])
    for item in (one, other):
        same([item, item.__dict__])
        same([item.__dict__], [item])
        same([[item.__dict__], item])


def test_the_whole_heap_of_a_process() -> None:
    # In a process of its own, where nothing changes meanwhile.
    code = """
import gc, sys, json, decimal, asyncio, unittest.mock, email.message, sqlite3
from pympler.sizing.kinds import Rules
from pympler.sizing.marks import marks_of, shared_ids
from pympler.sizing.python_walk import Budget, Walk
from pympler.sizing.compiled_walk import CompiledWalk
gc.disable()
rules = Rules(code=True, frames=False, ignored=False)
heap = [item for item in gc.get_objects() if not type(item).__module__.startswith("pympler")]
def in_python():
    return Walk(rules, 8, None, Budget(), marks_of(shared_ids())).run([heap])
def compiled():
    return CompiledWalk(rules, 8, None, Budget()).run([heap])
in_python(), compiled(), in_python()  # what they make once is part of the heap as well
one, other = in_python(), compiled()
assert one.objects > 20_000, one
# Up to 3.10 code grows a cache as it is run.
changing = type(in_python.__code__) if sys.version_info < (3, 11) else None
def rows(measured):
    kept = [row for row in measured.types if row.type is not changing]
    return {row.type: (row.objects, row.bytes) for row in kept}
assert rows(one) == rows(other), set(rows(one).items()) ^ set(rows(other).items())
assert one.objects == other.objects and one.deepest == other.deepest
assert one.missed == other.missed and (changing or one.sizes == other.sizes)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_chain_of_a_million() -> None:
    chain: list[Any] = []
    for _ in range(200_000):
        chain = [chain]
    found = walk([[chain]], Rules())
    assert (found.objects, found.deepest) == (200_001, 200_000)
    while chain:  # without recursion
        chain = chain.pop()


def test_nothing_is_kept_and_no_dict_is_made() -> None:
    item = Plain("a" * 100, Sized())
    texts = [item.attribute_0, item]
    before = [sys.getrefcount(one) for one in texts]
    blocks = measured_blocks(item)
    after = [sys.getrefcount(one) for one in texts]
    assert after == before
    assert blocks < 20


def measured_blocks(item: Any) -> int:
    for _ in range(3):
        walk([[item]], Rules())
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(100):
        walk([[item]], Rules())
    gc.collect()
    return sys.getallocatedblocks() - before


def test_keys_that_many_dictionaries_share_are_counted_once() -> None:
    keys = [f"key number {number}" for number in range(40)]
    same([[dict.fromkeys(keys[:3], number)] for number in range(100)])
    same([dict.fromkeys(keys[:2]), dict.fromkeys(keys[1:4]), dict.fromkeys(keys)])
    same([dict.fromkeys(keys[:2]), keys[1], dict.fromkeys(keys[1:3])], [dict.fromkeys(keys)])


def test_keys_are_counted_if_what_was_met_first_with_them_is_a_namespace() -> None:
    items = [Plain() for _ in range(3)]
    name = "".join(("made", "_up"))
    for item in items:
        vars(item)[name] = 1.5
    others = [{name: 2.5} for _ in range(5)]
    assert same([[vars(items[0])], others, items]).objects > 5
    assert same([vars(items[0])], [vars(items[1]), *others], items).objects > 5
    same([vars(items[0]), items[0], items[1], vars(items[1])])


def test_what_is_met_again_a_level_deeper_makes_nothing_deeper() -> None:
    shared = ["of all"]
    row: list[Any] = [shared, [shared], (shared,)]
    row.append(row)
    assert same([row]).deepest == 2
    assert same([[row, shared, "of all"]]).deepest == 2


def test_a_look_ahead_finds_one_object_of_each_type_that_was_not_taught() -> None:
    walker = extension().Walker()
    items = [Plain(Slots()), Plain(), Text("text")] * 5000
    assert list(map(type, walker.look(items))) == [Plain, Text]
    assert walker.look(items) == []
    assert walker.objects == 0
    with pytest.raises(TypeError, match="give a list"):
        walker.look(())


def test_a_time_limit_ends_it() -> None:
    found = walk([[[[] for _ in range(5000)]]], Rules(), budget=Budget(timeout_s=0))
    assert found.stopped == "timeout_s"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    yield monkeypatch
    monkeypatch.undo()
    compiled._found.cache_clear()


def test_it_is_left_alone_where_the_environment_says_so(environment: pytest.MonkeyPatch) -> None:
    assert compiled.walk_name() == "compiled heap walk"
    environment.setenv("PYMPLER_NO_EXTENSIONS", "1")
    compiled._found.cache_clear()
    assert compiled.walk_name() == "heap walk in pure Python: PYMPLER_NO_EXTENSIONS is set"
    assert same([["one text", "another"]]).objects == 3


def test_one_that_was_built_from_other_sources_is_left_alone(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.delattr(extension(), "INTERFACE")  # as in those that were built before it came
    compiled._found.cache_clear()
    assert "built from other sources; install pympler again" in compiled.walk_name()
    assert compiled.extension() is None
    assert walk([["one text", "another"]], Rules()).objects == 2


def test_wrong_arguments_are_errors() -> None:
    module = extension()
    walker = module.Walker()
    with pytest.raises(TypeError):
        walker.walk((1, 2), 0, -1, True, True)
    with pytest.raises(TypeError, match="Marks or None"):
        walker.reach([], walker)
    with pytest.raises(TypeError, match="a list or None"):
        walker.reach((), None)
    with pytest.raises(TypeError):
        walker.note([1], [])
    with pytest.raises(ValueError, match="power of two"):
        module.Walker(align=3)
    with pytest.raises(TypeError, match="Marks"):
        module.Walker(shared=walker)
    with pytest.raises(ValueError, match="no graph"):
        module.dominators(b"", b"", b"", bytearray(4), bytearray(4))


LISTINGS = """
import gc, io, queue, sys, collections, array, functools
from pympler import muppy, summary
from pympler.graph import heap
from pympler.leaks import containers
gc.disable()

class Own(list): pass
class Sized:
    def __sizeof__(self): return 77
cache = functools.lru_cache(int)
cache("1")
kept = [Own([1]), {1: "a"}, {"b": 2}, collections.deque([1, 2]), array.array("i", [1]), {3, 4},
        bytearray(5), io.BytesIO(b"123"), queue.SimpleQueue(), frozenset([1]), cache, Sized(),
        type("Deque", (collections.deque,), {})([1])]

def both(ask):
    found = []
    for module in (heap, summary, containers):
        module.kept = module.extension
    for _ in range(2):
        ask()
    for use in (False, True):
        for module in (heap, summary, containers):
            module.extension = module.kept if use else lambda: None
        found.append(ask())
    return found

lengths = both(containers.read_lengths)
same = lengths[0].items() & lengths[1].items()
assert len(same) > 3000 and all(len(one.items() - same) < 30 for one in lengths), (
    len(same), [len(one.items() - same) for one in lengths])
assert all(id(item) in lengths[1] for item in kept if type(item) not in (frozenset, Sized))

listings = both(muppy.get_objects)
ids = [set(map(id, listing)) for listing in listings]
assert len(ids[1]) == len(listings[1]) > 20_000
assert len(ids[0] ^ ids[1]) < 60, len(ids[0] ^ ids[1])
assert ids[1].issuperset(map(id, kept))

def rows():
    found = sorted(map(list, summary.summarize(kept * 3 + listings[0])))
    # Code makes caches for itself as it is run and looked at.
    return [row[:2] if row[0] == "code" else row for row in found]
before, after = both(rows)
assert before == after, [row for row in before + after if (row in before) != (row in after)]
"""


def test_listings_summaries_and_lengths_of_the_whole_heap() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LISTINGS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


STARVED = """
import gc, resource
from pympler.asizeof import asizeof
from pympler.graph import heap_snapshot
from pympler import muppy, summary
from pympler.leaks.containers import read_lengths
from pympler.errors import SnapshotError
made = [[str(number)] for number in range(60_000)]
asks = [
    *(lambda: asizeof(made), heap_snapshot, lambda: heap_snapshot(fork=True)),
    *(muppy.get_objects, read_lengths, lambda: heap_snapshot().top_retainers(3)),
]
for ask in asks: ask()
gc.disable()
with open("/proc/self/statm") as file:
    now = int(file.read().split()[0]) * resource.getpagesize()
failed = 0
for more in [*range(0, 3_000_000, 500_000), *range(3_000_000, 24_000_000, 7_000_000)]:
    for ask in asks:
        resource.setrlimit(resource.RLIMIT_AS, (now + more, resource.RLIM_INFINITY))
        try:
            ask()
        except (MemoryError, SnapshotError, OSError):
            failed += 1
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert failed > 10, failed
total = asizeof(made)
assert total == asizeof(made)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited through /proc")
def test_without_memory_there_is_an_exception_and_no_crash() -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARVED], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
