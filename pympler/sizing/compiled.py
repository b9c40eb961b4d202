"""The compiled walk, where there is one: an extension of C that is not needed and often there.

It is left alone with ``PYMPLER_NO_EXTENSIONS=1`` in the environment, and where the interpreter is
one whose layout of objects is not known.
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from types import ModuleType
from typing import Any

from pympler.sizing.layout import layout

__all__ = ["extension", "new_walker", "walk_name"]


@lru_cache(maxsize=1)
def extension() -> Any:
    """The module made in C, ``None`` if there is none or it is not to be used."""
    if os.environ.get("PYMPLER_NO_EXTENSIONS", "") not in ("", "0"):
        return None
    try:
        from pympler import _heapwalk
    except ImportError:
        return None
    found: ModuleType = _heapwalk
    # Since 3.11 sizes depend on a layout that is found out by looking: without it, no.
    return found if sys.version_info < (3, 11) or layout() is not None else None


def new_walker(shared: Any = None, align: int = 1, least_int: int = 0) -> Any:
    """A new walker of the extension, which must be there.

    Args:
        shared: marks of objects that are never counted.
        align: sizes are rounded up to a multiple of this power of two.
        least_int: bytes that an ``int`` takes at least.
    """
    found = layout()
    known = None
    if found is not None:
        known = (found.inline, found.tagged, found.values_at, found.dict_at, found.keys_at)
    return extension().Walker(shared=shared, align=align, least_int=least_int, layout=known)


def walk_name() -> str:
    """Which walk is used, in words."""
    return "compiled heap walk" if extension() is not None else "heap walk in pure Python"
