"""Texts for objects, with the user's code kept on a leash."""

from __future__ import annotations

from pympler.util.names import type_name

__all__ = ["clip", "safe_repr"]


def safe_repr(item: object, limit: int = 80) -> str:
    """The ``repr`` of an object, clipped in the middle; never raises.

    Args:
        item: any object; its ``__repr__`` is called.
        limit: the most characters that are given; 0 for all.

    Example:
        >>> safe_repr("abc" * 40, 15)
        "'abca....cabc'"
    """
    try:
        text = repr(item)
    except Exception as error:  # noqa: BLE001 - a __repr__ of the user's may raise anything
        text = f"<{type_name(type(item))} at {id(item):#x}, repr raised {type(error).__name__}>"
    return clip(str.__str__(text), limit)


def clip(text: str, limit: int) -> str:
    """A text with its middle left out if it is longer than a limit, 0 for none."""
    if limit <= 0 or len(text) <= limit:
        return text
    half = max(0, limit - 4) // 2
    return f"{text[:half]}....{text[len(text) - half :]}"
