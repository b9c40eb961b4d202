"""Lists in parts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

__all__ = ["parts"]

_Item = TypeVar("_Item")


def parts(items: list[_Item], most: int) -> Iterator[list[_Item]]:
    """A list in parts of so many items at most; the list itself if it is no longer.

    Example:
        >>> list(parts([1, 2, 3], 2))
        [[1, 2], [3]]
    """
    if len(items) <= most:
        yield items
        return
    for start in range(0, len(items), most):
        yield items[start : start + most]
