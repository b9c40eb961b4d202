"""Flat sizes: the bytes of one object without what it refers to."""

from __future__ import annotations

import sys
from types import MethodDescriptorType, WrapperDescriptorType

__all__ = ["GC_HEADER_BYTES", "flat_size"]

GC_HEADER_BYTES = sys.getsizeof([]) - [].__sizeof__()
"""Bytes that the allocator puts in front of an object tracked by gc."""

_C_FUNCTIONS = (MethodDescriptorType, WrapperDescriptorType)


def flat_size(item: object) -> int:
    """Flat size of one object in bytes; never raises.

    A ``__sizeof__`` made in C is asked as :func:`sys.getsizeof` does. One written in Python could
    do anything, so that the size of such an object is the basic size of its type.

    Example:
        >>> flat_size([]) == sys.getsizeof([])
        True
    """
    kind = type(item)
    for base in type.__dict__["__mro__"].__get__(kind):
        sizeof = type.__dict__["__dict__"].__get__(base).get("__sizeof__")
        if sizeof is None:
            continue
        # By identity: the metaclass of what stands there may have an __eq__ of its own.
        if any(type(sizeof) is made_in_c for made_in_c in _C_FUNCTIONS):
            try:
                return sys.getsizeof(item)
            except (TypeError, ValueError, OverflowError):
                break
        break
    basic = type.__dict__["__basicsize__"].__get__(kind)
    return int(basic) + GC_HEADER_BYTES
