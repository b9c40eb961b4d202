"""What the references of an object are called: attributes, keys, variables."""

from __future__ import annotations

from collections import deque
from types import CellType, FrameType, FunctionType, ModuleType
from typing import Any

from pympler.graph.labels import is_suspended, label_step, suspended_frame
from pympler.graph.roots import frame_locals
from pympler.util.text import safe_repr

__all__ = ["name_references"]

_LONGEST_KEY = 40
_SEQUENCES: tuple[Any, ...] = (list, tuple, set, frozenset, deque)


def name_references(parent: Any, referents: list[Any]) -> dict[int, str]:
    """Names for what an object refers to, by id; what has no name is left out.

    Items of lists, tuples and sets have no names. The key of a dictionary is shown as text, its
    representation if it is no ``str``.

    Args:
        parent: the object.
        referents: those of its referents that are to be named.
    """
    kind = type(parent)
    frame = (
        parent if kind is FrameType else suspended_frame(parent) if is_suspended(parent) else None
    )
    if frame is not None:
        variables = reversed(list(frame_locals(frame).items()))  # parameters before free variables
        return {id(value): name for name, value in variables}
    if kind is CellType:
        return {id(item): "cell_contents" for item in referents}
    if issubclass(kind, ModuleType):
        return {id(item): "__dict__" for item in referents}
    names: dict[int, str] = {}
    inside: set[int] = set()
    if issubclass(kind, dict):
        wanted = set(map(id, referents))
        for key, value in list(dict.items(parent)):
            if id(value) in wanted:
                names.setdefault(id(value), _key(key))
        inside = set(map(id, dict.keys(parent)))
    for base in _SEQUENCES:
        if issubclass(kind, base):
            inside = set(map(id, base.__iter__(parent)))
    for item in referents:
        if id(item) not in inside and id(item) not in names:
            name = _attribute(parent, item)
            if name:
                names[id(item)] = name
    return names


def _key(key: Any) -> str:
    return key if type(key) is str else safe_repr(key, limit=_LONGEST_KEY)


def _attribute(parent: Any, child: Any) -> str:
    if type(parent) is FunctionType:
        for name in ("__closure__", "__defaults__", "__kwdefaults__", "__globals__", "__code__"):
            if getattr(parent, name) is child:
                return name
    label = label_step(parent, child)
    if not label and type(child) is dict:
        return "__dict__"
    return label[1:] if label.startswith(".") and not label.startswith(".<") else ""
