"""Sizes of single objects: what the allocator gave for each, without what it refers to."""

from __future__ import annotations

from typing import Any

from pympler.sizing.kinds import Rules, kind_of

__all__ = ["EVERYTHING", "shallow_size", "shallow_sizes"]

EVERYTHING = Rules(code=True, frames=True, ignored=False)
"""The rules by which every object has a size."""


def shallow_size(item: Any) -> int:
    """Bytes of one object with the array of its attributes, without what it refers to.

    Example:
        >>> import sys
        >>> shallow_size([1, 2]) == sys.getsizeof([1, 2])
        True
    """
    return kind_of(type(item), EVERYTHING).size_or_basic(item)[0]


def shallow_sizes(items: list[Any]) -> list[int]:
    """Bytes of each of some objects of one type, as :func:`shallow_size` gives them."""
    kind = kind_of(type(items[0]), EVERYTHING) if items else None
    if kind is None:
        return []
    sizes = kind.try_sizes(items)
    return sizes if sizes is not None else [kind.size_or_basic(item)[0] for item in items]
