"""Where an instance was made."""

from __future__ import annotations

import sys
from types import CodeType, FrameType, FunctionType

from pympler.lifetimes.constructors import is_wrapper
from pympler.lifetimes.records import Site
from pympler.sizing.flat import mro_of
from pympler.util.names import is_application_file

__all__ = ["application_site_of", "site_of"]

_namespace_of = type.__dict__["__dict__"].__get__
_MOST_KNOWN = 10_000
_FARTHEST = 200

# Most instances are made in few places: they share one description of each.
_known: dict[Site, Site] = {}


def site_of(kind: type, frames: int, depth: int) -> Site:
    """The frames from which an instance is made whose constructor runs just now.

    Our own constructor is left out, and so are the constructors of classes between the one whose
    constructor was seen and the class of the instance: the innermost frame is the one that called
    the class.

    Args:
        kind: the class of the instance.
        frames: how many frames are given, the innermost ones; -1 for all.
        depth: how many frames of the caller's own are left out.
    """
    frame = _maker(kind, depth + 1)
    found: list[tuple[str, int, str]] = []
    while frame is not None and len(found) != frames:
        if not is_wrapper(frame.f_code):
            found.append(_described(frame))
        frame = frame.f_back
    return _shared(tuple(reversed(found)))


def application_site_of(kind: type, frames: int, depth: int) -> Site:
    """The one frame of the application from which an instance is made just now.

    An ORM or a parser calls the constructors of the application's classes; the frame that called
    them in turn is the one that a developer can change. Without any it is the innermost one.

    Args:
        kind: the class of the instance.
        frames: not used; there to be called as :func:`site_of`.
        depth: how many frames of the caller's own are left out.
    """
    innermost = frame = _maker(kind, depth + 1)
    for _ in range(_FARTHEST):
        if frame is None:
            break
        if not is_wrapper(frame.f_code) and is_application_file(frame.f_code.co_filename):
            return _shared((_described(frame),))
        frame = frame.f_back
    return _shared(() if innermost is None else (_described(innermost),))


def _maker(kind: type, depth: int) -> FrameType | None:
    """The frame that has called the class."""
    frame: FrameType | None = sys._getframe(depth + 1)
    constructors = _constructors(kind)
    while frame is not None:
        code = frame.f_code
        if is_wrapper(code):
            frame = frame.f_back
        elif code in constructors:
            # Each constructor runs once for an instance; a class nearer to the root is further in.
            constructors = constructors[: constructors.index(code)]
            frame = frame.f_back
        else:
            break
    return frame


def _described(frame: FrameType) -> tuple[str, int, str]:
    return frame.f_code.co_filename, frame.f_lineno or 0, frame.f_code.co_name


def _shared(site: Site) -> Site:
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    return _known.setdefault(site, site)


def _constructors(kind: type) -> list[CodeType]:
    """The code of the constructors that run for an instance, the outermost first."""
    found = []
    for base in mro_of(kind):
        init = _namespace_of(base).get("__init__")
        original = getattr(init, "__wrapped__", init) if type(init) is FunctionType else None
        if type(original) is FunctionType:
            found.append(original.__code__)
    return found
