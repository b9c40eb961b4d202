"""Class paths: the classes that ``track_classes`` names, found without importing anything.

An import could run code of the application's at a moment that it did not choose, so a class is
waited for until the application has imported its module.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable
from contextlib import suppress
from types import ModuleType
from typing import Any

from pympler.errors import SettingsError
from pympler.graph.roots import module_namespace
from pympler.lifetimes.constructors import refuse

__all__ = ["check_class_paths", "find_class"]

_namespace_of = type.__dict__["__dict__"].__get__
_mro_of = type.__dict__["__mro__"].__get__


def check_class_paths(paths: Iterable[str]) -> None:
    """See whether each path leads to a class that can be tracked, or may still come to do so.

    Raises:
        SettingsError: for the first that does not, which says what to do.
    """
    for path in paths:
        find_class(path)


def find_class(path: str) -> type | None:
    """The class at a dotted path, ``None`` while its module is not imported.

    Args:
        path: module and qualified name: ``"shop.models.Order"``, ``"shop.models.Order.Line"``.

    Raises:
        SettingsError: if there is no such module or class, or its instances cannot be tracked.

    Example:
        >>> find_class("collections.UserDict").__name__
        'UserDict'
    """
    parts = path.split(".")
    for end in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:end])
        module = sys.modules.get(name)
        if module is not None and issubclass(type(module), ModuleType):
            break
    else:
        _require_module(parts[:1], path)
        return None
    found = _follow(module, parts[end:])
    if found is not None:
        return _trackable(found, path)
    if _is_loading(module):
        return None
    missing = f"{name}.{parts[end]}"
    if end + 1 < len(parts) and parts[end] not in module_namespace(module):
        # The path goes through a module that nobody has imported yet.
        _require_module(parts[: end + 1], path)
        return None
    raise SettingsError(
        f"setting 'track_classes' names {path!r}, but {missing!r} "
        f"{_hint(module, parts[end:])}; give the module that defines the class and its name"
    )


def _follow(module: ModuleType, names: list[str]) -> Any:
    namespaces = [module_namespace(module)]
    found: Any = None
    for name in names:
        found = next((space[name] for space in namespaces if name in space), None)
        if found is None:
            return None
        is_class = issubclass(type(found), type)
        namespaces = [_namespace_of(base) for base in _mro_of(found)] if is_class else []
    return found


def _trackable(found: Any, path: str) -> type:
    try:
        refuse(found)
    except TypeError as error:
        raise SettingsError(f"setting 'track_classes' names {path!r}: {error}") from None
    return found  # type: ignore[no-any-return]


def _is_loading(module: ModuleType) -> bool:
    """Whether a module may still define something: it runs, or it is the program itself."""
    space = module_namespace(module)
    if space.get("__name__") == "__main__":
        return True
    return bool(getattr(space.get("__spec__"), "_initializing", False))


def _require_module(parts: list[str], path: str) -> None:
    """See whether a module can be found that is not imported, without importing it."""
    name = ".".join(parts)
    parent = sys.modules.get(".".join(parts[:-1]))
    places = None
    if parent is not None and issubclass(type(parent), ModuleType):
        places = module_namespace(parent).get("__path__")
    if (len(parts) == 1 or places is not None) and _can_be_found(name, places):
        return
    raise SettingsError(
        f"setting 'track_classes' names {path!r}, but there is no module {name!r}; "
        "correct the path, or remove it"
    )


def _can_be_found(name: str, places: Any) -> bool:
    for finder in list(sys.meta_path):
        find_spec = getattr(finder, "find_spec", None)
        with suppress(ImportError):
            if find_spec is not None and find_spec(name, places) is not None:
                return True
    return False


def _hint(module: ModuleType, names: list[str]) -> str:
    if len(names) > 1:
        return "is no class with what follows in it"
    known = [
        key
        for key, value in list(module_namespace(module).items())
        if issubclass(type(value), type)
    ]
    close = difflib.get_close_matches(names[0], known, n=1)
    return f"does not exist, did you mean {close[0]!r}?" if close else "does not exist"
