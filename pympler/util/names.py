"""Names of types and files, read without running code of the user's."""

from __future__ import annotations

import os
import sys
from functools import lru_cache

__all__ = ["is_application_file", "short_file", "type_name"]

# The descriptors of ``type`` itself: a metaclass may define properties of the same names.
_module_of = type.__dict__["__module__"].__get__
_qualname_of = type.__dict__["__qualname__"].__get__

# Not from sysconfig, which reads a quarter of a megabyte to know it.
_LIBRARY_FOLDERS = (os.path.realpath(os.path.dirname(os.__file__)) + os.sep,)
_LIBRARY_PARTS = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


def type_name(kind: type) -> str:
    """Qualified name of a type, without the module for built-in types.

    Example:
        >>> type_name(dict)
        'dict'
        >>> import collections
        >>> type_name(collections.OrderedDict)
        'collections.OrderedDict'
    """
    try:
        module, name = _module_of(kind), _qualname_of(kind)
    except AttributeError:  # a heap type made in C may have no __module__
        module, name = None, _qualname_of(kind)
    name = str.__str__(name)  # a subclass of str may have a __format__ of its own
    if type(module) is not str or module == "builtins":
        return name
    return f"{module}.{name}"


@lru_cache(maxsize=1024)
def is_application_file(filename: str) -> bool:
    """Whether a source file belongs to the application: not the standard library, not installed.

    Frozen and generated code (``<string>``) does not count as the application's.
    """
    if filename.startswith("<"):
        return False
    path = os.path.realpath(filename)
    if any(part in path for part in _LIBRARY_PARTS):
        return False
    return not path.startswith(_LIBRARY_FOLDERS)


@lru_cache(maxsize=1024)
def short_file(filename: str) -> str:
    """A source file relative to the import path or the working directory, as short as possible."""
    candidates = [filename]
    for folder in {*sys.path, os.getcwd()}:
        if folder and filename.startswith(folder.rstrip(os.sep) + os.sep):
            candidates.append(filename[len(folder.rstrip(os.sep)) + 1 :])
    return min(candidates, key=len)
