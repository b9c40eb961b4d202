"""Callers: which line of the application led to where a thread is."""

from __future__ import annotations

import os
import sys
from types import FrameType, ModuleType

from pympler.graph.roots import module_namespace
from pympler.util.names import is_application_file, short_file

__all__ = ["application_frame", "application_line", "is_ours", "package_folder"]

# What sends the requests is run by code that stores nothing, such as a script or a test; nor does
# what runs a server around our middleware.
_SENDERS = ("pympler.leaks.check.", "pympler.leaks.steps", "pympler.wsgi", "pympler_")


def is_ours(frame: FrameType) -> bool:
    """Whether it runs code of Pympler's, wherever that stands."""
    return _is_of(frame, "pympler")


def application_frame(frame: FrameType | None, packages: tuple[str, ...] = ()) -> FrameType | None:
    """The innermost frame of the application that led to a frame, itself included.

    Args:
        frame: where to begin.
        packages: folders of packages whose frames count too.
    """
    while frame is not None and not _is_of(frame, _SENDERS):
        file = frame.f_code.co_filename
        if (is_application_file(file) or file.startswith(packages)) and not is_ours(frame):
            return frame
        frame = frame.f_back
    return None


def package_folder(path: str) -> str:
    """Where the files of the installed package are that a path in words begins in.

    Empty if it begins in the application, or in no module.

    Example:
        >>> package_folder("lru_cache of json.decoder.scan").endswith("json/")
        True
    """
    names = path.removeprefix("lru_cache of ").split(".")
    for end in range(1, len(names)):
        module = sys.modules.get(".".join(names[:end]))
        if not issubclass(type(module), ModuleType):
            return ""
        file = module_namespace(module).get("__file__")  # type: ignore[arg-type]
        if type(file) is not str:
            continue  # a folder that several distributions share
        if is_application_file(file):
            return ""
        folder, name = os.path.split(file)
        return folder + os.sep if name.startswith("__init__.") else file
    return ""


def application_line(frame: FrameType, line: int) -> tuple[str, bool]:
    """The innermost line of the application that led there, and whether there is one.

    Args:
        frame: where a thread is.
        line: the line there.
    """
    found = application_frame(frame)
    if found is not None and found is not frame:
        line = found.f_lineno
    named = found or frame
    return f"{short_file(named.f_code.co_filename)}:{line}", found is not None


def _is_of(frame: FrameType, names: str | tuple[str, ...]) -> bool:
    name = dict.get(frame.f_globals, "__name__")
    return type(name) is str and name.startswith(names)
