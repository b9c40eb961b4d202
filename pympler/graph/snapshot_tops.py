"""Where a snapshot begins: what lives by itself, and what is Pympler's own and left out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextvars import Context
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from pympler.graph.roots import (
    Held,
    Root,
    children,
    is_own_frame,
    is_own_module,
    module_namespace,
    root_phases,
    running_frames,
)

__all__ = ["Beginning", "TopObject", "begin", "own_locals"]


@dataclass(frozen=True, slots=True, eq=False)
class TopObject:
    """An object that lives by itself, what it is called, and whether it is of the interpreter."""

    item: Any
    label: str
    is_machinery: bool


@dataclass(frozen=True, slots=True, eq=False)
class Beginning:
    """What a walk over the whole heap starts from. Holds objects: keep it no longer than the walk.

    Attributes:
        phases: tops, in the order in which a way from them is preferred.
        own: what is Pympler's own, and left out with all that nothing else leads to.
        frames: what frames that run hold, by the id of the frame: gc does not tell it.
        familiar: modules and their namespaces.
    """

    phases: list[list[TopObject]]
    own: list[Any]
    frames: dict[int, list[Any]]
    familiar: list[Any]

    def let_go(self) -> None:
        """Hold nothing any more: frames of ours hold this in turn."""
        for held in (self.phases, self.own, self.frames, self.familiar):
            held.clear()


def begin() -> Beginning:
    """The tops of the heap as they are now."""
    own: list[Any] = []
    familiar: list[Any] = []
    for name, module in list(sys.modules.items()):
        if issubclass(type(module), ModuleType):
            pair = [module, module_namespace(module)]
            (own if is_own_module(name) else familiar).extend(pair)
    frames: dict[int, list[Any]] = {}
    for _, frame in running_frames():
        if is_own_frame(frame):
            own.append(frame)
        else:
            frames[id(frame)] = children(frame)
    phases = [list(_tops(phase)) for phase in root_phases()]
    return Beginning(phases, own, frames, familiar)


def _tops(phase: list[Root]) -> Iterator[TopObject]:
    for root in phase:
        made = type(root.item) is Held or type(root.item) is Context
        # What stands for a root is made for the walk; what it refers to is the program's.
        for item in children(root.item) if made else [root.item]:
            yield TopObject(item, root.label, root.is_machinery)


def own_locals() -> list[Any]:
    """What Pympler's own frames that run hold in their variables."""
    return [
        item for _, frame in running_frames() if is_own_frame(frame) for item in children(frame)
    ]
