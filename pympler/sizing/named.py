"""Referents by name: attributes, slots, keys and values of dictionaries."""

from __future__ import annotations

from collections.abc import Iterator
from types import MemberDescriptorType
from typing import Any

from pympler.sizing.flat import mro_of
from pympler.sizing.layout import MANAGED_DICT, Layout, flags_of, layout, memory, object_at
from pympler.util.text import safe_repr

__all__ = ["attribute_name", "attributes_of", "named_referents", "namespace_of", "slots_of"]

_namespace_of_class = type.__dict__["__dict__"].__get__
_dictoffset_of = type.__dict__["__dictoffset__"].__get__
_HEAP_TYPE = 1 << 9


def named_referents(item: Any, clip: int = 80) -> list[tuple[str, Any]]:
    """What an object refers to under a name, with the name.

    Attributes come as one dictionary called ``__dict__``: the object's own, or where it has none
    a new one with the same content, so that none is created in it.
    """
    found: list[tuple[str, Any]] = []
    if issubclass(type(item), dict):
        for key, value in list(dict.items(item)):
            found.append((f"[K] {_short(key, clip)}", key))
            found.append((f"[V] {_short(key, clip)}: {safe_repr(value, clip)}", value))
    if _has_class_of_program(item):
        found.append(("__class__", type(item)))
    attributes = namespace_of(item)
    if attributes is None:
        attributes = attributes_of(item)
    if attributes is not None:
        found.append(("__dict__", attributes))
    found.extend(slots_of(item))
    return found


def namespace_of(item: Any) -> dict[str, Any] | None:
    """The ``__dict__`` that an instance has, ``None`` if there is none yet."""
    kind = type(item)
    found, words = layout(), memory()
    address = 0
    if flags_of(kind) & MANAGED_DICT:
        address = found.namespace(item) if found is not None else 0
    elif words is not None and _dictoffset_of(kind) > 0:
        address = words[(id(item) + _dictoffset_of(kind)) >> 3]
    namespace = object_at(address) if address else None
    return namespace if issubclass(type(namespace), dict) else None


def attributes_of(item: Any) -> dict[str, Any] | None:
    """A copy of the attributes that lie in the instance itself, ``None`` if none can."""
    found = _layout_of_values(item)
    return found.attributes(item, type(item)) if found is not None else None


def attribute_name(item: Any, value: Any) -> str:
    """The name of the attribute in the instance itself that is this value, empty without one."""
    found = _layout_of_values(item)
    return found.name_of(item, type(item), value) if found is not None else ""


def _layout_of_values(item: Any) -> Layout | None:
    found, kind = layout(), type(item)
    if found is None or not flags_of(kind) & MANAGED_DICT or not found.hidden(kind):
        return None
    return found if found.holds_values(item, kind) else None


def slots_of(item: Any) -> Iterator[tuple[str, Any]]:
    """What lies in the slots of an instance, read past its ``__getattr__``."""
    for base in mro_of(type(item)):
        if not flags_of(base) & _HEAP_TYPE:
            continue
        for name, member in list(_namespace_of_class(base).items()):
            if type(member) is MemberDescriptorType and type(name) is str:
                try:
                    yield name, member.__get__(item)
                except AttributeError:  # nothing was stored in it
                    continue


def _has_class_of_program(item: Any) -> bool:
    kind = type(item)
    return bool(flags_of(kind) & _HEAP_TYPE) and not issubclass(kind, type)


def _short(key: Any, clip: int) -> str:
    return key if type(key) is str else safe_repr(key, clip)
