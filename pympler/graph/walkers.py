"""Walkers of the extension that know the types which earlier walks over the heap have met."""

from __future__ import annotations

import weakref
from typing import Any

from pympler.graph.roots import is_own_kind
from pympler.sizing.compiled import new_walker
from pympler.sizing.kinds import kind_of
from pympler.sizing.shallow import EVERYTHING
from pympler.sizing.taught import BY_NATURE, OWN, Lesson, teach, teach_mode

__all__ = ["learn", "taught_walker"]

_lessons: dict[int, tuple[weakref.ref[type], Lesson]] = {}
"""What walkers were told of types before, by id of the type; those that are gone are forgotten."""


def taught_walker() -> Any:
    """A new walker that knows the types that earlier ones have met."""
    walker = new_walker()
    for key, (find, lesson) in list(_lessons.items()):
        kind = find()
        if kind is None:
            _lessons.pop(key, None)
        else:
            walker.teach(kind, *lesson)
    return walker


def learn(walker: Any, samples: list[Any]) -> bool:
    """Teach a walker the types of these objects, and remember it; whether one is Pympler's own."""
    own = False
    for item in samples:
        kind = type(item)
        if is_own_kind(kind):
            lesson = teach_mode(walker, kind, OWN)
            own = True
        else:
            lesson = teach(walker, kind_of(kind, EVERYTHING), item, follow=BY_NATURE)
        _lessons[id(kind)] = (weakref.ref(kind), lesson)
    return own
