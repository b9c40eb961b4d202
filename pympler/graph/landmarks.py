"""Landmarks: tasks, threads and timers, which developers know better than what holds them."""

from __future__ import annotations

import functools
import gc
import sys
import types
from contextvars import Context
from types import GetSetDescriptorType
from typing import Any

from pympler.graph.roots import Root
from pympler.util.names import is_application_file, short_file

__all__ = [
    "callable_name",
    "from_landmark",
    "future_attribute",
    "is_task",
    "own_attribute",
    "what_runs",
]

_MOST_LOOKED_AT = 300

_FRAMES: dict[type, str] = {
    types.GeneratorType: "gi_frame",
    types.CoroutineType: "cr_frame",
    types.AsyncGeneratorType: "ag_frame",
}
_DEAD_ENDS = frozenset({types.FunctionType, types.FrameType, dict})


def from_landmark(root: Root, objects: list[Any]) -> tuple[Root, list[Any]]:
    """Begin a path at the last task, thread or timer on it that is alive by itself.

    The way to a task that waits leads through the event loop, its selector and a chain of
    callbacks, which say nothing about the application.
    """
    for place in range(len(objects) - 2, 0, -1):
        item = objects[place]
        if type(objects[place + 1]) is Context and _handle(item):
            return Root("context of an asyncio callback", item), objects[place + 1 :]
        label = _task(item) or _handle(item) or _thread(item)
        if label:
            return Root(label, item), objects[place:]
    return root, objects


def is_task(item: Any) -> bool:
    """Whether an object is an asyncio task, done or not."""
    kind = _loaded("asyncio", "Task")
    return kind is not None and issubclass(type(item), kind)


def _loaded(module: str, name: str) -> type | None:
    kind = getattr(sys.modules.get(module), name, None)
    return kind if isinstance(kind, type) else None


def _task(item: Any) -> str | None:
    kind = _loaded("asyncio", "Task")
    if kind is None or not issubclass(type(item), kind) or kind.done(item):  # type: ignore[attr-defined]
        return None
    name = kind.get_name(item)  # type: ignore[attr-defined]
    # The names that asyncio gives are numbers: they differ from run to run.
    return f"task {name!r}" if type(name) is str and not name.startswith("Task-") else "task"


def future_attribute(item: Any, child: Any) -> str:
    """The attribute of a future or task that its list stands in, empty for anything else."""
    kind = _loaded("asyncio", "Future")
    if kind is None or type(child) is not list or not issubclass(type(item), kind):
        return ""
    # What C code shows of its callbacks is a copy; the rest is found by its own name.
    result = kind.__dict__.get("_result")
    is_result = type(result) is GetSetDescriptorType and result.__get__(item) is child
    return "._result" if is_result else "._callbacks"


def _handle(item: Any) -> str | None:
    kind = _loaded("asyncio", "Handle")
    if kind is None or not issubclass(type(item), kind):
        return None
    timer = _loaded("asyncio", "TimerHandle")
    word = "call_later" if timer is not None and issubclass(type(item), timer) else "call_soon"
    return f"{word} ({callable_name(own_attribute(item, '_callback'))})"


def _thread(item: Any) -> str | None:
    threading = sys.modules.get("threading")
    if threading is None or not issubclass(type(item), threading.Thread):
        return None
    if not any(item is thread for thread in list(threading._active.values())):
        return None
    if issubclass(type(item), threading.Timer):
        return f"threading.Timer ({callable_name(own_attribute(item, 'function'))})"
    name = own_attribute(item, "_name")
    if type(name) is not str:
        return "thread"
    # Of Thread-7 (work) the number differs from run to run.
    number = name.removeprefix("Thread-")
    return f"thread {name!r}" if number == name else "thread" + number.lstrip("0123456789")


def _is_loop(kind: type) -> bool:
    loop = _loaded("asyncio", "AbstractEventLoop")
    return loop is not None and issubclass(kind, loop)


def own_attribute(item: Any, name: str) -> Any:
    """An attribute that an object has itself or in a slot, ``None`` without one."""
    try:
        return object.__getattribute__(item, name)
    except AttributeError:
        return None


def callable_name(function: Any) -> str:
    """The dotted name of a function or bound method; of anything else its type."""
    if type(function) is types.MethodType:
        function = function.__func__
    if type(function) is types.FunctionType and type(function.__module__) is str:
        return f"{function.__module__}.{function.__qualname__}"
    if type(function) is functools.partial:
        return callable_name(function.func)
    if type(function) is types.BuiltinMethodType:
        module = function.__module__
        known = type(module) is str and module != "builtins"
        return f"{module}.{function.__qualname__}" if known else function.__qualname__
    return type(function).__name__


def what_runs(item: Any) -> str:
    """The code of the application that something of a library will run, empty if it is none.

    A timer, a handle or a weak reference to a task says nothing by itself: what it leads to does.
    """
    level, seen = [item], {id(item)}
    while level and len(seen) < _MOST_LOOKED_AT:
        following: list[Any] = []
        for one in level:
            kind = type(one)
            if kind is types.FunctionType and is_application_file(one.__code__.co_filename):
                return callable_name(one)
            frame = getattr(one, _FRAMES[kind]) if kind in _FRAMES else None
            if frame is not None and is_application_file(frame.f_code.co_filename):
                where = f"{short_file(frame.f_code.co_filename)}:{frame.f_lineno}"
                return f"{frame.f_code.co_name} at {where}"
            if kind in _DEAD_ENDS or issubclass(kind, (type, types.ModuleType)) or _is_loop(kind):
                continue
            following += gc.get_referents(one)
        level = [one for one in following if id(one) not in seen and gc.is_tracked(one)]
        seen.update(map(id, level))
    return ""
