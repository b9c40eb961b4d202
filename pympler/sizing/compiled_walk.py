"""The walk with most of its work done by the extension; the results are those of Python's walk.

Level by level, objects of types that need Python are handed back and handled as
:class:`~pympler.sizing.python_walk.Walk` handles all of them: those with handlers of the user's,
with a ``__sizeof__`` written in Python, with referents that gc does not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from pympler.sizing.compiled import extension, new_walker
from pympler.sizing.flat import int_bytes
from pympler.sizing.kinds import Rules, kind_of
from pympler.sizing.marks import marks_of, shared_ids
from pympler.sizing.python_walk import Budget, Measured, Outcome, Walk
from pympler.sizing.taught import teach, teach_basics
from pympler.util.parts import parts

__all__ = ["CompiledWalk"]


@lru_cache(maxsize=1)
def _shared_marks() -> Any:
    return extension().Marks(list(shared_ids()))


class CompiledWalk(Walk):
    """The state of one walk of the extension; see :class:`~pympler.sizing.python_walk.Walk`."""

    __slots__ = ("_alone", "_begun", "_walker")

    def __init__(self, rules: Rules, align: int, limit: int | None, budget: Budget) -> None:
        # Not super(): dataclass(slots=True) makes another class of this one's base.
        Walk.__init__(self, rules, align, limit, budget, set())
        least = int_bytes(0) if align < 8 else 0
        self._walker = new_walker(_shared_marks(), max(align, 1), least)
        self._begun = [0]
        self._alone = False

    def run(self, groups: Sequence[Sequence[Any]]) -> Measured:
        """Walk from groups of objects; once for each walk."""
        most, timeout_s = self.budget.max_objects, self.budget.timeout_s
        self._walker.budget(
            -1 if most is None else int(most), -1.0 if timeout_s is None else float(timeout_s)
        )
        if not self.rules.excluded and not self.rules.handlers:
            teach_basics(self._walker)
        self._alone = len(groups) == 1
        return Walk.run(self, groups)

    def fresh(self, items: list[Any]) -> list[Any]:
        """Of these objects, those that were not seen before, each once."""
        found: list[Any] = self._walker.fresh(items)
        self.seen.update(marks_of(map(id, found)))
        return found

    def mark(self, item: Any) -> None:
        """Let an object count as seen."""
        self._walker.mark([item])
        Walk.mark(self, item)

    def _learn(self, samples: list[Any]) -> None:
        """Teach the walker the types of these objects."""
        for item in samples:
            teach(self._walker, self.kind(item), item)

    def spread(self, level: list[Any], outcome: Outcome) -> None:
        """Count these objects, none of them counted before, and all that they refer to."""
        walker = self._walker
        before = walker.bytes
        limit = -1 if self.limit is None else int(self.limit)
        depth = 0
        while samples := walker.look(level):  # so that fewer are handed back as unknown
            self._learn(samples)
        while level and not self.stopped:
            parked, unknown, samples, following, depth = walker.walk(
                level, depth, limit, True, self._alone
            )
            self.deepest = max(self.deepest, depth)
            while (parked or unknown) and not self._has_stopped():
                self._learn(samples)
                more: list[Any] = []
                for kind, items in self._by_kind(parked):
                    for part in parts(items, self.most_at_once):
                        if self._is_over():
                            break
                        self.count(kind, part, outcome)
                        if not 0 <= limit <= depth and kind.referents is not None:
                            self.follow(kind, part, more, outcome)
                following += self.fresh(more)
                self._note(outcome)
                # What was unknown goes through the walker once more, now that it is taught.
                deep = not following
                parked, unknown, samples, more, depth = walker.walk(
                    unknown, depth, limit, deep, self._alone and deep
                )
                self.deepest = max(self.deepest, depth)
                following += more
            level = following
            depth += 1
            self._has_stopped()
        outcome.total += walker.bytes - before
        self._begun.append(walker.mappings)

    def _has_stopped(self) -> bool:
        if self._walker.stopped and not self.stopped:
            self.stopped = "max_objects" if self._walker.stopped == 1 else "timeout_s"
        return bool(self.stopped)

    def _note(self, outcome: Outcome) -> None:
        """Tell the walker of the dictionaries and namespaces that were met in Python."""
        mappings = [one for some in outcome.mappings for one in some]
        outcome.mappings.clear()
        self._walker.note(mappings, list(self.namespaces))
        self.namespaces.clear()

    def finish(self, outcomes: Sequence[Outcome]) -> None:
        """Count what had to wait until everything was reached."""
        walker = self._walker
        if walker.mappings and id(str) not in self.kinds:
            self._learn([""])  # of which their keys are
        for place, outcome in enumerate(outcomes):
            before = walker.bytes
            if place + 1 < len(self._begun) and not self.stopped:
                walker.add_keys(self._begun[place], self._begun[place + 1])
                self._has_stopped()
            outcome.total += walker.bytes - before
        for outcome in outcomes:
            self._ask_late(outcome)
        for kind, objects, size in walker.tally():
            if objects:
                made = self.kinds.setdefault(id(kind), kind_of(kind, self.rules))
                made.objects += objects
                made.bytes += size
        self.objects += walker.objects
