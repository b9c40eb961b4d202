"""Flat sizes: the bytes of one object without what it refers to."""

from __future__ import annotations

import sys
from types import MethodDescriptorType, WrapperDescriptorType

from pympler.sizing.layout import flags_of

__all__ = ["GC_HEADER_BYTES", "basic_size", "flat_size", "has_own_sizeof", "int_bytes", "mro_of"]

mro_of = type.__dict__["__mro__"].__get__
_namespace_of = type.__dict__["__dict__"].__get__
_basicsize_of = type.__dict__["__basicsize__"].__get__
_HAVE_GC = 1 << 14

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
    if not has_own_sizeof(kind):
        try:
            return sys.getsizeof(item)
        except (TypeError, ValueError, OverflowError):
            pass
    return basic_size(kind)


# Since 3.11 a number of one digit is given the whole structure, with the padding at its end, by
# the paths that most numbers come from; sys.getsizeof leaves the padding out.
_LEAST_INT_BYTES = 32 if sys.version_info >= (3, 11) and sys.maxsize > 2**32 else 0


def int_bytes(size: int) -> int:
    """What the allocator was asked for, for an integer that ``sys.getsizeof`` tells this of."""
    return max(size, _LEAST_INT_BYTES)


def has_own_sizeof(kind: type) -> bool:
    """Whether the ``__sizeof__`` of a type is not one made in C."""
    for base in mro_of(kind):
        sizeof = _namespace_of(base).get("__sizeof__")
        if sizeof is not None:
            # By identity: the metaclass of what stands there may have an __eq__ of its own.
            return not any(type(sizeof) is made_in_c for made_in_c in _C_FUNCTIONS)
    return False


def basic_size(kind: type) -> int:
    """Bytes of the fixed part of an object of this type, with the header that gc puts before it."""
    header = GC_HEADER_BYTES if flags_of(kind) & _HAVE_GC else 0
    return int(_basicsize_of(kind)) + header
