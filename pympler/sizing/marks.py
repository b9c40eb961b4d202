"""Marks: how a walk knows what it has met, and the objects that nobody owns."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

__all__ = ["MARK_SHIFT", "marks_of", "shared_ids", "shared_marks"]

MARK_SHIFT = 4 if sys.maxsize > 2**32 else 3
"""No two objects are nearer to each other than this power of two, and a set of ids without the
bits that are always zero is twice as fast, because its places are better used."""


def marks_of(ids: Iterable[int]) -> set[int]:
    """The marks under which a walk knows objects with these ids."""
    return {key >> MARK_SHIFT for key in ids}


@lru_cache(maxsize=1)
def shared_ids() -> frozenset[int]:
    """Ids of the objects that the interpreter shares among all, which nobody owns."""
    single: list[Any] = [None, True, False, ..., NotImplemented, "", b"", (), frozenset()]
    single += [chr(code) for code in range(256)]
    single += [bytes([code]) for code in range(256)]
    single += [*_shared_ints(-1, -1), *_shared_ints(0, 1)]
    return frozenset(map(id, single))


def _shared_ints(number: int, step: int) -> Iterator[int]:
    while int(str(number)) is (shared := int(str(number))):
        yield shared
        number += step


@lru_cache(maxsize=1)
def shared_marks() -> frozenset[int]:
    """The marks of the objects that the interpreter shares among all."""
    return frozenset(marks_of(shared_ids()))
