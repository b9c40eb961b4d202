"""Callbacks of the garbage collector: what is called before it, and taken out again."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["before_full_collections", "remove_callback"]


def remove_callback(callback: object) -> None:
    """Take a callback out of ``gc.callbacks``, if it is there.

    By identity: other callbacks may have an ``__eq__`` of their own.
    """
    for place, one in enumerate(gc.callbacks):
        if one is callback:
            del gc.callbacks[place]
            return


@contextmanager
def before_full_collections(let_go: Callable[[], object]) -> Iterator[None]:
    """Have this called within the block when a full collection starts.

    What is held then survives it, and if it is garbage has to wait for the next one, which in a
    large heap is far off.
    """

    def callback(phase: str, info: dict[str, int]) -> None:
        if phase == "start" and info["generation"] == 2:
            let_go()

    gc.callbacks.append(callback)
    try:
        yield
    finally:
        remove_callback(callback)
