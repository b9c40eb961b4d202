"""What the compiled walk is told of a type: how its objects are sized, and what they refer to.

Each lesson follows from the :class:`~pympler.sizing.kinds.Kind` that the walk in Python would use,
and is tried on one object: where the two sizes differ, objects of the type are handed back.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from types import CodeType
from typing import Any

from pympler.sizing.compiled import new_walker
from pympler.sizing.flat import GC_HEADER_BYTES, has_own_sizeof, mro_of
from pympler.sizing.kinds import Kind, Rules, kind_of
from pympler.sizing.layout import MANAGED_DICT, flags_of, layout
from pympler.sizing.special import handled_as, struct_fields

__all__ = [
    "BY_NATURE",
    "COUNT",
    "OWN",
    "PARK",
    "SKIP",
    "Lesson",
    "teach",
    "teach_basics",
    "teach_mode",
]

# The numbers of the enumerations in pympler/_heapwalk_c/walker.h.
SKIP, COUNT, PARK, OWN = 1, 2, 3, 4
_CONSTANT, _ITEMS, _ONE_MORE, _ONE_MORE_DIGIT = 0, 1, 2, 3
_LIST, _DICT, _SET, _TEXT, _INT, _BYTEARRAY, _CLASS, _CODE = 4, 5, 6, 7, 8, 9, 10, 11
_NOTHING, _PLAIN, _WITH_NAMESPACE = 0, 1, 2
BY_NATURE = 5
_HIDDEN_VALUES, _MANAGED_NAMESPACE, _OFFSET_NAMESPACE, _MAPPING = 1, 2, 4, 8

_OWNERS: dict[int, int] = {
    id(list): _LIST,
    id(dict): _DICT,
    id(set): _SET,
    id(frozenset): _SET,
    id(str): _TEXT,
    id(int): _INT,
    id(bytearray): _BYTEARRAY,
    id(type): _CLASS,
}
"""Types with a ``__sizeof__`` of their own that is known, by id."""
if sys.version_info >= (3, 11):
    _OWNERS[id(CodeType)] = _CODE
_namespace_of = type.__dict__["__dict__"].__get__
_basicsize_of = type.__dict__["__basicsize__"].__get__
_itemsize_of = type.__dict__["__itemsize__"].__get__
_dictoffset_of = type.__dict__["__dictoffset__"].__get__
_IN_THEMSELVES = (tuple, bytes, int, str)
Lesson = tuple[int, int, int, int, int, int, int, int, Any]
"""What a walker is told of a type; the arguments of its method ``teach`` after the type."""

_Sizer = tuple[int, int, int, int]  # which, base, fixed part, bytes of each item


def teach(walker: Any, made: Kind, item: Any, *, follow: int | None = None) -> Lesson:
    """Teach a walker the type of an object; returns what it was told.

    Args:
        walker: a walker of the extension.
        made: what the walk in Python does with them.
        item: one of them.
        follow: :data:`BY_NATURE` to follow everything, ``None`` for what the kind says.
    """
    kind = made.type
    if not made.counted and follow is None:
        return teach_mode(walker, kind, SKIP)
    asked, header = _asked(kind, item)
    if issubclass(kind, type):
        header = GC_HEADER_BYTES  # whichever class was given
    sizer = None if _needs_python(made, follow) else _sizer_of(made, item, header)
    if follow is None:
        hidden = _flags(made) & _HIDDEN_VALUES
        inline = hidden and made.is_plain and _is_inline()
        how = _NOTHING if made.referents is None else _WITH_NAMESPACE if inline else _PLAIN
    else:
        how = follow
    if sizer is not None:
        lesson: Lesson = (COUNT, *sizer, header, how, _flags(made), asked)
        walker.teach(kind, *lesson)
        if [walker.size(item)] == made.try_sizes([item]):
            return lesson
    lesson = (PARK, 0, 0, 0, 0, header, how, 0, asked)
    walker.teach(kind, *lesson)
    return lesson


def teach_basics(walker: Any) -> None:
    """Teach a walker what is met everywhere, where no rule says anything special of it."""
    for kind, lesson in _basics():
        walker.teach(kind, *lesson)


@lru_cache(maxsize=1)
def _basics() -> tuple[tuple[type, Lesson], ...]:
    walker, rules = new_walker(), Rules()
    samples: tuple[Any, ...] = ("", b"", 0, 0.0, 1j, True, None, (), [], {}, set(), frozenset())
    return tuple((type(one), teach(walker, kind_of(type(one), rules), one)) for one in samples)


def teach_mode(walker: Any, kind: type, mode: int) -> Lesson:
    """Teach a walker to skip, hand back or leave out the objects of a type."""
    lesson: Lesson = (mode, 0, 0, 0, 0, 0, BY_NATURE, 0, None)
    walker.teach(kind, *lesson)
    return lesson


def _needs_python(made: Kind, follow: int | None) -> bool:
    if made.late:
        return True
    if follow is not None:
        return False
    return made.keep is not None or not (made.is_plain or made.referents is None)


def _flags(made: Kind) -> int:
    flags = _MAPPING if made.mapping else 0
    found = layout()
    if made.namespaces is None:
        return flags
    if found is None or not flags_of(made.type) & MANAGED_DICT:
        return flags | (_OFFSET_NAMESPACE if _dictoffset_of(made.type) > 0 else 0)
    return flags | _MANAGED_NAMESPACE | (_HIDDEN_VALUES if found.hidden(made.type) else 0)


def _is_inline() -> bool:
    found = layout()
    return found is not None and found.inline


def _sizeof_of(kind: type) -> tuple[type, Any] | None:
    """The ``__sizeof__`` made in C that a type uses, and whose it is; ``None`` if it is not."""
    if has_own_sizeof(kind):
        return None
    for base in mro_of(kind):
        found = _namespace_of(base).get("__sizeof__")
        if found is not None:
            return base, found
    return None


def _asked(kind: type, item: Any) -> tuple[Any, int]:
    """The ``__sizeof__`` of a type, and the bytes in front of the object that it leaves out."""
    found = _sizeof_of(kind)
    if found is None:
        return None, 0
    try:
        return found[1], sys.getsizeof(item) - found[1](item)
    except (TypeError, ValueError, OverflowError):  # a type that is not what it says
        return None, 0


def _sizer_of(made: Kind, item: Any, header: int) -> _Sizer | None:
    kind = made.type
    found = _sizeof_of(kind)
    if found is None:
        return None
    owner = found[0]
    fixed, each = int(_basicsize_of(kind)), int(_itemsize_of(kind))
    name, handled = handled_as(mro_of(kind))
    if handled is not None and handled is not kind:
        # Of what has its items in itself, subclasses are allocated with one more.
        if name in ("builtins.tuple", "builtins.bytes"):
            if struct_fields(kind):
                return _CONSTANT, made.size_or_basic(item)[0], 0, 0
            return _ONE_MORE, header, fixed, each
        if name == "builtins.int":
            return _ONE_MORE_DIGIT, header, fixed, each
        if name == "builtins.str":
            return _TEXT, header + fixed - str.__basicsize__, 0, 0
    if handled is not None and not any(handled is one for one in _IN_THEMSELVES):
        return None
    if owner is object:
        base = header + fixed
        return (_ITEMS, base, 0, each) if each else (_CONSTANT, base, 0, 0)
    which = _OWNERS.get(id(owner))
    if which is None:
        return None
    if which == _TEXT:
        return _TEXT, header, 0, 0
    if which == _CLASS:  # built-in ones are not tracked by gc, which 3.11 and 3.12 do not mind
        return _CLASS, 0, sys.getsizeof(int) - type.__sizeof__(int), 0
    return which, header + fixed, 0, each
