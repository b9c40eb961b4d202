"""Callers: which line of the application led to where a thread is."""

from __future__ import annotations

from types import FrameType

from pympler.util.names import is_application_file, short_file

__all__ = ["application_frame", "application_line", "is_of_the_application"]

# What sends the requests is run by code that stores nothing, such as a script or a test; nor does
# what runs a server around our middleware.
_SENDERS = ("pympler.leaks.check.", "pympler.leaks.steps", "pympler.wsgi", "pympler_")


def is_of_the_application(frame: FrameType) -> bool:
    """Whether it runs code of the application: neither of a library nor of ours."""
    return is_application_file(frame.f_code.co_filename) and not _is_of(frame, "pympler")


def application_frame(frame: FrameType | None) -> FrameType | None:
    """The innermost frame of the application that led to a frame, itself included."""
    while frame is not None and not _is_of(frame, _SENDERS):
        if is_of_the_application(frame):
            return frame
        frame = frame.f_back
    return None


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
