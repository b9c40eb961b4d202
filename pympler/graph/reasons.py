"""Why an object is alive: one line from a root to it, or what can be said without one."""

from __future__ import annotations

import sys
import threading
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR, CO_OPTIMIZED
from types import BuiltinFunctionType, FrameType, FunctionType, ModuleType
from typing import Any

from pympler.graph.containers import list_without_tuples
from pympler.graph.hidden import find_hidden, may_be_constant
from pympler.graph.labels import is_suspended, label_path, suspended_frame
from pympler.graph.paths import Chains, find_chains
from pympler.graph.roots import (
    Root,
    frame_locals,
    is_own,
    is_own_frame,
    module_namespace,
    running_frames,
)
from pympler.util.names import short_file, type_name

__all__ = ["why_alive"]

_HEAP_TYPE = 1 << 9
_SINGLETONS: tuple[object, ...] = (None, True, False, ..., NotImplemented, (), "", b"", frozenset())
_SMALL_INTS = range(-5, 257)


def why_alive(obj: object, *, paths: int = 1) -> str:
    """One line from a root of the heap to an object: what keeps it alive.

    A root is a module, a frame of a thread, a task, a timer, a context, a hook of the interpreter.
    Holders in modules of the application are preferred to those in other modules, and these to
    locals of functions. The local variable of the function that asks counts only if nothing else
    holds the object. Pympler's own objects never appear. No code of the application is run.

    It takes a walk over the heap, about a second for a million objects, holds nothing afterwards
    and collects no garbage.

    Args:
        obj: the object to ask for.
        paths: how many lines to give at the most, each through another holder.

    Returns:
        the path as it could be written in Python, such as ``shop.cart._CACHE['orders'][3]``, or
        a sentence where there is none: only a local variable of the caller, only cyclic garbage
        or nothing that can be seen refers to the object.

    Raises:
        ValueError: if ``paths`` is less than 1.

    Example:
        >>> import gc
        >>> why_alive(gc.callbacks)
        'gc.callbacks'
    """
    if paths < 1:
        raise ValueError(f"paths must be at least 1, not {paths}")
    text = _by_itself(obj)
    if text is not None:
        return text
    asking = _asking_frame(sys._getframe(1))
    passing = _variables_of(asking)
    home = _home(obj)
    lines = [home] if home else []
    while len(lines) < paths:
        chains = find_chains(
            [id(obj)], passing=passing, keep_reached=not lines, with_own=is_own(obj)
        )
        ids = chains.ids.get(id(obj))
        if ids is None:
            return "\n".join(lines) or _without_root(obj, chains, asking, passing)
        line = _describe(chains, ids)
        if line is not None and line not in lines:
            lines.append(line)
        passing.add(ids[-2])
    return "\n".join(lines)


def _home(obj: object) -> str | None:
    """The name under which a class or function is defined, if it is there."""
    if type(obj) is FunctionType or type(obj) is BuiltinFunctionType:
        module, name = obj.__module__, obj.__qualname__
    elif issubclass(type(obj), type):
        module = type.__dict__["__module__"].__get__(obj)
        name = type.__dict__["__qualname__"].__get__(obj)
    else:
        return None
    found: Any = sys.modules.get(module) if type(module) is str else None
    if not issubclass(type(found), ModuleType) or type(name) is not str:
        return None
    return f"{module}.{name}" if module_namespace(found).get(name) is obj else None


def _variables_of(frame: FrameType | None) -> set[int]:
    """The ids of what holds the local variables of a function that runs."""
    if frame is None or not frame.f_code.co_flags & CO_OPTIMIZED:
        return set()  # the names of other code, such as exec(), outlive the call
    holders = {id(frame)}
    if frame.f_code.co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR):
        for item in list_without_tuples():
            if is_suspended(item) and suspended_frame(item) is frame:
                holders.add(id(item))
    return holders


def _describe(chains: Chains, ids: tuple[int, ...]) -> str | None:
    objects = chains.objects(ids)
    if objects is None:  # another thread has changed it meanwhile
        return None
    root = chains.root(ids)
    if type(root.item) is FrameType:
        root = Root(root.label + _thread_of(root.item), root.item, root.is_machinery)
    return label_path(root, objects)


def _asking_frame(frame: FrameType | None) -> FrameType | None:
    while frame is not None and is_own_frame(frame):
        frame = frame.f_back
    return frame


def _thread_of(wanted: FrameType) -> str:
    """The name of the thread that runs a frame, empty for the thread that asks."""
    ident = _thread_id(wanted)
    if ident is None or ident == threading.get_ident():
        return ""
    thread = threading._active.get(ident)  # type: ignore[attr-defined]
    try:
        name = object.__getattribute__(thread, "_name")
    except AttributeError:  # a thread that C code has started
        name = None
    return f" in thread {name if type(name) is str else ident!r}"


def _thread_id(wanted: FrameType) -> int | None:
    return next((ident for ident, frame in running_frames() if frame is wanted), None)


def _by_itself(obj: object) -> str | None:
    """What can be said of an object that needs no holder."""
    kind = type(obj)
    if any(obj is item for item in _SINGLETONS) or (kind is int and obj in _SMALL_INTS):
        return f"{obj!r} lives as long as the interpreter"
    if obj is sys.modules:
        return "sys.modules"
    for name, module in list(sys.modules.items()):
        if module is obj:
            return f"sys.modules[{name!r}]"
        if not issubclass(type(module), ModuleType):
            continue
        namespace = module_namespace(module)
        if namespace is obj:
            return f"sys.modules[{name!r}].__dict__"
    if type(obj) is FrameType and _thread_id(obj) is not None:
        return f"frame {_place(obj)}{_thread_of(obj)} is running"
    return None


def _place(frame: FrameType) -> str:
    code = frame.f_code
    return f"{code.co_name} at {short_file(code.co_filename)}:{frame.f_lineno}"


def _without_root(obj: object, chains: Chains, asking: FrameType | None, passing: set[int]) -> str:
    if issubclass(type(obj), type) and not type.__dict__["__flags__"].__get__(obj) & _HEAP_TYPE:
        return f"{type_name(obj)} is built in and lives as long as the interpreter"  # type: ignore[arg-type]
    hidden = find_hidden(obj, chains.reached, passing)
    if hidden.holder is not None:
        return hidden.holder
    if asking is not None:
        for name, value in frame_locals(asking).items():
            if value is obj:
                return f"local {name} of frame {_place(asking)}"
    if hidden.referrers:
        return f"only cyclic garbage refers to it: {hidden.referrers}"
    if may_be_constant(obj):
        return "no root found: it may be a constant in the code of a function"
    return (
        "no root found and no referrer: only this call, a running expression, an exit handler "
        "or a C extension holds it"
    )
