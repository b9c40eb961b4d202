"""Where an instance was made."""

from __future__ import annotations

import sys
from types import CodeType, FrameType, FunctionType

from pympler.lifetimes.constructors import is_wrapper
from pympler.lifetimes.records import Site
from pympler.sizing.flat import mro_of

__all__ = ["site_of"]

_namespace_of = type.__dict__["__dict__"].__get__
_MOST_KNOWN = 10_000

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
    found: list[tuple[str, int, str]] = []
    while frame is not None and len(found) != frames:
        if not is_wrapper(frame.f_code):
            found.append((frame.f_code.co_filename, frame.f_lineno or 0, frame.f_code.co_name))
        frame = frame.f_back
    site = tuple(reversed(found))
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
