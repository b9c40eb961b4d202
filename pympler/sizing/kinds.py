"""Kinds: how objects of one type are sized and what they own, decided once for each type."""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pympler.sizing import special
from pympler.sizing.flat import basic_size, has_own_sizeof, mro_of
from pympler.sizing.layout import MANAGED_DICT, Layout, flags_of, layout, memory, object_at

__all__ = ["Kind", "Rules", "kind_of"]

_dictoffset_of = type.__dict__["__dictoffset__"].__get__
_VALUELESS = frozenset(map(id, (str, int, float, complex, bytes, bool)))
"""Types without referents, by id: what a class hashes to is up to its metaclass."""

_CODE = frozenset(
    map(
        id,
        (
            types.FunctionType,
            types.CodeType,
            types.WrapperDescriptorType,
            types.MethodDescriptorType,
            types.ClassMethodDescriptorType,
            types.GetSetDescriptorType,
            types.MemberDescriptorType,
            types.MethodWrapperType,
        ),
    )
)

Sizes = Callable[[list[Any]], list[int]]
Referents = Callable[[list[Any]], Iterable[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What a walk counts.

    Attributes:
        code: whether classes, functions and their code are counted.
        frames: whether frames that run are counted; those kept by tracebacks always are.
        ignored: whether built-in classes and functions cost nothing even with ``code``.
        excluded: ids of types whose instances are left out.
        mapped: share of a memory-mapped array that is counted, from 0 to 1.
        handlers: what the user says about types, by id.
    """

    code: bool = False
    frames: bool = False
    ignored: bool = True
    excluded: Collection[int] = frozenset()
    mapped: float = 0.01
    handlers: Mapping[int, special.Handler] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Kind:
    """What a walk does with the objects of one type. Lives as long as the walk.

    Attributes:
        type: the type itself.
        sizes: bytes of each of these objects; may raise.
        referents: what they refer to, all together; ``None`` if nothing.
        keep: of these objects, those that are counted; ``None`` if all are.
        counted: whether any is.
        late: whether what is asked for the size was written by the user, and so only asked when
            the walk is over.
        mapping: whether they are dictionaries, whose keys ``gc`` may not list.
        namespaces: addresses of the ``__dict__`` of each, 0 for none; ``None`` if none has any.
        is_plain: whether ``referents`` are those that gc lists, and a hidden ``__dict__``.
        objects: how many were counted; bytes: and their size.
    """

    type: type
    sizes: Sizes
    referents: Referents | None
    keep: Callable[[list[Any]], list[Any]] | None = None
    counted: bool = True
    late: bool = False
    mapping: bool = False
    namespaces: Callable[[list[Any]], list[int]] | None = None
    is_plain: bool = False
    objects: int = 0
    bytes: int = 0

    def try_sizes(self, items: list[Any]) -> list[int] | None:
        """Bytes of each of these objects, ``None`` if that fails for one of them."""
        try:
            return self.sizes(items)
        except Exception:  # noqa: BLE001 - a __sizeof__ or a handler of the user's may do anything
            return None

    def try_referents(self, items: list[Any]) -> Iterable[Any] | None:
        """What these objects refer to, ``None`` if that fails for one of them."""
        try:
            return self.referents(items) if self.referents is not None else ()
        except Exception:  # noqa: BLE001 - as above
            return None

    def size_or_basic(self, item: Any) -> tuple[int, bool]:
        """Bytes of one object, and whether it could be sized: else what its type tells."""
        sizes = self.try_sizes([item])
        return (sizes[0], True) if sizes else (basic_size(self.type), False)


def kind_of(kind: type, rules: Rules) -> Kind:
    """What a walk with these rules does with the objects of a type."""
    if id(kind) in _VALUELESS:
        return Kind(kind, _plain_sizes, None, counted=id(kind) not in rules.excluded)
    bases = mro_of(kind)
    if any(id(base) in rules.excluded for base in bases):
        return _uncounted(kind)
    given = next((rules.handlers[id(base)] for base in bases if id(base) in rules.handlers), None)
    if given is not None:
        return _given(kind, given)
    if id(kind) in _CODE or issubclass(kind, (type, types.ModuleType)):
        return _of_code(kind, rules)
    if kind is types.FrameType:
        keep = None if rules.frames else special.finished_frames
        return Kind(kind, special.frame_sizes, special.frame_referents, keep)
    if kind is types.BuiltinFunctionType:
        return Kind(kind, _plain_sizes, _referents, special.bound_builtins)
    return _of_data(kind, bases, rules)


def _of_code(kind: type, rules: Rules) -> Kind:
    if kind is types.FunctionType and not rules.code:
        return Kind(kind, _plain_sizes, None, special.expression_functions)
    if not rules.code or issubclass(kind, types.ModuleType):
        return _uncounted(kind)
    if issubclass(kind, type):
        keep = special.heap_classes if rules.ignored else None
        late = has_own_sizeof(kind)
        return Kind(kind, _plain_sizes, special.class_referents, keep, late=late)
    if kind is types.FunctionType:
        return Kind(kind, _plain_sizes, special.function_referents)
    if kind is types.CodeType:
        return Kind(kind, _plain_sizes, special.code_referents)
    return _uncounted(kind) if rules.ignored else Kind(kind, _plain_sizes, None)


def _of_data(kind: type, bases: tuple[type, ...], rules: Rules) -> Kind:
    found = layout()
    made = Kind(kind, _plain_sizes, _referents)
    handler = special.handler_for(bases, rules.mapped)
    if handler is not None and handler.sizes is not None:
        made.sizes = handler.sizes
    else:
        made.late = has_own_sizeof(kind)
    if handler is not None and handler.referents is not None:
        made.referents = handler.referents
    else:
        made.is_plain = True
    if issubclass(kind, dict):
        made.mapping = True
        if kind is dict and found is not None:
            made.sizes = _dict_sizes(found)
    _add_attributes(made, found)
    return made


def _given(kind: type, handler: special.Handler) -> Kind:
    # What the user wrote runs for each object by itself, and may fail for one.
    made = Kind(kind, handler.sizes or _plain_sizes, handler.referents or _referents)
    made.late = handler.sizes is not None or has_own_sizeof(kind)
    made.mapping = issubclass(kind, dict)
    if handler.sizes is None:
        _add_attributes(made, layout())
    return made


def _uncounted(kind: type) -> Kind:
    return Kind(kind, _plain_sizes, None, counted=False)


def _plain_sizes(items: list[Any]) -> list[int]:
    return list(map(sys.getsizeof, items))


def _referents(items: list[Any]) -> list[Any]:
    return gc.get_referents(*items)


def _dict_sizes(found: Layout) -> Sizes:
    words, at = found.words, found.dict_values_at
    getsizeof = sys.getsizeof

    def sizes(items: list[Any]) -> list[int]:
        return [
            found.split_dict_bytes(item, values)
            if (values := words[(id(item) + at) >> 3])
            else getsizeof(item)
            for item in items
        ]

    return sizes


def _add_attributes(made: Kind, found: Layout | None) -> None:
    """Let a kind see the attributes of its instances, where they lie outside the object."""
    kind = made.type
    if found is None or not flags_of(kind) & MANAGED_DICT:
        made.namespaces = _plain_namespaces(kind)
        return
    made.namespaces = lambda items: [found.namespace(item) for item in items]
    if not found.hidden(kind):
        return
    sizes, referents = made.sizes, made.referents or _referents
    made.sizes = lambda items: [
        size + more
        for size, more in zip(sizes(items), found.hidden_bytes(kind, items), strict=True)
    ]
    if found.inline:
        # While the values lie in the object, it does not list its __dict__ as its referent.
        def with_dicts(items: list[Any]) -> list[Any]:
            dicts = [object_at(where) for where in map(found.namespace, items) if where]
            return [*referents(items), *dicts]

        made.referents = with_dicts


def _plain_namespaces(kind: type) -> Callable[[list[Any]], list[int]] | None:
    offset, words = _dictoffset_of(kind), memory()
    if offset <= 0 or flags_of(kind) & MANAGED_DICT or words is None:
        return None
    return lambda items: [words[(id(item) + offset) >> 3] for item in items]
