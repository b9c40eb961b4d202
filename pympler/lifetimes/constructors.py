"""Constructors that tell of each instance they have made, and how they were before."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from types import CodeType, FunctionType, MethodWrapperType
from typing import Any

from pympler.util.names import type_name

__all__ = ["Listener", "attach", "detach", "is_wrapper", "refuse"]

Listener = Callable[[Any], None]

_namespace_of = type.__dict__["__dict__"].__get__
_mro_of = type.__dict__["__mro__"].__get__
_weakrefs_at = type.__dict__["__weakrefoffset__"].__get__
_new_of_object: Any = object.__new__
_MISSING = object()

# Reentrant: a collection may run a finalizer that tracks or detaches something.
_lock = threading.RLock()
_hooks: dict[int, _Hook] = {}
_wrappers: set[CodeType] = set()


@dataclass(slots=True, eq=False)
class _Hook:
    """A class whose constructor is ours, and who wants to hear of its instances.

    Attributes:
        cls: the class, kept alive while it is watched.
        before: what the class itself had as ``__init__``, :data:`_MISSING` if it inherits one.
        installed: what it has now.
        listeners: replaced, never changed, so that a constructor in another thread sees all or
            nothing of a change.
    """

    cls: type
    before: Any
    installed: Any = None
    listeners: tuple[Listener, ...] = ()


def refuse(cls: Any) -> None:
    """Say why instances of a class cannot be followed, if they cannot.

    Raises:
        TypeError: if it is no class, is built in, or has instances without weak references.
    """
    if not issubclass(type(cls), type):
        raise TypeError(f"only classes can be tracked, not {type_name(type(cls))} objects")
    if not _weakrefs_at(cls):
        raise TypeError(
            f"instances of {type_name(cls)} take no weak references and cannot be tracked: "
            'add "__weakref__" to its __slots__, or track subclasses that have no __slots__'
        )


def attach(cls: type, listener: Listener) -> None:
    """Let a class tell a listener of each instance whose ``__init__`` has returned.

    Only ``__init__`` is replaced; its signature, name and docstring stay visible. Any number of
    listeners share one replacement.

    Raises:
        TypeError: as :func:`refuse` says, or if the class cannot be changed.
    """
    refuse(cls)
    with _lock:
        hook = _hooks.get(id(cls))
        if hook is None or _is_out_of_use(hook):
            hook = _install(cls)
            _hooks[id(cls)] = hook
        hook.listeners = (*hook.listeners, listener)


def detach(cls: type, listener: Listener) -> None:
    """Undo :func:`attach`; after the last listener the class is as it was before the first.

    A constructor that somebody else has wrapped around ours meanwhile is left in place, and ours
    below it does nothing but call the original.
    """
    with _lock:
        hook = _hooks[id(cls)]
        hook.listeners = tuple(one for one in hook.listeners if one is not listener)
        if hook.listeners or _own_init(cls) is not hook.installed:
            return
        del _hooks[id(cls)]
        if hook.before is _MISSING:
            type.__delattr__(cls, "__init__")
        else:
            type.__setattr__(cls, "__init__", hook.before)


def is_wrapper(code: CodeType) -> bool:
    """Whether this is the code of a constructor of ours."""
    return code in _wrappers


def _is_out_of_use(hook: _Hook) -> bool:
    """Whether somebody else has put another constructor in place of ours, or around it."""
    current = _own_init(hook.cls)
    if current is hook.before and hook.listeners:  # undone by a stranger while it is needed
        type.__setattr__(hook.cls, "__init__", hook.installed)
        return False
    return current is not hook.installed and not hook.listeners


def _own_init(cls: type) -> Any:
    return _namespace_of(cls).get("__init__", _MISSING)


def _install(cls: type) -> _Hook:
    hook = _Hook(cls, _own_init(cls))
    if hook.before is _MISSING:
        made = _around_inherited(hook)
    elif type(hook.before) is FunctionType:
        made = _around_function(hook, hook.before)
    else:
        made = _around_descriptor(hook)
    _wrappers.add(made.__code__)  # one for each of the three kinds
    _dress(made, cls, hook.before)
    hook.installed = made
    try:
        # Not setattr: a metaclass may have its own idea of what may be set.
        type.__setattr__(cls, "__init__", made)
    except TypeError as error:
        raise TypeError(
            f"the constructor of {type_name(cls)} is built in and cannot be watched: "
            "track a subclass of it, or single objects with track_object()"
        ) from error
    return hook


def _around_function(hook: _Hook, before: FunctionType) -> Any:
    def __init__(self: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
        result = before(self, *args, **kwargs)
        for listener in hook.listeners:
            listener(self)
        return result

    return __init__


def _around_inherited(hook: _Hook) -> Any:
    cls = hook.cls

    def __init__(self: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
        # What is inherited depends on the class of the instance, and may be watched as well.
        inherited: Any = super(cls, self)
        result = _call(inherited.__init__, self, args, kwargs)
        for listener in hook.listeners:
            listener(self)
        return result

    return __init__


def _around_descriptor(hook: _Hook) -> Any:
    def __init__(self: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
        before = hook.before
        bind = getattr(type(before), "__get__", None)
        bound = before if bind is None else bind(before, self, type(self))
        result = _call(bound, self, args, kwargs)
        for listener in hook.listeners:
            listener(self)
        return result

    return __init__


def _call(bound: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    """Call what stood where our constructor stands now.

    ``object.__init__`` takes arguments only where nothing overrides it and ``__new__`` does; it
    takes our constructor for such an override.
    """
    if (
        (args or kwargs)
        and type(bound) is MethodWrapperType
        and getattr(bound, "__objclass__", None) is object
    ):
        kind = type(instance)
        if kind.__new__ is _new_of_object:
            raise TypeError(f"{kind.__name__}() takes no arguments")
        return bound()
    return bound(*args, **kwargs)


def _dress(made: Any, cls: type, before: Any) -> None:
    """Give our constructor the looks of the one that it replaces."""
    bases = _mro_of(cls)[1:]
    inherited = (_namespace_of(base).get("__init__", _MISSING) for base in bases)
    original = before
    if before is _MISSING:
        original = next(found for found in inherited if found is not _MISSING)
    update_wrapper(made, original)
    made.__name__ = "__init__"
    if before is not _MISSING:
        return
    try:
        shown = inspect.signature(cls)
    except (TypeError, ValueError):
        return
    parameters = list(shown.parameters.values())
    place = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    made.__signature__ = shown.replace(parameters=[place, *parameters])
