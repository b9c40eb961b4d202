"""asizeof: the public functions, their options, what they print, and hostile objects."""

from __future__ import annotations

import builtins
import gc
import io
import json
import re
import subprocess
import sys
import threading
import tracemalloc
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pympler import asizeof
from pympler.asizeof import Asized, Asizer
from pympler.sizing.marks import shared_ids


class Plain:
    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class Point:
    def __init__(self, x: Any, y: Any) -> None:
        self.x = x
        self.y = y

    def where(self) -> tuple[Any, Any]:
        return self.x, self.y


class Slotted:
    __slots__ = ("__private", "a")

    def __init__(self, a: Any) -> None:
        self.a = a
        self.__private = [a]


class HostileMeta(type):
    def __eq__(cls, other: object) -> bool:
        raise AssertionError("compared")

    def __hash__(cls) -> int:
        raise AssertionError("hashed")


class Hostile(metaclass=HostileMeta):
    """Raises whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(f"asked for {name}")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("compared")

    def __hash__(self) -> int:
        raise AssertionError("hashed")

    def __len__(self) -> int:
        raise AssertionError("measured")

    def __bool__(self) -> bool:
        raise AssertionError("tested")

    def __repr__(self) -> str:
        raise AssertionError("printed")


class HostileDict(dict):  # type: ignore[type-arg]
    def keys(self) -> Any:
        raise AssertionError("asked for keys")

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("iterated")

    def __len__(self) -> int:
        raise AssertionError("measured")


class RaisingSize:
    def __sizeof__(self) -> int:
        raise ValueError("no")


class NegativeSize:
    def __sizeof__(self) -> int:
        return -1


class StatedSize:
    def __sizeof__(self) -> int:
        return 1_000_000


def big(size: int = 10_000) -> bytes:
    """A payload that nothing else shares."""
    return bytes(bytearray(size))


# Sizes


def test_nothing_has_no_size() -> None:
    assert asizeof.asizeof() == 0
    assert asizeof.asizesof() == ()
    assert asizeof.asized() == ()


def test_what_is_shared_by_all_costs_nothing_inside_and_its_size_alone() -> None:
    assert asizeof.asizeof(None) == sys.getsizeof(None)
    assert asizeof.measure([None, True, 5, -5, 256, "", b"", (), chr(97), b"x"]).objects == 1


@pytest.mark.parametrize("item", [int, len, lambda: 0, test_nothing_has_no_size])
def test_code_costs_nothing_by_default(item: object) -> None:
    assert asizeof.asizeof(item) == 0


def test_code_is_counted_when_asked_for() -> None:
    payload = big()

    def keeps(default: bytes = payload) -> bytes:
        return default

    class Keeps:
        table = payload

    assert asizeof.asizeof(keeps, code=True) > len(payload)
    assert asizeof.asizeof(Keeps, code=True) > len(payload)
    assert asizeof.asizeof(int, code=True) == 0
    assert asizeof.asizeof(int, code=True, ignored=False) > 0


def test_a_module_counts_what_its_variables_hold_only_if_it_is_asked_for() -> None:
    module = types.ModuleType("made")
    empty = asizeof.asizeof(module)
    module.data = payload = ["x" * 10_000]  # type: ignore[attr-defined]
    module.function = lambda: payload  # type: ignore[attr-defined]
    module.__builtins__ = vars(builtins)  # type: ignore[attr-defined]
    more = asizeof.asizeof(module) - empty
    assert more == pytest.approx(asizeof.asizeof(payload), abs=600)  # new keys in the dictionary
    assert asizeof.asizeof([module]) == asizeof.asizeof([None])
    assert sum(asizeof.asizesof(payload, module)) == asizeof.asizeof(module)
    assert asizeof.asizeof(module, module) == asizeof.asizeof(module)


def test_code_of_a_module_does_not_drag_its_module_in() -> None:
    assert asizeof.asizeof(big, code=True) < 5000


def test_each_object_counts_once() -> None:
    payload = big()
    assert asizeof.asizeof([payload, payload]) == asizeof.asizeof(payload) + asizeof.flatsize(
        [0, 0], align=8
    )
    assert asizeof.asizeof(payload, payload) == asizeof.asizeof(payload)


CONTENTS: dict[str, Callable[[Any], Any]] = {
    "list": lambda p: [p],
    "tuple": lambda p: (p,),
    "set": lambda p: {p},
    "dict value": lambda p: {1: p},
    "dict key": lambda p: {p: 1},
    "str key": lambda p: {p.decode("latin-1"): 1},
    "deque": lambda p: deque([p]),
    "OrderedDict": lambda p: OrderedDict(a=p),
    "defaultdict": lambda p: defaultdict(list, a=[p]),
    "subclass of list": lambda p: type("L", (list,), {})([p]),
    "subclass of tuple": lambda p: type("T", (tuple,), {})([p]),
    "subclass of set": lambda p: type("S", (set,), {})([p]),
    "subclass of dict": lambda p: type("D", (dict,), {})(a=p),
    "attribute": lambda p: Point(p, 1),
    "private slot": lambda p: Slotted(p),
    "exception": lambda p: ValueError(p),
    "partial": lambda p: partial(print, p),
    "bound method": lambda p: Point(p, 1).where,
    "bound builtin": lambda p: [p].append,
    "dict view": lambda p: {1: p}.values(),
    "iterator": lambda p: iter([p]),
    "zip": lambda p: zip([p], [p], strict=True),
    "map": lambda p: map(str, [p]),
    "memoryview": lambda p: memoryview(p),
    "StringIO": lambda p: io.StringIO(p.decode("latin-1")),
    "BytesIO": lambda p: io.BytesIO(p),
    "slice": lambda p: slice(p),
}


@pytest.mark.parametrize("kind", CONTENTS)
def test_the_contents_of_every_container_are_counted(kind: str) -> None:
    assert asizeof.asizeof(CONTENTS[kind](big())) >= 10_000


def test_the_contents_of_what_is_suspended_are_counted() -> None:
    def generator(payload: bytes) -> Iterator[int]:
        kept = [payload]
        yield 1
        del kept

    async def coroutine(payload: bytes) -> None:
        del payload

    suspended = generator(big())
    next(suspended)
    assert asizeof.asizeof(suspended) >= 10_000
    waiting = coroutine(big())
    assert asizeof.asizeof(waiting) >= 10_000
    waiting.close()


def test_an_exception_is_counted_with_its_cause_and_what_its_frames_hold() -> None:
    def fail() -> None:
        payload = big()
        raise KeyError(len(payload))

    try:
        try:
            fail()
        except KeyError as error:
            raise ValueError("caused") from error
    except ValueError as error:
        caught = error
    assert 10_000 < asizeof.asizeof(caught) < 20_000


def test_a_weak_reference_does_not_own_its_target() -> None:
    import weakref

    target = Plain(payload=big())
    assert asizeof.asizeof(weakref.ref(target)) < 200


def test_ctypes_queues_and_contexts_are_counted() -> None:
    import contextvars
    import ctypes
    import queue

    assert asizeof.asizeof((ctypes.c_char * 10_000)()) >= 10_000
    waiting: queue.Queue[bytes] = queue.Queue()
    waiting.put(big())
    assert asizeof.asizeof(waiting) >= 10_000
    simple: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    simple.put(big())
    assert asizeof.asizeof(simple) >= 10_000
    variable = contextvars.ContextVar("variable", default=big())  # noqa: B039
    assert asizeof.asizeof(variable) >= 10_000


def test_measuring_creates_no_dict_and_leaves_nothing_behind() -> None:
    items = [Point(number, None) for number in range(1000)]

    def measure() -> None:
        asizeof.asizeof(items)
        asizeof.asizesof(*items[:10])
        asizeof.asized(items[0], detail=3)
        asizeof.exclusive_size(items)
        gc.collect()

    measure()  # what is made once, such as frames that 3.10 keeps for the next call
    fresh = [Point(number, None) for number in range(1000)]
    items = fresh
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        measure()
        left = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert left < 4000  # a __dict__ for each would be 64,000


def test_a_long_chain_is_counted_in_full() -> None:
    chain: Any = None
    for _ in range(200_000):
        chain = [chain]
    try:
        assert asizeof.asizeof(chain) == 200_000 * asizeof.asizeof([None])
    finally:
        while chain:
            chain = chain[0]


def test_the_attributes_of_an_instance_are_counted_without_their_names() -> None:
    # One, since the first instances of a class have room for more attributes than later ones.
    point = Point(big(), None)
    whole = asizeof.asizeof(point)
    point.x = None
    assert whole - asizeof.asizeof(point) == asizeof.asizeof(big())


def test_a_dict_that_exists_is_counted_wherever_it_is_met_first() -> None:
    items = [Point(str(number) * 9, None) for number in range(50)]
    namespaces = [vars(item) for item in items]
    assert asizeof.asizeof(items, namespaces) == asizeof.asizeof(namespaces, items)


# Options and errors


def test_limit_counts_what_is_near() -> None:
    nested = [1000, [2000, [3000, [4000]]]]
    sizes = [asizeof.asizeof(nested, limit=limit) for limit in range(5)]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == asizeof.asizeof(nested)
    assert sizes[0] == asizeof.flatsize(nested, align=8)


def test_align_rounds_each_size() -> None:
    assert asizeof.asizeof("abc", align=1) == sys.getsizeof("abc")
    assert asizeof.asizeof("abc", align=64) % 64 == 0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"bogus": 1}, KeyError, r"invalid option: reset\(bogus=1\)"),
        ({"align": 3}, ValueError, r"align=3"),
        ({"stats": -1}, ValueError, r"stats=-1"),
        ({"limit": -1}, ValueError, r"limit=-1"),
        ({"timeout_s": "soon"}, ValueError, r"timeout_s='soon'"),
        ({"all": "yes"}, ValueError, r"all='yes'"),
    ],
)
def test_a_wrong_option_is_refused(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        asizeof.asizeof(**options)


@pytest.mark.parametrize("function", [asizeof.asized, asizeof.asizesof])
def test_only_asizeof_sizes_everything(function: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="all=True"):
        function(all=True)


def test_everything_can_be_sized() -> None:
    assert asizeof.asizeof(all=True) > 1_000_000


# Several objects


def test_sizes_of_several_add_up() -> None:
    shared = big()
    one, other = [shared], [shared]
    sizes = asizeof.asizesof(one, other)
    assert sum(sizes) == asizeof.asizeof(one, other)
    assert asizeof.asizesof(one, one) == (asizeof.asizeof(one),) * 2


def test_references_from_one_to_another_do_not_count() -> None:
    one: list[Any] = []
    other: list[Any] = [one]
    one.append(other)
    sizes = asizeof.asizesof(one, other)
    assert min(sizes) > 0
    assert sum(sizes) == asizeof.asizeof(one, other)


graphs = st.recursive(
    st.integers() | st.text() | st.binary() | st.floats(allow_nan=False) | st.none(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(), inner)
        | st.tuples(inner, inner)
        | st.builds(Point, inner, inner)
        | st.builds(lambda x: deque([x, x]), inner)
    ),
    max_leaves=30,
)


@given(graphs, graphs, graphs)
@settings(max_examples=60, deadline=None)
def test_totals_do_not_depend_on_the_order(one: Any, two: Any, three: Any) -> None:
    mixed = [one, two, [three, one]]
    total = asizeof.asizeof(one, two, three, mixed)
    assert asizeof.asizeof(mixed, three, two, one) == total
    shared = shared_ids()
    distinct = [item for item in (one, two, mixed) if id(item) not in shared]
    if len({id(item) for item in distinct}) == len(distinct):
        assert sum(asizeof.asizesof(*distinct)) == asizeof.asizeof(*distinct)
    assert Asizer().asizeof(mixed) == asizeof.asizeof(mixed)
    assert asizeof.asized(mixed, detail=3).size == asizeof.asizeof(mixed)
    assert asizeof.exclusive_size(mixed) <= asizeof.asizeof(mixed)
    sizes = [asizeof.asizeof(mixed, limit=limit) for limit in range(6)]
    assert sizes == sorted(sizes)


# Parts


def test_parts_are_named_and_formatted() -> None:
    parts = asizeof.asized([1000, 2000, (3000, 4000), "a text"], detail=1)
    lines = parts.format().splitlines()
    assert lines[0] == f"[1000, 2000, (3000, 4000), 'a text'] size={parts.size} flat={parts.flat}"
    assert lines[1].startswith("    (3000, 4000) size=")
    assert len(lines) == 5
    assert parts.format("%(name)s", depth=0) == "[1000, 2000, (3000, 4000), 'a text']"
    names = parts.format("%(name)s", order_by="name").splitlines()[1:]
    assert names == sorted(names)
    assert parts.get("'a text'").size == asizeof.asizeof("a text")
    assert parts.get("nothing", 5) == 5
    assert re.fullmatch(r'size \d+, flat \d+, refs\[4\], name ".*"', str(parts))
    with pytest.raises(ValueError, match="order_by is 'weight'"):
        parts.format(order_by="weight")


@pytest.mark.parametrize("touched", [False, True])
def test_attributes_are_found_under_dict(touched: bool) -> None:
    for _ in range(40):
        point = Point(big(), 5)
    if touched:
        point.__dict__  # noqa: B018 - creates it
    parts = asizeof.asized(point, detail=3)
    assert parts.size == asizeof.asizeof(point)
    names = {part.name for part in parts.get("__dict__").refs}
    assert {"[K] x", "[V] y: 5"} <= names
    assert parts.get("__class__").size == 0


def test_parts_are_plain_data() -> None:
    parts = asizeof.asized({"key": [big()]}, detail=2)
    carried = json.loads(json.dumps(parts.to_dict()))
    assert carried["size"] == parts.size
    assert sum(part["size"] for part in carried["refs"]) + carried["flat"] == parts.size
    tree = parts.tree().splitlines()
    assert "100.0 %" in tree[0]
    assert tree[1].startswith("|-- ")
    assert Asized(8, 8).refs == ()


# Asizer


def test_an_asizer_adds_up_and_counts_once() -> None:
    sizer = Asizer()
    fresh = [sizer.above, sizer.align, sizer.clip, sizer.code, sizer.cutoff, sizer.derive]
    assert fresh == [1024, 8, 80, False, 10, False]
    assert (sizer.excluded, sizer.limit, sizer.seen, sizer.total) == ((), None, 0, 0)
    item = [big()]
    holder = [item]
    assert sizer.asizeof(item) == asizeof.asizeof(item)
    assert sizer.asizeof(item) == 0
    sizer.reset()
    sizer.asizeof(item)
    sizer.asizeof(holder, holder)
    assert sizer.duplicate == 2
    assert sizer.total == asizeof.asizeof(item, holder)
    assert sizer.asized(item).size == 0
    with pytest.raises(KeyError, match="bogus"):
        sizer.reset(bogus=1)
    with pytest.raises(TypeError):
        sizer.set(clip=10)  # type: ignore[call-arg]


def test_types_objects_and_references_can_be_left_out() -> None:
    point = Point(big(), 1)
    sizer = Asizer()
    sizer.exclude_types(Point)
    assert sizer.asizeof([point]) == asizeof.flatsize([1], align=8)
    assert sizer.excluded == (Point,)
    sizer = Asizer()
    sizer.exclude_objs(point)
    assert sizer.asizeof(point) == 0
    sizer = Asizer()
    sizer.exclude_refs(point)
    assert sizer.asizeof([point]) == asizeof.flatsize([1], align=8)
    assert sizer.asizeof(point) == asizeof.asizeof(point)
    assert sizer.asizeof(point) == 0


def test_an_asizer_keeps_nothing_alive() -> None:
    import weakref

    point = Point(big(), 1)
    gone = weakref.ref(point)
    sizer = Asizer()
    sizer.asizeof([point])
    del point
    assert gone() is None


def test_statistics_are_printed() -> None:
    out = io.StringIO()
    asizeof.asizeof([1000, 2000, big()], stats=3, above=100, stream=out)
    text = out.getvalue()
    for line in (
        r"asizeof\(\(\[1000, 2000,",
        r"^ +\d+ bytes$",
        r"^ +8 byte aligned$",
        r"^ +1 object given$",
        r"^ +4 objects sized$",
        r"^ +0 objects missed$",
        r"^ +0 duplicates$",
        r"^ +1 deepest recursion$",
        r"^ +2 largest objects \(of 2 over 100 bytes\)$",
        r"bytes or 9\.\d KiB: class bytes: .* leng 10001, ix \d \(at 1\), pix 0$",
        r"^ +3 profiles:  total \(% of grand total\), average, and largest flat size:",
        r"^ +2 class int objects:  64 \(\d+%\), 32, 32:  [12]000 leng 1$",
        r"^ +4 types$",
    ):
        assert re.search(line, text, re.MULTILINE), (line, text)
    out = io.StringIO()
    asizeof.asizesof([1000], [2000], stats=1, stream=out)
    assert re.search(r"asizesof\(.*\) \.\.\.\n +\d+ bytes:  \[1000\]\n", out.getvalue())
    out = io.StringIO()
    asizeof.asized([1000], stats=1, stream=out)
    assert '0: size 96, flat 64, refs[0], name "[1000]"' in out.getvalue()


# Beyond 1.1


def test_exclusive_size_is_what_dropping_frees() -> None:
    shared = [big()]
    mine = [shared, [big()]]
    assert asizeof.exclusive_size(mine) == asizeof.asizeof(mine) - asizeof.asizeof(shared)
    point = Point([big()], shared)
    assert 10_000 < asizeof.exclusive_size(point) < 11_000
    del shared, mine
    assert asizeof.exclusive_size(point) == asizeof.asizeof(point)


def test_exclusive_size_counts_cycles() -> None:
    first: dict[str, Any] = {"payload": big()}
    first["self"] = first
    first["child"] = {"parent": first}
    assert asizeof.exclusive_size(first) >= 10_000


def test_a_budget_stops_early_and_says_so() -> None:
    items = [[number] for number in range(1000, 5000)]
    found = asizeof.measure(items, max_objects=100)
    assert (found.objects, found.stopped, found.complete) == (100, "max_objects", False)
    assert "stopped early by max_objects" in str(found)
    assert asizeof.measure(items, timeout_s=0).stopped == "timeout_s"
    assert asizeof.measure(items).complete


def test_two_implementations_are_compared_in_one_call() -> None:
    tuples = [(number, 1.5) for number in range(1000, 1100)]
    dicts = [{"id": number, "price": 1.5} for number in range(1000, 1100)]
    found = asizeof.compare(tuples, dicts)
    assert found.size_diff == asizeof.asizeof(dicts) - asizeof.asizeof(tuples) > 0
    rows = {row[0]: row[1:3] for row in found.rows}
    assert rows["tuple"] == (100, 0)
    assert rows["dict"] == (0, 100)
    assert "all objects" in str(found)


def test_a_handler_says_how_a_type_is_sized() -> None:
    class Native:
        pass

    item = Native()
    asizeof.add_handler(Native, size=lambda one: 5000, referents=lambda one: [payload])
    payload = big()
    try:
        assert asizeof.asizeof(item) == 5000 + asizeof.asizeof(payload)
        asizeof.add_handler(Native, size=lambda one: -1)
        assert asizeof.measure(item).missed == 1
        asizeof.add_handler(Native, referents=lambda one: 1 / 0)  # type: ignore[arg-type,return-value]
        assert asizeof.measure([item, payload]).size > len(payload)
    finally:
        asizeof.remove_handler(Native)
    assert asizeof.asizeof(item) < 5000
    with pytest.raises(TypeError, match="give a class"):
        asizeof.add_handler(5, size=len)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="size, referents"):
        asizeof.add_handler(Native)


def test_a_class_like_a_dictionary_can_be_told() -> None:
    class Pairs:
        def keys(self) -> list[int]:
            return [1]

        def values(self) -> list[bytes]:
            return [payload]

        def items(self) -> list[tuple[int, bytes]]:
            return [(1, payload)]

        def get(self, key: int) -> bytes:
            return payload

        def __len__(self) -> int:
            return 1

    payload = big()
    assert asizeof.asizeof(Pairs()) < 10_000
    try:
        assert asizeof.adict(Pairs)
        assert asizeof.asizeof(Pairs()) > 10_000
    finally:
        asizeof.remove_handler(Pairs)
    assert not asizeof.adict(dict)
    assert not asizeof.adict(int)


def test_the_share_of_mapped_files_is_a_percentage() -> None:
    before = asizeof.amapped(50)
    assert asizeof.amapped(before) == 50
    with pytest.raises(ValueError, match="percentage is 101"):
        asizeof.amapped(101)


# Helpers of 1.1


def test_the_small_functions() -> None:
    assert asizeof.basicsize([]) == sys.getsizeof([])
    assert asizeof.flatsize([1, 2]) == sys.getsizeof([1, 2])
    assert (
        asizeof.itemsize([1]) == asizeof.itemsize((1,)) == sys.getsizeof((1,)) - sys.getsizeof(())
    )
    assert list(map(asizeof.leng, ["spam", 42, 2**64 - 1, {1, 2, 3}, {}, 1.5])) == [
        5,
        1,
        3,
        8,
        0,
        None,
    ]
    assert asizeof.leng(dict.fromkeys(range(10))) == 16
    assert asizeof.refs(1) is None
    pair = [1, 2]
    assert asizeof.refs(pair) is pair
    assert asizeof.refs({"a": 1}) is not None
    with pytest.raises(ValueError, match=r"flatsize\(align=3\)"):
        asizeof.flatsize([], align=3)


def test_referents_have_names() -> None:
    assert asizeof.named_refs({"data": 42}) == [("[K] data", "data"), ("[V] data: 42", 42)]
    assert asizeof.named_refs([1, 2]) == []
    names = dict(asizeof.named_refs(Point(1, 2)))
    assert names["__class__"] is Point
    assert names["__dict__"] == {"x": 1, "y": 2}
    assert dict(asizeof.named_refs(Slotted(7)))["a"] == 7


@pytest.mark.parametrize(
    ("argument", "expected"),
    [("-v", r"^pympler\.asizeof .* \(Python 3"), ("-x", r"bytes: a list"), ("-t", r"types")],
)
def test_the_module_can_be_run(argument: str, expected: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pympler.asizeof", argument],
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.search(expected, done.stdout)
    assert done.stderr == ""


def test_a_wrong_argument_is_said() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pympler.asizeof", "--bogus"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "'--bogus'" in done.stderr


# Hostile objects, threads


def test_hostile_objects_are_counted_with_the_rest() -> None:
    hostile = Hostile()
    object.__setattr__(hostile, "payload", big())
    graph = [hostile, HostileDict(a=big()), RaisingSize(), NegativeSize(), StatedSize(), [big()]]
    found = asizeof.measure(graph)
    assert found.missed == 2
    assert found.size > 1_030_000
    assert asizeof.asized(graph, detail=4).size == found.size
    assert asizeof.asizesof(*graph)
    assert asizeof.exclusive_size(graph) > 1_000_000
    sizer = Asizer(above=0)
    assert sizer.asizeof(graph) == found.size
    out = io.StringIO()
    sizer.print_stats(file=out)
    assert "2 objects missed" in out.getvalue()


def test_threads_do_not_disturb_each_other() -> None:
    shared = [Point(str(number), [number + 0.5]) for number in range(3000)]
    own = [[(worker, str(number)) for number in range(3000)] for worker in range(4)]
    expected = [asizeof.asizeof(shared, mine) for mine in own]
    found: list[list[int]] = [[] for _ in own]

    def size(worker: int) -> None:
        for _ in range(5):
            found[worker].append(asizeof.asizeof(shared, own[worker]))

    threads = [threading.Thread(target=size, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[size] * 5 for size in expected]


def test_a_graph_may_change_under_the_walk() -> None:
    graph: dict[int, Any] = {number: [number] for number in range(2000)}
    stop = threading.Event()

    def change() -> None:
        number = 2000
        while not stop.is_set():
            graph[number] = {str(number): [number]}
            graph.pop(number - 2000, None)
            number += 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        sizes = [asizeof.asizeof(graph) for _ in range(50)]
    finally:
        stop.set()
        thread.join()
    assert min(sizes) > 100_000


def test_numpy_arrays_and_views_are_counted_once() -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.zeros(10_000)
    assert 80_000 <= asizeof.asizeof(array) < 80_300
    assert asizeof.asizeof(array[5:50]) >= 80_000
    assert asizeof.asizeof([array, array[5:50], array[7:]]) < 81_000
    held = numpy.array([big(), None], dtype=object)
    assert asizeof.asizeof(held) >= 10_000
    assert asizeof.asizeof(numpy.broadcast_to(numpy.float64(1), (1000, 1000))) < 1000
