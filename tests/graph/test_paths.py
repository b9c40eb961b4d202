"""Paths: from every kind of root, through every kind of object."""

from __future__ import annotations

import asyncio
import collections
import contextvars
import functools
import gc
import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from pympler.asizeof import asizeof
from pympler.graph.paths import Handle, find_chains, find_paths

HERE = __name__


class Target:
    """What is looked for."""


class Meta(type):
    pass


class WithMeta(metaclass=Meta):
    pass


class Slotted:
    __slots__ = ("__weakref__", "kept")
    kept: Any


class Plain:
    def __init__(self) -> None:
        self.kept: Any = None

    def method(self) -> None:
        """Bound methods lead to their instance."""


class Node:
    def __init__(self, following: Any) -> None:
        self.following = following


def with_default(kept: Any = None, *, word: Any = None) -> None:
    """Its defaults are replaced by tests."""


@functools.cache
def cached(number: int) -> Target:
    return Target()


class Row(NamedTuple):
    name: str
    kept: Any


VARIABLE: contextvars.ContextVar[Any] = contextvars.ContextVar("current_order")
HOLDER: Any = None


@pytest.fixture(autouse=True, params=["compiled", "in Python"])
def walk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which walk is used; where nothing is compiled, the one in Python twice."""
    if request.param == "in Python":
        monkeypatch.setattr("pympler.graph.paths.extension", lambda: None)


@pytest.fixture(autouse=True)
def nothing_held() -> Iterator[None]:
    yield
    globals()["HOLDER"] = None
    with_default.__defaults__, with_default.__kwdefaults__ = (None,), {"word": None}
    cached.cache_clear()
    for kind in (Plain, Meta, WithMeta):
        if "KEPT" in vars(kind):
            delattr(kind, "KEPT")


def hold(holder: Any) -> None:
    globals()["HOLDER"] = holder


def path_to(target: object) -> str:
    return find_paths([id(target)])[id(target)].text


def closure_over(kept: Any) -> Callable[[], Any]:
    return lambda: kept


def plain_with(target: Any) -> Plain:
    item = Plain()
    item.kept = target
    return item


def slotted_with(target: Any) -> Slotted:
    item = Slotted()
    item.kept = target
    return item


def waited_for(target: Any) -> asyncio.Future[Any]:
    loop = asyncio.new_event_loop()
    loop.close()
    future = loop.create_future()
    future.add_done_callback(print)  # the first one does not stand in the list
    item = plain_with(target)
    future.add_done_callback(lambda _, kept=item: None)  # type: ignore[misc]
    return future


@pytest.mark.parametrize(
    ("make", "path"),
    [
        (lambda target: target, ""),
        (lambda target: {"orders": target}, "['orders']"),
        (lambda target: {7: target}, "[7]"),
        (lambda target: [None, target], "[1]"),
        (lambda target: [None] * 50 + [target], "[...]"),
        (lambda target: ([target],), "[0][0]"),
        (lambda target: Row("first", target), ".kept"),
        (lambda target: {target}, "{...}"),
        (lambda target: collections.deque([target]), "[0]"),
        (lambda target: collections.OrderedDict(a=target), "['a']"),
        (lambda target: collections.defaultdict(list, a=[target]), "['a'][0]"),
        (plain_with, ".kept"),
        (waited_for, "._callbacks[0][0].__defaults__[0].kept"),
        (slotted_with, ".kept"),
        (lambda target: plain_with(target).method, ".__self__.kept"),
        (closure_over, ".<closure>.kept"),
        (lambda target: types.MappingProxyType({"a": target}), "['a']"),
    ],
)
def test_the_way_through_a_holder(make: Callable[[Any], Any], path: str) -> None:
    target = Target()
    hold(make(target))

    assert path_to(target) == f"{HERE}.HOLDER{path}"


def test_class_attributes() -> None:
    in_class, in_meta, in_instance_of_meta = Target(), Target(), Target()
    Plain.KEPT = in_class  # type: ignore[attr-defined]
    Meta.KEPT = [in_meta]  # type: ignore[attr-defined]
    WithMeta.KEPT = in_instance_of_meta  # type: ignore[attr-defined]

    assert path_to(in_class) == f"{HERE}.Plain.KEPT"
    assert path_to(in_meta) == f"{HERE}.Meta.KEPT[0]"
    assert path_to(in_instance_of_meta) == f"{HERE}.WithMeta.KEPT"


def test_defaults_of_functions() -> None:
    default, keyword = Target(), Target()
    with_default.__defaults__ = ([default],)
    with_default.__kwdefaults__ = {"word": keyword}

    assert path_to(default) == f"{HERE}.with_default.__defaults__[0][0]"
    assert path_to(keyword) == f"{HERE}.with_default.__kwdefaults__['word']"


class Application:
    """Has attributes that no method of it names, and one that a property computes."""

    @functools.cached_property
    def registry(self) -> list[Any]:
        return []

    @property
    def extra(self) -> Any:
        raise AssertionError("code of the application must not run")


@pytest.mark.parametrize("kind", [list, dict])
def test_attributes_that_were_set_from_outside(kind: type) -> None:
    application, target = Application(), Target()
    size = asizeof(application)
    entries: Any = [target] if kind is list else {"order": target}
    application.cache = entries  # type: ignore[attr-defined]
    hold(application)
    larger = asizeof(application)

    place = "[0]" if kind is list else "['order']"
    assert path_to(target) == f"{HERE}.HOLDER.cache{place}"
    assert asizeof(application) == larger > size  # no __dict__ was made


def test_an_attribute_that_a_property_has_computed() -> None:
    application, target = Application(), Target()
    application.registry.append(target)
    hold(application)

    assert path_to(target) == f"{HERE}.HOLDER.registry[0]"


def test_a_cached_function() -> None:
    target = cached(1)

    assert path_to(target) == f"lru_cache of {HERE}.cached"


def test_locals_of_a_generator_that_waits() -> None:
    def generate() -> Iterator[None]:
        order = Target()
        made.append(id(order))
        yield

    made: list[int] = []
    generator = generate()
    next(generator)
    hold(generator)

    text = find_paths(made)[made[0]].text

    assert text.startswith(f"{HERE}.HOLDER, generator generate at ")
    assert text.endswith(", local order")


def test_locals_of_a_thread() -> None:
    ready, end = threading.Event(), threading.Event()
    made: list[int] = []

    def work() -> None:
        order = Target()
        made.append(id(order))
        ready.set()
        end.wait()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        ready.wait()
        text = find_paths(made)[made[0]].text
    finally:
        end.set()
        thread.join()

    assert text.startswith("frame work at ")
    assert text.endswith(", local order")


def test_the_current_context() -> None:
    def ask() -> str:
        target = Target()
        VARIABLE.set({"orders": [target]})
        made = id(target)
        del target
        return find_paths([made])[made].text

    text = contextvars.copy_context().run(ask)

    assert text == "the current context, context variable current_order['orders'][0]"


def test_what_no_root_leads_to_is_left_out() -> None:
    item = Node(None)
    item.following = item
    lost = id(item)
    del item

    assert find_paths([lost]) == {}
    gc.collect()


def test_keys_that_may_be_data_are_not_shown() -> None:
    target = Target()
    secrets = ["a8f5f167f44f4964e6c998dee827110c", "john.doe@example.com", "x" * 30, "a b", 123456]
    for secret in [*secrets, ("a", 1), 1.5, b"token"]:
        hold({"sessions": {secret: {"user": target}}})

        assert path_to(target) == f"{HERE}.HOLDER['sessions'][...]['user']"


def test_a_long_chain_is_cut_short() -> None:
    target = Target()
    node = Node(target)
    for _ in range(500):
        node = Node(node)
    hold(node)

    assert path_to(target) == f"{HERE}.HOLDER.following.following.following..."


@pytest.mark.skipif(sys.version_info < (3, 11), reason="instances have a dictionary at once")
def test_no_dictionary_is_made_for_an_instance() -> None:
    item, other = Plain(), Plain()
    target = item.kept = Target()
    hold([item, other])
    before = sys.getsizeof(item), len(gc.get_referents(item))

    assert path_to(target) == f"{HERE}.HOLDER[0].kept"

    assert (sys.getsizeof(item), len(gc.get_referents(item))) == before
    assert not any(type(child) is dict for child in gc.get_referents(item))


def test_no_code_of_the_application_is_run() -> None:
    def forbidden(*_: object) -> Any:
        raise AssertionError("code of the application was run")

    class Touchy:
        def __init__(self, kept: object) -> None:
            object.__setattr__(self, "kept", kept)

        __getattribute__ = __getattr__ = __eq__ = __hash__ = __repr__ = forbidden
        __iter__ = __len__ = __bool__ = __dir__ = __sizeof__ = forbidden

        @property
        def computed(self) -> None:
            forbidden()

    target = Target()
    hold([Touchy(target)])

    assert path_to(target).startswith(f"{HERE}.HOLDER[0].")


def test_the_walk_does_not_go_through_our_own_objects() -> None:
    from pympler.leaks.survivors import Followers

    ours: Followers[Any] = Followers()
    target = Target()
    ours._waiting.append(target)  # type: ignore[arg-type]
    made = id(target)
    del target
    hold(ours)

    assert find_paths([made]) == {}


def test_what_is_to_be_ignored_is_walked_around() -> None:
    target = Target()
    first, second = [target], [target]
    hold({"a": first, "b": second})

    assert path_to(target) == f"{HERE}.HOLDER['a'][0]"
    assert list(find_chains([id(target)], ignore=[id(first)]).ids[id(target)])[-2] == id(second)


# Handles.


def test_a_handle_finds_its_object_again_and_keeps_nothing_alive() -> None:
    inner: list[object] = [1]
    owner = Plain()
    owner.kept = {"rows": inner}
    hold(owner)
    found = find_paths([id(inner)])[id(inner)]

    assert found.resolve() is inner
    inner.append(2)
    assert found.resolve() is inner
    owner.kept = {"rows": list(inner)}
    assert found.resolve() is None
    owner.kept = {"rows": inner}


def test_a_handle_finds_its_object_in_another_place() -> None:
    inner: list[object] = [1]
    owner = Plain()
    owner.kept = [[0], inner]
    found = {way: Handle.along([way, inner]) for way in (sys.modules[HERE], owner)}
    for _ in range(2):
        globals()["FOUND_HERE"] = inner
        assert [handle.resolve() for handle in found.values() if handle] == [inner, None]
        del globals()["FOUND_HERE"]
        globals()["FOUND_THERE"] = inner
        assert [handle.resolve() for handle in found.values() if handle] == [inner, None]
        del globals()["FOUND_THERE"]

    direct = any(one is owner.kept for one in gc.get_referents(owner))
    attributes = [] if direct else [vars(owner)]  # lead there on some Pythons
    within = Handle.along([owner, *attributes, owner.kept, inner])
    assert within is not None
    for rows in ([[0], inner], [inner], [[0], [0], inner], [inner, [0]]):
        owner.kept[:] = rows
        assert within.resolve() is inner
    owner.kept.clear()
    assert within.resolve() is None


def test_a_handle_on_what_is_gone() -> None:
    import weakref

    owner = Plain()
    owner.kept = Target()
    gone = weakref.ref(owner.kept)
    handle = Handle.along([owner, owner.kept])
    assert handle is not None

    owner.kept = None

    assert gone() is None
    assert handle.resolve() is None


def test_there_is_no_handle_where_nothing_takes_a_weak_reference() -> None:
    outer: list[Any] = [{}]

    assert Handle.along([outer, outer[0]]) is None
