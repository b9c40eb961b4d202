"""Landmarks: tasks, threads and timers, which developers know better than what holds them."""

from __future__ import annotations

import sys
import types
from contextvars import Context
from typing import Any

from pympler.graph.roots import Root

__all__ = ["from_landmark", "is_task"]


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


def _handle(item: Any) -> str | None:
    kind = _loaded("asyncio", "Handle")
    if kind is None or not issubclass(type(item), kind):
        return None
    timer = _loaded("asyncio", "TimerHandle")
    word = "call_later" if timer is not None and issubclass(type(item), timer) else "call_soon"
    return f"{word} ({_name_of(_slot(item, '_callback'))})"


def _thread(item: Any) -> str | None:
    threading = sys.modules.get("threading")
    if threading is None or not issubclass(type(item), threading.Thread):
        return None
    if not any(item is thread for thread in list(threading._active.values())):
        return None
    if issubclass(type(item), threading.Timer):
        return f"threading.Timer ({_name_of(_slot(item, 'function'))})"
    name = _slot(item, "_name")
    if type(name) is not str:
        return "thread"
    # Of Thread-7 (work) the number differs from run to run.
    number = name.removeprefix("Thread-")
    return f"thread {name!r}" if number == name else "thread" + number.lstrip("0123456789")


def _slot(item: Any, name: str) -> Any:
    try:
        return object.__getattribute__(item, name)
    except AttributeError:
        return None


def _name_of(function: Any) -> str:
    """The dotted name of a function or bound method; of anything else its type."""
    if type(function) is types.MethodType:
        function = function.__func__
    if type(function) is types.FunctionType and type(function.__module__) is str:
        return f"{function.__module__}.{function.__qualname__}"
    if type(function) is types.BuiltinMethodType:
        return function.__name__
    return type(function).__name__
