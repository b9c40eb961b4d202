"""Roots of the heap: modules, hooks of the interpreter, frames of threads, the current context."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal.getsignal() compares with ==
import contextvars
import gc
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import CO_OPTIMIZED
from types import CellType, FrameType, FunctionType, ModuleType
from typing import Any

from pympler.util.names import is_application_file, short_file, type_name

__all__ = [
    "Held",
    "Root",
    "add_root",
    "children",
    "frame_locals",
    "hook_roots",
    "is_added",
    "is_imported",
    "is_own",
    "is_own_frame",
    "is_own_kind",
    "is_own_module",
    "module_namespace",
    "remove_root",
    "root_phases",
    "running_frames",
    "traced_threads",
]

_namespace_of = type.__dict__["__dict__"].__get__(ModuleType)["__dict__"].__get__
_OWN_PACKAGES = ("pympler", "pympler_asgi", "pympler_django", "pympler_flask", "pympler_pytest")
# Adapters wrap the application, so that the way to it may lead through them.
_OWN_ADAPTERS = frozenset({"MemoryMiddleware"})
_signal_names = {int(member): member.name for member in signal.Signals}
_name_of = type.__dict__["__name__"].__get__
_module_of = type.__dict__["__module__"].__get__
_added: dict[str, Root] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Root:
    """Where a path may begin: an object that lives by itself, and how it is called.

    Attributes:
        label: what a developer calls it.
        item: the object.
        is_machinery: whether it belongs to the standard library or the interpreter, so that a
            task, thread or timer that it leads to is the better beginning for a reader.
    """

    label: str
    item: Any
    is_machinery: bool = False


class Held:
    """What the interpreter itself holds and shows through a function, such as signal handlers."""

    __slots__ = ("items",)

    def __init__(self, *items: Any) -> None:
        self.items = items


def module_namespace(module: ModuleType) -> dict[str, Any]:
    """The namespace of a module, without asking a ``__getattr__`` of its own."""
    namespace: dict[str, Any] = _namespace_of(module)
    return namespace


def add_root(label: str, item: Any, *, is_machinery: bool = False) -> None:
    """Let paths begin at an object that Pympler holds in the place of a server, under this name."""
    _added[label] = Root(label, item, is_machinery)


def is_added(item: Any) -> bool:
    """Whether an object was added as a root, and belongs to the application."""
    return any(root.item is item and not root.is_machinery for root in _added.values())


def remove_root(label: str) -> None:
    """Undo :func:`add_root`; may be called twice."""
    _added.pop(label, None)


def root_phases() -> Iterator[list[Root]]:
    """The roots in the order in which their names are preferred.

    Modules of the application come first, in the order in which their imports were completed:
    what a module imports from another was complete before it, and is better named there. Then
    what was added, installed modules, the standard library with its private modules last, hooks of
    the interpreter, frames of threads, the current context, and exceptions that are being handled.
    """
    application: list[Root] = []
    installed: list[Root] = []
    standard: list[Root] = []
    for name, module in list(sys.modules.items()):
        if not issubclass(type(module), ModuleType) or is_own_module(name):
            continue
        root = Root(name, module)
        file = module_namespace(module).get("__file__")
        if type(file) is str and is_application_file(file):
            application.append(root)
        elif type(file) is str and "-packages" in file:
            installed.append(root)
        else:
            standard.append(Root(name, module, is_machinery=True))
    application.sort(key=lambda root: root.label == "__main__")
    standard.sort(key=lambda root: root.label.startswith("_"))
    yield application
    yield list(_added.values())
    yield installed
    yield standard
    yield list(hook_roots())
    yield list(_frames())
    yield [Root("the current context", contextvars.copy_context())]
    yield list(_exceptions())


def hook_roots() -> Iterator[Root]:
    """What the interpreter itself refers to and shows through functions."""
    for number in range(1, _signal.NSIG):
        try:
            handler = _signal.getsignal(number)
        except ValueError:  # Windows has gaps in its numbers
            continue
        if handler is not None and type(handler) is not int:
            yield Root(f"handler of {_signal_names.get(number, number)}", Held(handler))
    yield Root("trace function", Held(sys.gettrace()))
    yield Root("profile function", Held(sys.getprofile()))
    yield Root("hooks for async generators", Held(*sys.get_asyncgen_hooks()), is_machinery=True)


def _exceptions() -> Iterator[Root]:
    for found in sys._current_exceptions().values():
        # Up to 3.11 what sys.exc_info() returns, later the exception alone.
        error = found[1] if type(found) is tuple else found
        if error is not None:
            yield Root(f"the {type_name(type(error))} that is being handled", Held(error))


def _frames() -> Iterator[Root]:
    for _, frame in running_frames():
        if not is_own_frame(frame):
            code = frame.f_code
            where = f"{short_file(code.co_filename)}:{frame.f_lineno}"
            standard = not is_application_file(code.co_filename)
            yield Root(f"frame {code.co_name} at {where}", frame, is_machinery=standard)


def running_frames() -> Iterator[tuple[int, FrameType]]:
    """The frames of all threads, the innermost first, each with the id of its thread."""
    frame: FrameType | None
    try:
        for ident, frame in sys._current_frames().items():
            while frame is not None:
                yield ident, frame
                frame = frame.f_back
    finally:
        frame = None  # the frame of this generator is among them: it must not hold itself


def is_own_frame(frame: FrameType) -> bool:
    """Whether a frame runs code of Pympler's."""
    owner = frame.f_globals.get("__name__")
    return type(owner) is str and is_own_module(owner)


def is_own_module(name: str) -> bool:
    """Whether a module of this name is one of Pympler's."""
    return name.partition(".")[0] in _OWN_PACKAGES


def frame_locals(frame: FrameType) -> dict[str, Any]:
    """The locals of a frame as a dictionary of their own.

    Up to Python 3.12 ``f_locals`` leaves a dictionary in the frame that would keep the locals
    alive; it is emptied again, but not where it is the namespace itself (modules, classes), and
    not where somebody traces: what is missing in it when a trace function returns, Python deletes
    from the frame.
    """
    found = frame.f_locals
    copied = dict(found)
    is_left = frame.f_code.co_flags & CO_OPTIMIZED and type(found) is dict
    # The last look is at what no other thread can change until the dictionary is empty.
    if is_left and not _is_traced(frame) and not traced_threads:
        found.clear()
    return copied


traced_threads: dict[int, Callable[[], Any]] = {}
"""The threads in which a trace function of ours is installed, with weak references to the tracers
of :mod:`pympler.leaks.tracing`."""


def _is_traced(frame: FrameType) -> bool:
    current: FrameType | None = frame
    while current is not None:
        function = current.f_trace
        if function is not None and not _leaves_locals_alone(function):
            return True
        current = current.f_back
    return False


def _leaves_locals_alone(function: Any) -> bool:
    """Whether Python does not write locals back to a frame after this trace function."""
    # Ours stays in the frames that it saw; where it is at work is known better. That of coverage
    # is called from C, where nothing is written back (PyEval_SetTrace).
    kind = type(function)
    if kind.__name__ == "CTracer" and kind.__module__ in ("coverage", "coverage.tracer"):
        return True
    return is_own(getattr(function, "__self__", None))


def children(item: Any) -> list[Any]:
    """What an object refers to.

    Modules are read through their namespace, because the referents of some C modules cannot be
    listed safely (``_asyncio`` on 3.12.1); frames through their locals too, because while they run
    their referents are empty since 3.11.
    """
    kind = type(item)
    if issubclass(kind, ModuleType):
        return list(module_namespace(item).values())
    if kind is FrameType:
        # What a suspended frame awaits is not among its locals, but among its referents.
        others = [child for child in gc.get_referents(item) if type(child) is not CellType]
        return [*frame_locals(item).values(), item.f_globals, *others]
    if kind is Held:
        return list(item.items)
    return gc.get_referents(item)


def is_own(item: Any) -> bool:
    """Whether an object belongs to Pympler's own machinery, which no path may lead through."""
    return is_own_kind(type(item))


def is_own_kind(kind: type) -> bool:
    """Whether instances of a type belong to Pympler's own machinery."""
    try:
        module = _module_of(kind)
    except AttributeError:
        return False
    if type(module) is not str or not module.startswith("pympler"):
        return False
    if module.partition(".")[0] not in _OWN_PACKAGES:
        return False
    return _name_of(kind) not in _OWN_ADAPTERS


def is_imported(child: Any, module: str) -> bool:
    """Whether what a module holds is a function or class that another one defines."""
    kind = type(child)
    if kind is FunctionType:
        home = child.__module__
    elif issubclass(kind, type):
        home = type.__dict__["__module__"].__get__(child)
    else:
        return False
    if type(home) is not str or home == module:
        return False
    namespace = sys.modules.get(home)
    if not issubclass(type(namespace), ModuleType):
        return False
    # What a function has made and put here (a patch, a hook) is not to be found where it was made.
    name = child.__name__ if kind is FunctionType else type.__dict__["__name__"].__get__(child)
    return module_namespace(namespace).get(name) is child  # type: ignore[arg-type]
