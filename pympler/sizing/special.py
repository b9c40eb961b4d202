"""Objects whose size or contents the interpreter does not tell in the usual way.

Nothing is imported for it: a library that the program does not use has no objects.
"""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pympler.sizing.flat import basic_size, flat_size
from pympler.sizing.layout import flags_of

__all__ = [
    "Handler",
    "bound_builtins",
    "class_referents",
    "code_referents",
    "finished_frames",
    "frame_referents",
    "function_referents",
    "handler_for",
    "heap_classes",
]

_HEAP_TYPE = 1 << 9
_POINTER_BYTES = 8 if sys.maxsize > 2**32 else 4
_SEMAPHORE_BYTES = 32  # sizeof(sem_t) of the C libraries of 64-bit Linux
_CTYPES_INLINE_BYTES = 16
_code_is_inline = hasattr(types.CodeType, "co_qualname")  # 3.11
_module_of = type.__dict__["__module__"].__get__
_qualname_of = type.__dict__["__qualname__"].__get__
_namespace_of = type.__dict__["__dict__"].__get__
_bases_of = type.__dict__["__bases__"].__get__


@dataclass(frozen=True, slots=True, eq=False)
class Handler:
    """How objects of a type are sized and what they refer to; ``None`` for the usual way.

    Attributes:
        sizes: bytes of each of some objects.
        referents: what some objects refer to, all together.
    """

    sizes: Callable[[list[Any]], list[int]] | None = None
    referents: Callable[[list[Any]], Iterable[Any]] | None = None


def handler_for(bases: tuple[type, ...], mapped: float) -> Handler | None:
    """The handler for a type with these bases, itself first; ``None`` if it needs none.

    Args:
        bases: the method resolution order.
        mapped: share of a memory-mapped array that is counted.
    """
    for base in bases:
        name = f"{_module_of(base)}.{_qualname_of(base)}" if _has_names(base) else ""
        make = _HANDLERS.get(name)
        # A class of the user's may have the name of a library's.
        if make is not None and _is_found_at(name, base):
            return make(base, base is bases[0], mapped)
    return None


def _has_names(kind: type) -> bool:
    try:
        return type(_module_of(kind)) is str
    except AttributeError:
        return False


def _is_found_at(name: str, kind: type) -> bool:
    module, _, attribute = name.rpartition(".")
    found = sys.modules.get(module)
    return type(found) is types.ModuleType and found.__dict__.get(attribute) is kind


# Code and frames


def bound_builtins(items: list[Any]) -> list[Any]:
    """Of built-in functions, the methods that are bound to an object."""
    return [
        item
        for item in items
        if item.__self__ is not None
        and not issubclass(type(item.__self__), (types.ModuleType, type))
    ]


def finished_frames(items: list[Any]) -> list[Any]:
    """Of frames, those that no thread runs: kept by a traceback or a suspended generator."""
    running = set()
    for frame in sys._current_frames().values():
        current: types.FrameType | None = frame
        while current is not None:
            running.add(id(current))
            current = current.f_back
    return [item for item in items if id(item) not in running]


def frame_referents(items: list[Any]) -> list[Any]:
    """What frames refer to, without the namespaces of their modules."""
    found: list[Any] = []
    for item in items:
        shared = {id(item.f_globals), id(item.f_builtins), id(item.f_back)}
        found += [one for one in gc.get_referents(item) if id(one) not in shared]
    return found


def function_referents(items: list[Any]) -> list[Any]:
    """What functions own: code, defaults, closure, attributes, annotations."""
    found: list[Any] = []
    for item in items:
        shared = {id(item.__globals__), id(getattr(item, "__builtins__", None))}
        found += [one for one in gc.get_referents(item) if id(one) not in shared]
    return found


def code_referents(items: list[Any]) -> list[Any]:
    """What code owns, without the parts that are only made when they are asked for."""
    names = ["co_consts", "co_names", "co_name", "co_filename", "co_linetable"]
    if _code_is_inline:
        names += ["co_qualname", "co_exceptiontable"]
    else:
        names += ["co_code", "co_varnames", "co_freevars", "co_cellvars"]
    return [getattr(item, name) for item in items for name in names]


def heap_classes(items: list[Any]) -> list[Any]:
    """Of classes, those that a program made."""
    return [
        item for item in items if flags_of(item) & _HEAP_TYPE and _module_of(item) != "builtins"
    ]


def class_referents(items: list[Any]) -> list[Any]:
    """What classes own: what their bodies define, and their bases."""
    return [one for item in items for one in (*_namespace_of(item).values(), *_bases_of(item))]


# Data, by the name of the type: a maker of handlers each


def _of_datetime(kind: type, exact: bool, mapped: float) -> Handler:
    # Without a time zone the pointer to it is left away; a subclass always has it.
    get_zone = _namespace_of(kind)["tzinfo"].__get__
    full = basic_size(kind)

    def sizes(items: list[Any]) -> list[int]:
        return [full if get_zone(item) is not None else full - _POINTER_BYTES for item in items]

    return Handler(sizes if exact else None)


def _of_lock(kind: type, exact: bool, mapped: float) -> Handler:
    # The lock of the operating system is a block of its own, unless it is a PyMutex (3.14).
    has_pointer = kind.__basicsize__ >= 5 * _POINTER_BYTES and sys.platform.startswith("linux")
    more = _SEMAPHORE_BYTES if has_pointer else 0
    return Handler(lambda items: [flat_size(item) + more for item in items])


def _of_text_buffer(kind: type, exact: bool, mapped: float) -> Handler:
    value_of = _namespace_of(kind)["getvalue"]

    def sizes(items: list[Any]) -> list[int]:
        return [flat_size(item) + _text_bytes(value_of, item) for item in items]

    return Handler(sizes)


def _text_bytes(value_of: Callable[[Any], str], item: Any) -> int:
    try:
        return sys.getsizeof(value_of(item))
    except ValueError:  # closed, or not initialised
        return 0


def _of_ctypes(kind: type, exact: bool, mapped: float) -> Handler:
    sizeof = sys.modules["_ctypes"].__dict__["sizeof"]
    owns = _namespace_of(kind)["_b_needsfree_"].__get__

    def sizes(items: list[Any]) -> list[int]:
        found = []
        for item in items:
            held = sizeof(item) if owns(item) else 0
            found.append(flat_size(item) + (held if held > _CTYPES_INLINE_BYTES else 0))
        return found

    return Handler(sizes)


def _of_array(kind: type, exact: bool, mapped: float) -> Handler:
    names = _namespace_of(kind)
    base_of, dtype_of, flat_of = (names[name].__get__ for name in ("base", "dtype", "flat"))
    sizeof = names["__sizeof__"]
    header = basic_size(kind) - kind.__basicsize__

    def sizes(items: list[Any]) -> list[int]:
        return [sizeof(item) + header for item in items]

    def referents(items: list[Any]) -> list[Any]:
        found = gc.get_referents(*items)
        for item in items:
            found.append(base_of(item))
            if dtype_of(item).hasobject:
                found.extend(flat_of(item))
        return found

    return Handler(sizes, referents)


def _of_memory_map(kind: type, exact: bool, mapped: float) -> Handler:
    usual = _of_array(kind.__bases__[0], False, mapped)
    bytes_of = _namespace_of(kind.__bases__[0])["nbytes"].__get__

    def sizes(items: list[Any]) -> list[int]:
        return [flat_size(item) + int(bytes_of(item) * mapped) for item in items]

    return Handler(sizes, usual.referents)


def _of_pandas(kind: type, exact: bool, mapped: float) -> Handler:
    # Its __sizeof__ tells the size of all that a frame holds, which is walked here.
    return Handler(lambda items: [basic_size(type(item)) for item in items])


def _of_range(kind: type, exact: bool, mapped: float) -> Handler:
    return Handler(None, lambda items: [n for item in items for n in (item.start, item.stop)])


_HANDLERS: dict[str, Callable[[type, bool, float], Handler]] = {
    "datetime.datetime": _of_datetime,
    "datetime.time": _of_datetime,
    "_thread.lock": _of_lock,
    "_thread.RLock": _of_lock,
    "_io.StringIO": _of_text_buffer,
    "_ctypes._CData": _of_ctypes,
    "numpy.ndarray": _of_array,
    "numpy.memmap": _of_memory_map,
    "pandas.core.generic.NDFrame": _of_pandas,
    "pandas.core.base.IndexOpsMixin": _of_pandas,
    "builtins.range": _of_range,
}
