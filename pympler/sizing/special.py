"""Objects whose size or contents the interpreter does not tell in the usual way.

Nothing is imported for it: a library that the program does not use has no objects.
"""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pympler.sizing.flat import basic_size, flat_size, int_bytes, mro_of
from pympler.sizing.layout import flags_of

__all__ = [
    "Handler",
    "bound_builtins",
    "class_referents",
    "code_referents",
    "expression_functions",
    "finished_frames",
    "frame_referents",
    "frame_sizes",
    "function_referents",
    "handled_as",
    "handler_for",
    "heap_classes",
    "struct_fields",
]

_HEAP_TYPE = 1 << 9
_BASE_TYPE = 1 << 10
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
    name, base = handled_as(bases)
    return _HANDLERS[name](base, base is bases[0], mapped) if base is not None else None


def handled_as(bases: tuple[type, ...]) -> tuple[str, type | None]:
    """The type that says how those with these bases are handled, with its name; if there is one."""
    for base in bases:
        name = f"{_module_of(base)}.{_qualname_of(base)}" if _has_names(base) else ""
        # A class of the user's may have the name of a library's.
        if name in _HANDLERS and _is_found_at(name, base):
            return name, base
    return "", None


def _has_names(kind: type) -> bool:
    try:
        return type(_module_of(kind)) is str
    except AttributeError:
        return False


def _is_found_at(name: str, kind: type) -> bool:
    module, _, attribute = _FOUND_AS.get(name, name).rpartition(".")
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


def frame_sizes(items: list[Any]) -> list[int]:
    """Bytes of frames."""
    # Up to 3.10 a frame has room for one more variable than its __sizeof__ counts.
    more = 0 if _code_is_inline else _POINTER_BYTES
    return [flat_size(item) + more for item in items]


def expression_functions(items: list[Any]) -> list[Any]:
    """Of functions, those that were made for one generator expression and live in it."""
    return [item for item in items if item.__code__.co_name == "<genexpr>"]


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
    value_of, position_of = _namespace_of(kind)["getvalue"], _namespace_of(kind)["tell"]

    def sizes(items: list[Any]) -> list[int]:
        return [flat_size(item) + _text_bytes(value_of, position_of, item) for item in items]

    return Handler(sizes)


def _text_bytes(value_of: Callable[[Any], str], position_of: Any, item: Any) -> int:
    try:
        # What is only written to is kept in pieces, which getvalue() would join for good. After a
        # seek it is four bytes a character. How much is kept in advance is not shown.
        return int(position_of(item)) or 4 * (len(value_of(item)) + 1)
    except ValueError:  # closed, or not initialised
        return 0


def _of_bytes_buffer(kind: type, exact: bool, mapped: float) -> Handler | None:
    # Its __sizeof__ counts the buffer, which gc lists as a referent too since 3.12.
    lists_buffer = any(type(one) is bytes for one in gc.get_referents(kind(b"\0" * 9)))
    if lists_buffer:
        return Handler(lambda items: [basic_size(type(item)) for item in items])
    value_of = _namespace_of(kind)["getvalue"]

    def referents(items: list[Any]) -> list[Any]:
        # A buffer that is shared with others is left out, and can be had without a copy.
        found = gc.get_referents(*items)
        for item in items:
            if flat_size(item) == basic_size(type(item)):
                with suppress(ValueError):  # closed
                    found.append(value_of(item))
        return found

    return Handler(None, referents)


def _of_ctypes(kind: type, exact: bool, mapped: float) -> Handler:
    sizeof = sys.modules["_ctypes"].__dict__["sizeof"]
    owns = next(
        _namespace_of(base)["_b_needsfree_"].__get__
        for base in mro_of(kind)
        if "_b_needsfree_" in _namespace_of(base)
    )

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


def _of_scalar(kind: type, exact: bool, mapped: float) -> Handler | None:
    # Its __sizeof__ counts the value twice, unless that has a length of its own.
    flexible = sys.modules["numpy"].__dict__["flexible"]

    def sizes(items: list[Any]) -> list[int]:
        if issubclass(type(items[0]), flexible):
            return [flat_size(item) for item in items]
        return [basic_size(type(item)) for item in items]

    return Handler(sizes)


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
    # A range has its length as a number of its own, which it does not show.
    def sizes(items: list[Any]) -> list[int]:
        return [flat_size(item) + _number_bytes(item) for item in items]

    def referents(items: list[Any]) -> list[int]:
        return [n for item in items for n in (item.start, item.stop, item.step)]

    return Handler(sizes, referents)


def _number_bytes(item: range) -> int:
    length = max(0, -((item.start - item.stop) // item.step))
    return 0 if length <= 256 else int_bytes(sys.getsizeof(length))


def _of_several(kind: type, exact: bool, mapped: float) -> Handler | None:
    # Subclasses of what has its items in itself are allocated with one more; see
    # PyType_GenericAlloc. Their __sizeof__ is the one of the built-in type.
    if exact:
        return None
    lengths: dict[type, Callable[[Any], int]]
    lengths = {int: _digits, tuple: tuple.__len__, bytes: bytes.__len__}
    length_of = lengths[kind]
    sizeof = _namespace_of(kind).get("__sizeof__", object.__sizeof__)

    def sizes(items: list[Any]) -> list[int]:
        made = type(items[0])
        header = sys.getsizeof(items[0]) - sizeof(items[0])
        fixed, each = made.__basicsize__, made.__itemsize__
        fields = struct_fields(made)
        if fields:
            return [header + fixed + each * fields] * len(items)
        return [
            header + -(-(fixed + each * (length_of(item) + 1)) // _POINTER_BYTES) * _POINTER_BYTES
            for item in items
        ]

    return Handler(sizes)


def struct_fields(kind: type) -> int:
    """How many fields a struct sequence such as ``os.stat_result`` has, 0 if it is none.

    Those without a number are not part of its length, and it is allocated without one more.
    """
    fields = _namespace_of(kind).get("n_fields")
    # Only they cannot be subclassed: a class of the program may have such a name too.
    return fields if type(fields) is int and not flags_of(kind) & _BASE_TYPE else 0


def _digits(item: int) -> int:
    return max(1, -(-int.bit_length(item) // sys.int_info.bits_per_digit))


def _of_text(kind: type, exact: bool, mapped: float) -> Handler | None:
    # str.__sizeof__ does not know of the fields that a subclass adds.
    if exact:
        return None
    return Handler(
        lambda items: [
            sys.getsizeof(item) + type(item).__basicsize__ - kind.__basicsize__ for item in items
        ]
    )


def _of_simple_queue(kind: type, exact: bool, mapped: float) -> Handler:
    length_of = _namespace_of(kind)["qsize"]
    # Up to 3.12 a list and a lock; since then a ring that doubles, of eight places at least.
    has_list = any(type(one) is list for one in gc.get_referents(kind()))
    linux = sys.platform.startswith("linux")

    def sizes(items: list[Any]) -> list[int]:
        if has_list:
            return [flat_size(item) + _SEMAPHORE_BYTES * linux for item in items]
        return [
            flat_size(item) + _POINTER_BYTES * max(8, 1 << (length_of(item) - 1).bit_length())
            for item in items
        ]

    return Handler(sizes)


_FOUND_AS = {"_thread.lock": "_thread.LockType"}
_HANDLERS: dict[str, Callable[[type, bool, float], Handler | None]] = {
    "datetime.datetime": _of_datetime,
    "datetime.time": _of_datetime,
    "_thread.lock": _of_lock,
    "_thread.RLock": _of_lock,
    "_io.StringIO": _of_text_buffer,
    "_io.BytesIO": _of_bytes_buffer,
    "_ctypes.Array": _of_ctypes,
    "_ctypes.Structure": _of_ctypes,
    "_ctypes.Union": _of_ctypes,
    "_queue.SimpleQueue": _of_simple_queue,
    "builtins.tuple": _of_several,
    "builtins.int": _of_several,
    "builtins.bytes": _of_several,
    "builtins.str": _of_text,
    "numpy.ndarray": _of_array,
    "numpy.memmap": _of_memory_map,
    "numpy.generic": _of_scalar,
    "pandas.core.generic.NDFrame": _of_pandas,
    "pandas.core.base.IndexOpsMixin": _of_pandas,
    "builtins.range": _of_range,
}
