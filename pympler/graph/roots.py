"""Roots of the heap: modules, frames of threads, the current context."""

from __future__ import annotations

import contextvars
import gc
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import CO_OPTIMIZED
from types import FrameType, ModuleType
from typing import Any

from pympler.util.names import is_application_file, short_file

__all__ = ["Root", "children", "frame_locals", "is_own", "module_namespace", "root_phases"]

_namespace_of = type.__dict__["__dict__"].__get__(ModuleType)["__dict__"].__get__
_OWN_PACKAGES = ("pympler", "pympler_asgi", "pympler_django", "pympler_flask", "pympler_pytest")
# Adapters wrap the application, so that the way to it may lead through them.
_OWN_ADAPTERS = frozenset({"MemoryMiddleware"})
_module_of = type.__dict__["__module__"].__get__


@dataclass(frozen=True, slots=True, eq=False)
class Root:
    """Where a path may begin: an object that lives by itself, and how it is called."""

    label: str
    item: Any


def module_namespace(module: ModuleType) -> dict[str, Any]:
    """The namespace of a module, without asking a ``__getattr__`` of its own."""
    namespace: dict[str, Any] = _namespace_of(module)
    return namespace


def root_phases() -> Iterator[list[Root]]:
    """The roots in the order in which their names are preferred.

    Modules of the application come first, in the order in which their imports were completed:
    what a module imports from another was complete before it, and is better named there. Then
    installed modules, the standard library, frames of threads, and the current context.
    """
    application: list[Root] = []
    installed: list[Root] = []
    standard: list[Root] = []
    for name, module in list(sys.modules.items()):
        if not issubclass(type(module), ModuleType) or name.partition(".")[0] in _OWN_PACKAGES:
            continue
        root = Root(name, module)
        file = module_namespace(module).get("__file__")
        if type(file) is str and is_application_file(file):
            application.append(root)
        elif type(file) is str and "-packages" in file:
            installed.append(root)
        else:
            standard.append(root)
    application.sort(key=lambda root: root.label == "__main__")
    yield application
    yield installed
    yield standard
    yield list(_frames())
    yield [Root("the current context", contextvars.copy_context())]


def _frames() -> Iterator[Root]:
    for frame in sys._current_frames().values():
        current: FrameType | None = frame
        while current is not None:
            code = current.f_code
            owner = current.f_globals.get("__name__")
            own = type(owner) is str and owner.partition(".")[0] in _OWN_PACKAGES
            if not own:
                where = f"{short_file(code.co_filename)}:{current.f_lineno}"
                yield Root(f"frame {code.co_name} at {where}", current)
            current = current.f_back


def frame_locals(frame: FrameType) -> dict[str, Any]:
    """The locals of a frame as a dictionary of their own.

    Up to Python 3.12 ``f_locals`` leaves a dictionary in the frame that would keep the locals
    alive; it is emptied again, but not where it is the namespace itself (modules, classes).
    """
    found = frame.f_locals
    copied = dict(found)
    if frame.f_code.co_flags & CO_OPTIMIZED and type(found) is dict:
        found.clear()
    return copied


def children(item: Any) -> list[Any]:
    """What an object refers to.

    Modules are read through their namespace, because the referents of some C modules cannot be
    listed safely (``_asyncio`` on 3.12.1); frames that run through their locals, because their
    referents are empty since 3.11.
    """
    kind = type(item)
    if issubclass(kind, ModuleType):
        return list(module_namespace(item).values())
    if kind is FrameType:
        return list(frame_locals(item).values())
    return gc.get_referents(item)


def is_own(item: Any) -> bool:
    """Whether an object belongs to Pympler's own machinery, which no path may lead through."""
    kind = type(item)
    try:
        module = _module_of(kind)
    except AttributeError:
        return False
    if type(module) is not str or not module.startswith("pympler"):
        return False
    if module.partition(".")[0] not in _OWN_PACKAGES:
        return False
    return kind.__name__ not in _OWN_ADAPTERS
