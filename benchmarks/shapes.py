"""Shapes of objects whose size is known: what is made is measured block by block as it is made.

Standard library only at import; numpy and pandas shapes are there if the libraries are. Runs under
every Python and beside every peer, so nothing of Pympler's is imported.
"""

from __future__ import annotations

import array
import asyncio
import collections
import contextvars
import ctypes
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import importlib
import importlib.util
import io
import itertools
import os
import pathlib
import queue
import random
import re
import threading
import time
import types
import uuid
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

__all__ = ["SHAPES", "Shape"]


class Shape(NamedTuple):
    """Objects of one shape.

    Attributes:
        make: makes a list of so many; code: whether functions are part of the shape.
        most: how many are made at most; reason: why a tool cannot meet it, if it cannot.
    """

    make: Callable[[int], list[Any]]
    code: bool = False
    most: int = 2000
    reason: str = ""


SHAPES: dict[str, Shape] = {}


def shape(
    name: str, *, code: bool = False, most: int = 2000, reason: str = ""
) -> Callable[[Callable[[int], Any]], Callable[[int], Any]]:
    """Name a function that makes one object for a number."""

    def add(one: Callable[[int], Any]) -> Callable[[int], Any]:
        SHAPES[name] = Shape(lambda n: [one(number) for number in range(n)], code, most, reason)
        return one

    return add


# Instances


def _instances(attributes: int) -> Callable[[int], Any]:
    kind = type(f"With{attributes}", (), {})
    names = [f"attribute_{number}" for number in range(attributes)]

    def make(number: int) -> Any:
        made = kind()
        for name in names:
            setattr(made, name, None)
        return made

    for number in range(200):  # the first instances of a class have more room than they need
        make(number)
    return make


for _count in (0, 1, 2, 3, 5, 8, 13, 20, 29, 31, 40):
    shape(f"instance, {_count} attributes")(_instances(_count))


class Pair:
    def __init__(self) -> None:
        self.first = self.second = None

    def method(self) -> None:
        pass


class Slots:
    __slots__ = ("first", "second")

    first: Any
    second: Any


class PrivateSlots(Slots):
    __slots__ = ("__third",)


class MixedSlots(Slots):
    pass


@dataclasses.dataclass
class Order:
    number: int
    price: float
    items: list[int]


class Coordinates(NamedTuple):
    x: int
    y: Any
    z: float


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@shape("instance, late attribute")
def _late(number: int) -> Any:
    made = Pair()
    made.third = None  # type: ignore[attr-defined]
    return made


@shape("instance, its __dict__ asked for")
def _touched(number: int) -> Any:
    made = Pair()
    made.__dict__  # noqa: B018 - makes it
    return made


@shape("slots, inherited, private")
def _slots(number: int) -> Any:
    made = PrivateSlots()
    made.first = [number]
    return made


@shape("slots and attributes")
def _mixed(number: int) -> Any:
    made = MixedSlots()
    made.first, made.third, made.fourth = 1, None, None  # type: ignore[attr-defined]
    return made


shape("dataclass")(lambda number: Order(number + 1000, number + 0.5, [number]))
shape("named tuple")(lambda number: Coordinates(number + 1000, None, float(number)))
shape("struct sequence")(lambda number: time.struct_time(range(number + 1000, number + 1009)))
shape("struct sequence with unnamed fields")(
    lambda number: os.stat_result(range(number + 1000, number + 1010))
)
shape("enum in a list")(lambda number: [Colour.RED])
shape("simple namespace")(lambda number: types.SimpleNamespace(a=number, b=[number]))


# Exceptions


def _raise(number: int) -> None:
    held = [number]
    raise KeyError(held)


class OwnError(Exception):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.extra = [number]


shape("exception")(lambda number: ValueError(f"number {number}"))
shape("exception with attributes")(lambda number: OwnError(number + 1000))


@shape("exception with traceback")
def _raised(number: int) -> Any:
    try:
        _raise(number)
    except KeyError as error:
        return error


@shape("exception with cause")
def _caused(number: int) -> Any:
    try:
        try:
            _raise(number)
        except KeyError as error:
            raise ValueError("caused") from error
    except ValueError as error:
        return error


# Containers


def _by_texts(count: int, number: int) -> Any:
    return {f"key {place} of {number}": None for place in range(count)}


def _by_numbers(count: int, number: int) -> Any:
    return {place * 1000 + 1000: None for place in range(count)}


def _set(count: int, number: int) -> Any:
    return set(range(count))


for _count in (0, 1, 5, 6, 10, 11, 22, 100):
    shape(f"dict, {_count} strings", most=500)(functools.partial(_by_texts, _count))
    shape(f"dict, {_count} integers", most=500)(functools.partial(_by_numbers, _count))
    shape(f"set, {_count} integers", most=500)(functools.partial(_set, _count))


@shape("dict, entries deleted")
def _deleted(number: int) -> Any:
    made = dict.fromkeys(range(30))
    for key in range(25):
        del made[key]
    return made


shape("dict, tuples")(lambda number: {(number, place): None for place in range(4)})
shape("frozenset")(lambda number: frozenset(range(number, number + 5)))


@shape("list grown by append")
def _grown(number: int) -> Any:
    made: list[Any] = []
    for _ in range(number % 40):
        made.append(None)
    return made


shape("tuple")(lambda number: (number, None, str(number)))
shape("deque")(lambda number: collections.deque(range(number % 200)))
shape("OrderedDict")(lambda number: collections.OrderedDict.fromkeys(range(number % 20)))


@shape("defaultdict")
def _defaultdict(number: int) -> Any:
    made: Any = collections.defaultdict(list)
    made[number].append(number)
    return made


shape("Counter")(lambda number: collections.Counter(f"abcabc{number}"))
shape("UserDict")(lambda number: collections.UserDict(a=number))


class OwnDict(dict[Any, Any]):
    pass


class OwnList(list[Any]):
    pass


class OwnTuple(tuple[Any, ...]):
    pass


class OwnSet(set[Any]):
    pass


class OwnText(str):
    pass


class OwnNumber(int):
    pass


@shape("subclass of dict with attributes")
def _own_dict(number: int) -> Any:
    made = OwnDict(a=number)
    made.extra = [number]  # type: ignore[attr-defined]
    return made


@shape("subclass of tuple with attributes")
def _own_tuple(number: int) -> Any:
    made = OwnTuple((number, number))
    made.extra = None  # type: ignore[attr-defined]
    return made


shape("subclass of list")(lambda number: OwnList([number, number + 1]))
shape("subclass of set")(lambda number: OwnSet([number]))
shape("subclass of str")(lambda number: OwnText(f"text {number}"))
shape("subclass of int")(lambda number: OwnNumber(number))


# Texts, bytes, numbers


def _text(letter: str, number: int) -> Any:
    return letter * (number % 50 + 2)


def _integer(bits: int, number: int) -> Any:
    return int(str((1 << bits) + number))


for _name, _letter in (("1", "a"), ("1, not ASCII", "\xe9"), ("2", "\u0416"), ("4", "\U0001f600")):
    shape(f"str, {_name} bytes wide")(functools.partial(_text, _letter))
for _bits in (31, 62, 100, 1000):
    shape(f"int, {_bits} bits")(functools.partial(_integer, _bits))
shape("int, 9 bits")(lambda number: 512 + number)
shape("int, 9 bits, from text", reason="28 bytes or 32, as it was made; the same with `align=8`")(
    functools.partial(_integer, 9)
)
shape("int, 100 bits, a sum", reason="a sum keeps a digit too many, which nothing shows")(
    lambda number: (1 << 100) + number
)
shape("float")(lambda number: number + 0.5)
shape("complex")(lambda number: complex(number, 1))
shape("bytes")(lambda number: bytes(number % 70 + 2))


@shape("bytearray grown")
def _bytearray(number: int) -> Any:
    made = bytearray()
    for _ in range(number % 30):
        made.append(1)
    return made


@shape("array grown")
def _array(number: int) -> Any:
    made = array.array("i")
    for place in range(number % 30):
        made.append(place)
    return made


shape("memoryview")(lambda number: memoryview(bytes(100 + number % 8)))
shape("memoryview, sliced")(lambda number: memoryview(bytes(100 + number % 8))[3:50])
shape("BytesIO")(lambda number: io.BytesIO(bytes(100)))


@shape("StringIO", reason="what its buffer keeps in advance is not shown")
def _string_io(number: int) -> Any:
    made = io.StringIO()
    for _ in range(10):
        made.write(f"line {number}\n")
    return made


shape("Decimal")(lambda number: decimal.Decimal(number) / 7)
shape("Fraction")(lambda number: fractions.Fraction(number + 1000, 7919))
shape("datetime")(lambda number: datetime.datetime(2020, 1, 1, 1, number % 60))
shape("datetime with zone")(
    lambda number: datetime.datetime(2020, 1, 1, 1, number % 60, tzinfo=datetime.timezone.utc)
)
shape("date")(lambda number: datetime.date(2020, 1, number % 28 + 1))
shape("time")(lambda number: datetime.time(1, 2, number % 60))
shape("timedelta")(lambda number: datetime.timedelta(seconds=number))
shape("UUID")(lambda number: uuid.UUID(int=random.getrandbits(128)))
shape("Path")(lambda number: pathlib.Path(f"folder/file {number}"))
shape("range")(lambda number: range(number + 1000, number + 5000))
shape("slice")(lambda number: slice(number, number + 1000, None))


def _patterns(n: int) -> list[Any]:
    re.purge()
    made = [re.compile(f"a{number}(?P<x>b*)") for number in range(n)]
    re.purge()
    return made


SHAPES["re pattern"] = Shape(
    _patterns, most=100, reason="compiling leaves a little that is not the pattern's"
)


# Code, and what is suspended


def _function(number: int) -> Any:
    def inner(a: int, b: int = number) -> int:
        return number

    return inner


async def _pause() -> None:
    await asyncio.sleep(0)


async def _coroutine(number: int) -> None:
    held = [number]
    await asyncio.sleep(0)
    del held


def _generator(number: int) -> Iterator[int]:
    held = [number]
    yield number
    del held


async def _async_generator(number: int) -> AsyncIterator[int]:
    yield number


@shape("generator, started")
def _started(number: int) -> Any:
    made = _generator(number)
    next(made)
    return made


@shape("coroutine, started")
def _waiting(number: int) -> Any:
    made = _coroutine(number)
    made.send(None)
    return made


shape("function with code", code=True)(_function)
shape("lambda with code", code=True)(lambda number: lambda x, i=number: x)
shape("partial")(lambda number: functools.partial(int, str(number), base=10))
shape("bound method")(lambda number: Pair().method)
shape("bound built-in")(lambda number: [].append)
shape("generator")(_generator)
shape("async generator")(_async_generator)
shape("generator expression")(lambda number: (x for x in [number]))
shape("list iterator")(lambda number: iter([number, number]))
shape("dict iterator")(lambda number: iter({number: number}))
shape("dict view")(lambda number: {number: [number]}.values())
shape("zip")(lambda number: zip([number], (number,), strict=False))
shape("map")(lambda number: map(str, [number]))
shape("chain")(lambda number: itertools.chain([number], [number]))
shape("enumerate")(lambda number: enumerate([number]))
shape("weak reference with callback", code=True)(
    lambda number: weakref.ref(Pair, lambda reference: None)
)
shape("lock")(lambda number: threading.Lock())
shape("RLock")(lambda number: threading.RLock())
shape("Event")(lambda number: threading.Event())
shape("Queue", most=500)(lambda number: queue.Queue())
shape("SimpleQueue")(lambda number: queue.SimpleQueue())
shape("context variable")(
    lambda number: contextvars.ContextVar(f"v{number}", default=[number])  # noqa: B039
)
shape("mapping proxy")(lambda number: types.MappingProxyType({number: number}))
shape("cell")(lambda number: types.CellType([number]))


class Record(ctypes.Structure):
    _fields_ = [("a", ctypes.c_double), ("b", ctypes.c_int * 10)]


shape("ctypes array")(lambda number: (ctypes.c_int * 10)())
shape("ctypes structure")(lambda number: Record())
shape("ctypes integer")(lambda number: ctypes.c_int(number))


@shape("context")
def _context(number: int) -> Any:
    made = contextvars.copy_context()
    made.run(_VARIABLE.set, [number])
    return made


_VARIABLE: contextvars.ContextVar[list[int]] = contextvars.ContextVar("variable")


# Other libraries

if importlib.util.find_spec("numpy"):
    numpy: Any = importlib.import_module("numpy")

    shape("numpy array")(lambda number: numpy.zeros(number % 50 + 1))
    shape("numpy array, 2 axes")(lambda number: numpy.zeros((3, number % 5 + 1)))
    shape("numpy view")(lambda number: numpy.zeros(100)[3:50])
    shape("numpy array of objects")(
        lambda number: numpy.array([[number], [number + 1], None], dtype=object)
    )
    shape("numpy float64")(lambda number: numpy.float64(number))

if importlib.util.find_spec("pandas"):
    pandas: Any = importlib.import_module("pandas")

    shape("pandas frame", most=100, reason="parts made in Cython show no referents")(
        lambda number: pandas.DataFrame({"a": [number + 0.5] * 2000, "b": [number] * 2000})
    )
