"""Bounds that are declared: by an attribute of the owner of a container, or by its code."""

from __future__ import annotations

import dis
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from types import CodeType, FunctionType, ModuleType
from typing import Any

from pympler.graph.roots import is_added, module_namespace
from pympler.util.names import is_application_file

__all__ = [
    "NOTHING_DECLARED",
    "Declared",
    "code_bounds",
    "declared_of",
    "lifetime_s",
    "of_application",
    "owner_bound",
]

_BOUND_NAMES = (
    "maxsize",
    "max_size",
    "maxlen",
    "max_len",
    "max_length",
    "max_items",
    "maxitems",
    "max_entries",
    "maxentries",
    "max_keys",
    "capacity",
    "size_limit",
)
_LIFETIME_NAMES = (
    "ttl",
    "ttl_s",
    "ttl_seconds",
    "max_age",
    "max_age_s",
    "lifetime",
    "expire_after",
)
_LIFETIMES = 1.1
_REMOVE = frozenset({"clear", "discard", "pop", "popitem", "popleft", "remove"})
_DELETE = frozenset({"DELETE_SUBSCR"})
_REPLACE = frozenset({"STORE_ATTR", "STORE_GLOBAL", "STORE_DEREF"})
_ENDS = ("STORE_", "POP_", "JUMP_", "RETURN_", "COMPARE_", "DELETE_")
_MOST_FUNCTIONS = 2000
_mro_of = type.__dict__["__mro__"].__get__
_class_namespace_of = type.__dict__["__dict__"].__get__


@dataclass(frozen=True, slots=True)
class Declared:
    """What is declared about a container.

    Attributes:
        owner: the bound that its owner has as an attribute.
        code: the numbers that code which can shorten it compares its length with, in order.
        lifetime_s: how long its owner says that entries live, 0.0 if it does not say.
    """

    owner: int | None = None
    code: tuple[int, ...] = ()
    lifetime_s: float = 0.0

    @property
    def gone_after_s(self) -> float:
        """The seconds after which what was added first must be gone."""
        return _LIFETIMES * self.lifetime_s

    def with_that_of(self, other: Declared) -> Declared:
        """What is declared here and there."""
        return Declared(
            self.owner or other.owner,
            tuple(sorted({*self.code, *other.code})),
            max(self.lifetime_s, other.lifetime_s),
        )

    def bound(self, length: int) -> tuple[int, str] | None:
        """The bound that a container of this length keeps to, and the evidence in words.

        Example:
            >>> Declared(code=(10, 500)).bound(100)
            (500, 'declares a bound of 500 in its code')
        """
        if self.owner is not None and self.owner >= length:
            return self.owner, f"declares a bound of {self.owner}"
        kept = next((bound for bound in self.code if bound >= length), None)
        return None if kept is None else (kept, f"declares a bound of {kept} in its code")


NOTHING_DECLARED = Declared()
"""What is declared of most containers."""


def declared_of(path: str, objects: list[Any], *, parts: bool = False) -> Declared:
    """What is declared about a container; the code of the application only is read.

    Args:
        path: the way to it in words.
        objects: those on the way, itself the last.
        parts: whether the lengths that count are those of containers that it holds.
    """
    code = code_bounds(path, objects, parts=parts) if of_application(objects[0]) else ()
    return Declared(owner_bound(objects), code, lifetime_s(objects))


def of_application(root: Any) -> bool:
    """Whether a way that begins here begins in the application."""
    if is_added(root):
        return True
    if not issubclass(type(root), ModuleType):
        return False
    file = module_namespace(root).get("__file__")
    return type(file) is str and is_application_file(file)


def owner_bound(objects: list[Any]) -> int | None:
    """What the instance that owns a container declares as its bound (``self.maxsize``).

    Args:
        objects: those on the way to the container, itself the last.
    """
    owner = next(_instances(objects), objects[-1])
    value = _declared(owner, _BOUND_NAMES)
    return value if type(value) is int else None


def lifetime_s(objects: list[Any]) -> float:
    """How long the owner says that entries live (``self.ttl``), 0.0 if it does not say."""
    value = _declared(next(_instances(objects), objects[-1]), _LIFETIME_NAMES)
    if type(value) is timedelta:
        return value.total_seconds()
    return float(value) if value is not None else 0.0


def _declared(owner: Any, names: tuple[str, ...]) -> Any:
    """A positive number, or a time, that an object has under one of these names."""
    classes = _mro_of(type(owner))
    mangled = [f"_{kind.__name__.lstrip('_')}__" for kind in classes]
    for name in names:
        for prefix in ("", "_", *mangled):
            value = _plain_attribute(owner, classes, prefix + name)
            if (type(value) in (int, float) and value > 0) or type(value) is timedelta:
                return value
    return None


def _plain_attribute(owner: Any, classes: tuple[type, ...], name: str) -> Any:
    # A property of the class would run code of the application's.
    for kind in classes:
        found = _class_namespace_of(kind).get(name)
        if found is not None:
            return found if type(found) in (int, float, timedelta) else None
    try:
        return object.__getattribute__(owner, name)
    except AttributeError:
        return None


def code_bounds(path: str, objects: list[Any], *, parts: bool = False) -> tuple[int, ...]:
    """The numbers with which code that can shorten a container compares its length.

    ``if len(CACHE) > 10_000: CACHE.clear()`` is as good as a declared bound, though it takes more
    requests than anybody sends to see it work. Looked at are the functions of the module, and the
    methods of the object, that the container was found by; nothing is called.

    Args:
        path: the way to the container in words, which ends with its name.
        objects: the objects on that way, the container last.
        parts: whether the length of anything counts, in code that mentions the container: what it
            holds has names of its own there.
    """
    name = path.rpartition(".")[2]
    if not name.isidentifier():
        return ()
    owner = next(_instances(objects), None)
    bounds: set[int] = set()
    removes = False
    for function in _functions(objects):
        for code in _codes(function.__code__):
            if name not in (*code.co_names, *code.co_freevars, *code.co_cellvars):
                continue
            steps = list(dis.get_instructions(code))
            removes = removes or _removes(steps, name)
            for names in _compared(steps):
                if "len" in names and (parts or name in names):
                    bounds.update(_numbers(names, function, owner))
    return tuple(sorted(bounds)) if removes else ()


def _instances(objects: list[Any]) -> Iterator[Any]:
    for owner in reversed(objects[-3:-1]):
        if type(owner) not in (dict, list, tuple) and not issubclass(
            type(owner), (type, ModuleType)
        ):
            yield owner


def _functions(objects: list[Any]) -> Iterator[FunctionType]:
    """The functions that a container can be filled and emptied by, as far as is known."""
    seen: set[int] = set()
    waiting: list[Any] = [
        *(item for item in objects if type(item) is FunctionType),
        *(kind for item in objects[-3:-1] for kind in _mro_of(type(item))),
        *(item for item in objects[-3:-1] if issubclass(type(item), type)),
        *(item for item in objects[:1] if issubclass(type(item), ModuleType)),
    ]
    while waiting and len(seen) < _MOST_FUNCTIONS:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        kind = type(item)
        if kind is FunctionType:
            yield item
        elif kind in (staticmethod, classmethod):
            waiting.append(item.__func__)
        elif issubclass(kind, type):
            found = _class_namespace_of(item).values()
            waiting += [one for one in found if _has_code(one)]
        elif issubclass(kind, ModuleType):
            names = module_namespace(item)
            waiting += [one for one in list(names.values()) if _home(one) == names.get("__name__")]


def _home(item: Any) -> Any:
    """The module that a function or class is from, ``None`` for anything else."""
    if type(item) is FunctionType:
        return item.__module__
    return _class_namespace_of(item).get("__module__") if issubclass(type(item), type) else None


def _has_code(item: Any) -> bool:
    return type(item) in (FunctionType, staticmethod, classmethod)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if type(constant) is CodeType:
            yield from _codes(constant)


def _removes(steps: list[dis.Instruction], name: str) -> bool:
    """Whether code takes something away: a method that does, ``del``, or another in its place."""
    return any(
        step.opname in _DELETE
        or (type(step.argval) is str and step.argval in _REMOVE)
        or (step.opname in _REPLACE and step.argval == name)
        for step in steps
    )


def _compared(steps: list[dis.Instruction]) -> Iterator[list[Any]]:
    """For each comparison the names and constants that it is made of."""
    operands: list[Any] = []
    for step in steps:
        if step.opname == "COMPARE_OP":
            yield operands
        if step.opname.startswith(_ENDS):
            operands = []
        elif step.opname.startswith("LOAD_"):
            operands.append(step.argval)


def _numbers(operands: list[Any], function: FunctionType, owner: Any) -> Iterator[int]:
    classes = _mro_of(type(owner))
    for operand in operands:
        value = operand
        if type(operand) is str:
            value = function.__globals__.get(operand)
            if type(value) is not int and owner is not None:
                value = _plain_attribute(owner, classes, operand)
        if type(value) is int and value > 0:
            yield value
