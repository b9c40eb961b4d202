"""Constructors that are watched: they look and work as before, and are put back."""

from __future__ import annotations

import inspect
import threading
from collections import UserDict
from dataclasses import dataclass
from typing import Any

import pytest

from pympler.lifetimes.constructors import attach, detach


class Listening:
    """What a class has told."""

    def __init__(self, *classes: type) -> None:
        self.heard: list[Any] = []
        self.classes = classes

    def __enter__(self) -> list[Any]:
        self.listener = self.heard.append
        for cls in self.classes:
            attach(cls, self.listener)
        return self.heard

    def __exit__(self, *_: object) -> None:
        for cls in self.classes:
            detach(cls, self.listener)


class Plain:
    def __init__(self, first: int, *, second: str = "x") -> None:
        """Make one."""
        self.first = first


class Bare:
    pass


class Child(Plain):
    pass


class WithNew:
    def __new__(cls, *args: Any) -> WithNew:
        made = super().__new__(cls)
        made.args = args  # type: ignore[attr-defined]
        return made


@dataclass
class Row:
    number: int = 3


class Slotted:
    __slots__ = ("__weakref__", "value")


class Meta(type):
    def __setattr__(cls, name: str, value: Any) -> None:
        raise AssertionError("a metaclass was asked")

    __delattr__ = __eq__ = __hash__ = None  # type: ignore[assignment]


class WithMeta(metaclass=Meta):
    pass


class Static:
    @staticmethod
    def __init__(*args: Any) -> None:
        assert args == ()


CLASSES: list[tuple[type, tuple[Any, ...]]] = [
    (Plain, (1,)),
    (Bare, ()),
    (Child, (1,)),
    (WithNew, (1, 2)),
    (Row, ()),
    (Slotted, ()),
    (WithMeta, ()),
    (Static, ()),
    (UserDict, ({},)),
]


@pytest.mark.parametrize(
    ("cls", "arguments"), CLASSES, ids=lambda each: getattr(each, "__name__", "")
)
def test_each_instance_is_heard_of_and_the_class_is_put_back(
    cls: type, arguments: tuple[Any, ...]
) -> None:
    before = list(cls.__dict__.items())
    with Listening(cls) as heard:
        made = cls(*arguments)
    after = list(cls.__dict__.items())
    assert len(heard) == 1
    assert heard[0] is made
    assert [name for name, _ in after] == [name for name, _ in before]
    assert all(one is other for (_, one), (_, other) in zip(before, after, strict=True))
    cls(*arguments)
    assert len(heard) == 1


@pytest.mark.parametrize("cls", [Plain, Child, Bare, Row, WithNew])
def test_a_constructor_looks_as_before(cls: type) -> None:
    def looks() -> tuple[Any, ...]:
        init: Any = cls.__init__  # type: ignore[misc]
        return str(inspect.signature(cls)), init.__name__, init.__qualname__, init.__doc__

    before = looks()
    with Listening(cls):
        assert looks() == before


def test_errors_of_a_constructor_pass_through() -> None:
    with Listening(Plain, Bare) as heard:
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'first'"):
            Plain()  # type: ignore[call-arg]
        with pytest.raises(TypeError, match="takes no arguments"):
            Bare(1)  # type: ignore[call-arg]
    assert heard == []


@pytest.mark.parametrize("first_leaves_first", [True, False])
def test_two_listeners_leave_in_any_order(first_leaves_first: bool) -> None:
    before = Plain.__dict__["__init__"]
    one, other = Listening(Plain), Listening(Plain)
    heard_by_one, heard_by_other = one.__enter__(), other.__enter__()
    leaving, staying = (one, other) if first_leaves_first else (other, one)
    Plain(1)
    leaving.__exit__()
    Plain(2)
    staying.__exit__()
    Plain(3)
    assert sorted([len(heard_by_one), len(heard_by_other)]) == [1, 2]
    assert Plain.__dict__["__init__"] is before


def test_a_constructor_that_somebody_wraps_around_ours_stays() -> None:
    class Wrapped:
        def __init__(self) -> None:
            self.calls = 1

    with Listening(Wrapped) as heard:
        ours = Wrapped.__init__

        def around(self: Wrapped) -> None:
            ours(self)
            self.calls += 1

        Wrapped.__init__ = around  # type: ignore[method-assign]
        Wrapped()
    assert Wrapped.__init__ is around
    assert Wrapped().calls == 2
    assert len(heard) == 1


def test_a_subclass_is_heard_of_by_each_class_that_is_watched() -> None:
    with Listening(Plain, Child) as heard:
        made = Child(1)
    assert heard == [made, made]


@pytest.mark.parametrize(
    ("cls", "text"),
    [
        (3, "only classes can be tracked, not int objects"),
        (int, "take no weak references"),
        (type("Tight", (), {"__slots__": ()}), "take no weak references"),
    ],
)
def test_what_cannot_be_watched_is_refused(cls: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        attach(cls, print)


def test_a_built_in_class_is_refused() -> None:
    with pytest.raises(TypeError, match="is built in and cannot be watched"):
        attach(set, print)


def test_threads_that_make_instances_while_listeners_come_and_go() -> None:
    stop = threading.Event()
    made = [0, 0, 0]

    def make(place: int) -> None:
        while not stop.is_set():
            Plain(1)
            made[place] += 1

    before = Plain.__dict__["__init__"]
    threads = [threading.Thread(target=make, args=(place,)) for place in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(300):
        with Listening(Plain) as heard:
            Plain(2)
        assert heard
    stop.set()
    for thread in threads:
        thread.join()
    assert Plain.__dict__["__init__"] is before
    assert all(made)
