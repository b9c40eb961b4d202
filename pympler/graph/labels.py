"""Labels: what the steps of a path are called, so that a developer can paste them."""

from __future__ import annotations

import functools
import gc
import types
from collections import deque
from collections.abc import Iterable, Mapping
from contextvars import Context
from inspect import CO_OPTIMIZED
from itertools import groupby, pairwise
from threading import local
from typing import Any

from pympler.graph.landmarks import from_landmark, future_attribute, is_task
from pympler.graph.roots import Held, Root, frame_locals, module_namespace
from pympler.sizing.named import attribute_name
from pympler.util.names import short_file, type_name

__all__ = ["LruCache", "is_suspended", "label_path", "label_step", "suspended_frame"]

LruCache = type(functools.lru_cache(lambda: None))

_LONGEST_KEY = 40
_LONGEST_WORD = 20
_MOST_DIGITS = 3
_LONGEST_RUN = 3
_TRANSPARENT = frozenset(
    map(id, (types.CellType, types.MappingProxyType, staticmethod, classmethod))
)
_mro_of = type.__dict__["__mro__"].__get__
_class_namespace_of = type.__dict__["__dict__"].__get__
# Attributes in C structures, which other descriptors of C code might have to compute.
_GETTERS = [
    (base, name, base.__dict__[name].__get__)
    for base, names in (
        (BaseException, ("__traceback__", "__cause__", "__context__", "args")),
        (types.TracebackType, ("tb_next",)),
    )
    for name in names
]
# Types are told apart by id: a metaclass may define __eq__ and __hash__.
_SUSPENDED = {
    id(types.GeneratorType): ("generator", "gi_frame"),
    id(types.CoroutineType): ("coroutine", "cr_frame"),
    id(types.AsyncGeneratorType): ("async generator", "ag_frame"),
}


def label_path(root: Root, objects: list[Any]) -> str:
    """The path from a root through these objects (the root's own first) in words."""
    if root.is_machinery:
        root, objects = from_landmark(root, objects)
    text = root.label
    labels: list[str] = []
    owner: Any = None
    for parent, child in pairwise(objects):
        if type(parent) is LruCache and type(child) is not types.FunctionType:
            text, labels = f"lru_cache of {text}{_join(labels)}", []
            break
        if type(parent) is Context:
            # Between it and the value there may be the nodes of a tree.
            name, rest = _of_variable(parent, objects)
            return f"{text}{_join(labels)}, context variable {name}" + label_path(
                Root("", None), rest
            )
        label, owner = _label(parent, child, owner)
        labels.append(label)
    return text + _join(labels)


def label_step(parent: Any, child: Any) -> str:
    """The label of one step on its own, such as ``.orders``; empty where there is none."""
    return _label(parent, child, None)[0]


def _join(labels: list[str]) -> str:
    # A long chain (node.next.next.next) says no more than its beginning.
    kept: list[str] = []
    for _, run in groupby(filter(None, labels)):
        equal = list(run)
        kept += equal[:_LONGEST_RUN]
        kept += ["..."] if len(equal) > _LONGEST_RUN else []
    return "".join(kept)


def _label(parent: Any, child: Any, owner: Any) -> tuple[str, Any]:
    """The label of one step, and the object whose namespace the child is, if it is one."""
    kind = type(parent)
    if issubclass(kind, types.ModuleType):
        return _attribute(_key_of(module_namespace(parent), child)), None
    if issubclass(kind, local) and type(child) is dict:
        return "", parent
    if issubclass(type(owner), local) and type(child) is dict and _refers(owner, parent):
        return "", owner  # a thread local has a dictionary for each thread, and one of these
    if kind is dict and owner is not None:
        return _attribute(_key_of(parent, child)), None
    if kind is types.FunctionType:
        return _label_function(parent, child)
    if kind is types.FrameType:
        return _label_frame(parent, child), None
    if kind is Held:
        return (", argument" if type(child) is tuple else ""), None
    if is_suspended(parent):
        return _label_suspended(parent, child), None
    if id(kind) in _TRANSPARENT:
        return "", None
    if kind is types.MethodType:
        return (".__self__" if parent.__self__ is child else ".__func__"), None
    if issubclass(kind, dict):
        return _label_dict(parent, child)
    if issubclass(kind, (list, tuple, deque)):
        return _label_sequence(parent, child, owner)
    if issubclass(kind, (set, frozenset)):
        return "{...}", None
    if issubclass(kind, type):
        return _label_class(parent, child)
    if is_task(parent) and is_suspended(child):
        return "", None  # names itself, with file and line
    return _label_instance(parent, child)


def _attribute(name: Any) -> str:
    if type(name) is not str:
        return "[...]"
    return f".{name}" if name.isidentifier() else f"[{_short_key(name)}]"


def _short_key(key: Any) -> str:
    # Keys may be data of the application's users: only what looks like a name is shown.
    if key is None or key is True or key is False or (type(key) is int and abs(key) < 1000):
        return str(key)
    return repr(key) if type(key) is str and _looks_like_a_name(key) else "..."


def _looks_like_a_name(key: str) -> bool:
    # Tokens and hashes are long words, or have many digits.
    words = key.replace(".", "_").replace("-", "_").split("_")
    return (
        len(key) <= _LONGEST_KEY
        and "_".join(words).isidentifier()
        and max(map(len, words)) <= _LONGEST_WORD
        and sum(map(str.isdigit, key)) <= _MOST_DIGITS
    )


def _key_of(namespace: Mapping[Any, Any], child: Any) -> Any:
    for key, value in list(namespace.items()):
        if value is child:
            return key
    return None


def _label_dict(parent: dict[Any, Any], child: Any) -> tuple[str, Any]:
    for key, value in list(dict.items(parent)):
        if value is child:
            return f"[{_short_key(key)}]", None
        if key is child:
            return ".keys()", None
    return _label_instance(parent, child)


def _label_sequence(parent: Any, child: Any, owner: Any) -> tuple[str, Any]:
    if type(owner) is types.FunctionType and type(parent) is tuple:
        place = _place_of(parent, child)
        if type(child) is types.CellType and place is not None:
            names = owner.__code__.co_freevars
            return f".{names[place]}" if place < len(names) else "", None
        return f"[{place}]", None
    place = _place_of(parent, child)
    if place is not None:
        return _field_of(type(parent), place) or (f"[{place}]" if place < 10 else "[...]"), None
    return _label_instance(parent, child)


def _field_of(kind: type, place: int) -> str:
    """The attribute of a named tuple, empty for what is none."""
    for base in _mro_of(kind):
        fields = _class_namespace_of(base).get("_fields")
        if issubclass(base, tuple) and type(fields) is tuple and place < len(fields):
            return _attribute(fields[place])
    return ""


def _place_of(items: Iterable[Any], child: Any) -> int | None:
    kind = type(items)
    bases: tuple[Any, ...] = (list, tuple, deque)
    base = next((base for base in bases if issubclass(kind, base)), None)
    if base is not None:
        # The base type's own iterator: a subclass may define one of its own.
        for place, item in enumerate(base.__iter__(items)):
            if item is child:
                return place
    return None


def _label_function(parent: types.FunctionType, child: Any) -> tuple[str, Any]:
    if child is parent.__closure__:
        return ".<closure>", parent
    if child is parent.__defaults__:
        return ".__defaults__", parent
    if child is parent.__kwdefaults__:
        return ".__kwdefaults__", None
    if type(child) is dict and child is not parent.__globals__:
        return "", parent
    return _attribute(_key_of(parent.__dict__, child) or "__wrapped__"), None


def _label_frame(parent: types.FrameType, child: Any) -> str:
    if child is parent.f_globals:
        return ", globals"
    name = _key_of(frame_locals(parent), child)
    if name is None:
        return "" if is_suspended(child) else ", a value on its stack"
    return f", local {name}" if parent.f_code.co_flags & CO_OPTIMIZED else f", global {name}"


def is_suspended(item: Any) -> bool:
    """Whether an object is a generator or coroutine."""
    return id(type(item)) in _SUSPENDED


def suspended_frame(item: Any) -> types.FrameType | None:
    """The frame of a generator or coroutine, ``None`` if it has ended."""
    frame: types.FrameType | None = getattr(item, _SUSPENDED[id(type(item))][1])
    return frame


def _label_suspended(parent: Any, child: Any) -> str:
    word = _SUSPENDED[id(type(parent))][0]
    frame = suspended_frame(parent)
    if frame is None:
        return f", {word}"
    code = frame.f_code
    where = f"{word} {code.co_name} at {short_file(code.co_filename)}:{frame.f_lineno}"
    value = _content(child) if type(child) is types.CellType else child
    name = _key_of(frame_locals(frame), value)
    return f", {where}" + (f", local {name}" if type(name) is str else "")


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # empty
        return cell


def _refers(parent: Any, child: Any) -> bool:
    return any(item is child for item in gc.get_referents(parent))


def _of_variable(context: Context, objects: list[Any]) -> tuple[str, list[Any]]:
    """The name of the variable that a path through a context leads through, and what follows."""
    for variable, value in context.items():
        for place in range(len(objects) - 1, 0, -1):
            if objects[place] is value and objects[place - 1] is not value:
                return variable.name, objects[place:]
    return "?", objects[-1:]


def _label_class(parent: type, child: Any) -> tuple[str, Any]:
    if type(child) is dict:
        return "", parent
    name = _key_of(_class_namespace_of(parent), child)
    return (_attribute(name) if name is not None else f".<{type_name(type(child))}>"), None


def _label_instance(parent: Any, child: Any) -> tuple[str, Any]:
    """The attribute of an instance, without making its ``__dict__`` or asking its class.

    Since Python 3.11 the attributes of most instances lie in a hidden array. Where an interpreter
    keeps their names is not known of all of them: then these are the names that the methods of the
    class use and the instance turns out to have.
    """
    own = attribute_name(parent, child)
    if own:
        return _attribute(own), None
    names: set[str] = set()
    for base in _mro_of(type(parent)):
        for name, value in list(_class_namespace_of(base).items()):
            if type(value) is types.MemberDescriptorType:
                try:
                    if value.__get__(parent) is child:
                        return _attribute(name), None
                except AttributeError:
                    continue
            elif type(value) is types.FunctionType:
                names.update(value.__code__.co_names)
            elif name == "__annotations__" and type(value) is dict:
                names.update(key for key in value if type(key) is str)
            elif type(name) is str and not _is_descriptor(value):
                names.add(name)  # a default, which instances replace
    for name, read in _getters_of(type(parent)):
        if read(parent) is child:
            return _attribute(name), None
    for name in sorted(names):
        if _stored_attribute(parent, name) is child:
            return _attribute(name), None
    if type(child) is dict:  # its __dict__
        return "", parent
    return future_attribute(parent, child) or f".<{type_name(type(child))}>", None


def _is_descriptor(value: Any) -> bool:
    return any("__get__" in _class_namespace_of(base) for base in _mro_of(type(value)))


def _getters_of(kind: type) -> list[tuple[str, Any]]:
    return [(name, read) for base, name, read in _GETTERS if issubclass(kind, base)]


def _stored_attribute(parent: Any, name: str) -> Any:
    # A class attribute of that name could be a property: then the instance is not asked.
    namespaces = [_class_namespace_of(base) for base in _mro_of(type(parent))]
    if any(name in names and _is_descriptor(names[name]) for names in namespaces):
        return None
    try:
        return object.__getattribute__(parent, name)
    except AttributeError:
        return None
