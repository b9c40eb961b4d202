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

_INTERFACE = 6
"""That of the extension which this package calls; the number in ``_heapwalk_c/module.c``."""


def extension() -> Any:
    """The module made in C, ``None`` if there is none or it is not to be used."""
    return _found()[0]


@lru_cache(maxsize=1)
def _found() -> tuple[ModuleType | None, str]:
    """The extension, or why it is not used."""
    if os.environ.get("PYMPLER_NO_EXTENSIONS", "") not in ("", "0"):
        return None, "PYMPLER_NO_EXTENSIONS is set"
    try:
        from pympler import _heapwalk
    except ImportError:
        return None, "the extension was not built"
    module: ModuleType = _heapwalk
    # One that a checkout has kept from other sources would be called with other arguments.
    if getattr(module, "INTERFACE", 1) != _INTERFACE:
        return None, "the extension was built from other sources; install pympler again"
    # Since 3.11 sizes depend on a layout that is found out by looking: without it, no.
    if sys.version_info >= (3, 11) and layout() is None:
        return None, "this interpreter lays out objects in a way that is not known"
    return module, ""


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
    """Which walk is used, in words, and why if it is the slower one."""
    module, why_not = _found()
    return "compiled heap walk" if module is not None else f"heap walk in pure Python: {why_not}"
