"""What the user has said about types: handlers, dictionary-like classes, memory-mapped arrays.

These are settings of the process, not state of a measurement.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterable
from typing import Any

from pympler.sizing.special import Handler

__all__ = ["add_handler", "adict", "amapped", "handlers", "mapped_share", "remove_handler"]

_given: dict[int, tuple[weakref.ref[type], Handler]] = {}
_mapped = [1.0]
_MAPPING_METHODS = ("items", "keys", "values", "get", "__len__")


def add_handler(
    kind: type,
    *,
    size: Callable[[Any], int] | None = None,
    referents: Callable[[Any], Iterable[Any]] | None = None,
) -> None:
    """Say how instances of a type and of its subclasses are sized.

    Args:
        kind: the type.
        size: called with an instance after the walk, gives its bytes without what it refers to;
            ``None`` for what ``sys.getsizeof`` says.
        referents: called with an instance during the walk, gives what it owns; ``None`` for what
            ``gc.get_referents`` says. An exception in one of the two makes the object one that
            could not be sized, and no more.

    Raises:
        TypeError: if ``kind`` is not a class, or neither function is given.
    """
    if not issubclass(type(kind), type):
        raise TypeError(f"kind is {kind!r}: give a class")
    if size is None and referents is None:
        raise TypeError("give size, referents, or both")
    _given[id(kind)] = (weakref.ref(kind), Handler(_sizes(size), _referents(referents)))


def remove_handler(kind: type) -> None:
    """Forget what was said about a type; nothing happens if nothing was."""
    _given.pop(id(kind), None)


def adict(*classes: type) -> bool:
    """Say that classes are like dictionaries: their ``keys()`` and ``values()`` are what they own.

    Returns:
        Whether all of them were taken; those that lack a method of a mapping are not, nor is
        ``dict`` itself, which needs no help.
    """
    taken = True
    for kind in classes:
        if not issubclass(type(kind), type) or issubclass(kind, dict) or not _is_like_dict(kind):
            taken = False
            continue
        add_handler(kind, referents=_pairs)
    return taken


def amapped(percentage: float | None = None) -> float:
    """How much of the file of a ``numpy.memmap`` counts as its size, in percent.

    Args:
        percentage: a new value, from 0 to 100; ``None`` to ask only.

    Returns:
        The value before.

    Raises:
        ValueError: for a value out of range.
    """
    before = _mapped[0]
    if percentage is not None:
        if not 0 <= percentage <= 100:
            raise ValueError(f"percentage is {percentage!r}: give a number from 0 to 100")
        _mapped[0] = float(percentage)
    return before


def mapped_share() -> float:
    """The share of a memory-mapped file that counts, from 0 to 1."""
    return _mapped[0] / 100


def handlers() -> dict[int, Handler]:
    """Handlers by the id of their type; those of types that are gone are forgotten."""
    found = {}
    for key, (kind, handler) in list(_given.items()):
        if kind() is None:
            _given.pop(key, None)
        else:
            found[key] = handler
    return found


def _sizes(size: Callable[[Any], int] | None) -> Callable[[list[Any]], list[int]] | None:
    if size is None:
        return None
    return lambda items: [_checked(size(item)) for item in items]


def _checked(size: Any) -> int:
    if type(size) is not int or size < 0:
        raise ValueError(f"a handler gave the size {size!r}")
    return size


def _referents(
    referents: Callable[[Any], Iterable[Any]] | None,
) -> Callable[[list[Any]], list[Any]] | None:
    if referents is None:
        return None
    return lambda items: [one for item in items for one in referents(item)]


def _pairs(item: Any) -> list[Any]:
    return [*gc.get_referents(item), *item.keys(), *item.values()]


def _is_like_dict(kind: type) -> bool:
    return all(callable(getattr(kind, name, None)) for name in _MAPPING_METHODS)
