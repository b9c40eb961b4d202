"""Watch: what is known of one test while it runs.

A leak is what outlives the test. What the repetitions of a body left behind is only accused when
another round, with fixtures made anew, has left as much behind after its teardown; what a list in a
fixture gathers is gone by then.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import time
import tracemalloc
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import pytest

from pympler.leaks.check.candidates import Key
from pympler.leaks.check.meter import malloc_reader, settle_process
from pympler.leaks.check.slots import read_slots
from pympler.leaks.containers import read_lengths
from pympler.util.sizes import format_bytes
from pympler_pytest.body import Body
from pympler_pytest.growth import growth_lines, growth_of
from pympler_pytest.limits import Limits, limits_of
from pympler_pytest.repetition import NotRepeatableError, Repetition, Verdict, judge, not_repeatable

__all__ = ["Watch"]

_WARM_UP, _RUNS_AT_ONCE, _MOST_RUNS, _LONGEST_S = 10, 200, 1000, 10.0
# Objects, blocks, bytes of malloc: setup and teardown keep some tens of objects now and then.
_LEAST_PER_RUN = (0.3, 0.3, 60.0)
_ENOUGH = (1000, 1000, 200_000)
_WRONG = Limits()

Reading = tuple[int, int, int]


class Watch:
    """Runs the body of a test as often as its markers ask for, and says what it found.

    Args:
        item: a test that is about to be set up.

    Attributes:
        runs: how often the body was run.
    """

    def __init__(self, item: pytest.Item) -> None:
        self._item = item
        self._problem = ""
        try:
            self._limits = limits_of(item)
        except ValueError as error:  # a marker that was added after the collection
            self._limits, self._problem = _WRONG, f"{item.nodeid}: {error}"
        self._leak: Verdict | None = None
        self._growth: Verdict | None = None
        self._body: Body | None = None
        self._peak_bytes = 0
        self._confirmation: Confirmation | None = None
        self.runs = 1

    # While the body runs.

    def all_runs(self) -> contextlib.AbstractContextManager[object]:
        """Around the first run and its repetitions."""
        if not self._limits.repeats:
            return contextlib.nullcontext()
        self._body = Body(self._item)
        return self._body.one_loop()

    @contextlib.contextmanager
    def first_run(self) -> Iterator[None]:
        """Around the run that any test has; measures its peak if there is a limit."""
        if self._limits.memory_bytes is None or self._confirmation is not None:
            yield
            return
        was_tracing = tracemalloc.is_tracing()
        if not was_tracing:
            tracemalloc.start()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        try:
            yield
        finally:
            if tracemalloc.is_tracing():  # the test may have ended it
                self._peak_bytes = tracemalloc.get_traced_memory()[1] - before
                if not was_tracing:
                    tracemalloc.stop()

    def repeat(self) -> None:
        """Repeat the body if that is asked for; called when it has run and did not raise."""
        body, self._body = self._body, None
        if body is None or getattr(self._item, "_excinfo", None):
            return
        repetition = Repetition(body)
        with body.repeating():
            if self._confirmation is not None:
                with contextlib.suppress(NotRepeatableError):
                    self._confirmation.repeat(repetition)
            else:
                self._judge(repetition)
                self.runs += repetition.requests

    def _judge(self, repetition: Repetition) -> None:
        name = self._item.nodeid
        allowed = self._limits.growth_bytes
        lines: tuple[str, ...] = ()
        grown = 0.0
        try:
            if allowed is not None:
                grown = growth_of(repetition)
                if grown > allowed:
                    lines = growth_lines(repetition)
        except NotRepeatableError as error:
            self._leak = not_repeatable(name, error, repetition.requests)
            return
        exceeds = allowed is not None and grown > allowed
        if self._limits.no_leaks or exceeds:
            self._leak = judge(name, repetition)
        if exceeds and allowed is not None and self._leak is not None:
            headline = (
                f"{name} grows by {format_bytes(grown)} per run, "
                f"at most {format_bytes(allowed)} are allowed"
            )
            found = () if self._limits.no_leaks else (self._leak.headline, *self._leak.details)
            details = (*lines, *found)
            self._growth = Verdict("leak", headline, details, repetition.requests, self._leak.grown)
            if not self._limits.no_leaks:
                self._leak = None

    # Afterwards.

    def accuses(self) -> bool:
        """Whether the repetitions left something behind that is not allowed."""
        return self._growth is not None or (self._leak is not None and self._leak.leaks)

    @contextlib.contextmanager
    def confirming(self) -> Iterator[None]:
        """Around a whole round of setup, body and teardown that confirms an accusation."""
        accused = (self._growth, self._leak)
        grown = {key: by for verdict in accused if verdict is not None for key, by in verdict.grown}
        confirmation = self._confirmation = Confirmation(grown)
        try:
            yield
        finally:
            self._confirmation = None
        if not confirmation.outlived():
            self._growth = None
            if self._leak is not None and self._leak.leaks:
                self._leak = None

    def failures(self) -> Iterator[str]:
        """Why the test fails, if it does."""
        if self._problem:
            yield self._problem
        allowed = self._limits.memory_bytes
        if allowed is not None and self._peak_bytes > allowed:
            yield (
                f"{self._item.nodeid} needs {format_bytes(self._peak_bytes)} at a time, "
                f"at most {format_bytes(allowed)} are allowed"
            )
        for verdict in (self._growth, self._leak):
            if verdict is not None and (verdict.leaks or verdict.verdict == "not repeatable"):
                yield verdict.text


class Confirmation:
    """Whether what some runs add is still there when their test has been torn down.

    Args:
        grown: what is accused, and by how much a run makes it longer. What it holds need not be
            new: a list to which the same text is added again and again takes eight bytes a time.
    """

    def __init__(self, grown: Mapping[Key, float] = MappingProxyType({})) -> None:
        self._grown = grown
        self._malloc = malloc_reader()
        self._at_first = self._read()
        self._lengths = self._read_lengths()
        self._runs = 0
        self._gained: Reading = (0, 0, 0)

    def repeat(self, repetition: Repetition) -> None:
        """Run the body until it has added enough to tell it from what a test adds by itself."""
        repetition.send(_WARM_UP)
        begun, begun_s = self._read(), time.monotonic()
        while self._runs < _MOST_RUNS and time.monotonic() - begun_s < _LONGEST_S:
            repetition.send(_RUNS_AT_ONCE)
            self._runs += _RUNS_AT_ONCE
            self._gained = _less(self._read(), begun)
            if any(gained >= enough for gained, enough in zip(self._gained, _ENOUGH, strict=True)):
                break

    def outlived(self) -> bool:
        """Whether it is there still; called after the teardown."""
        left = _less(self._read(), self._at_first)
        return self._are_longer() or any(
            gained >= least * self._runs > 0 and kept >= 0.5 * gained
            for gained, kept, least in zip(self._gained, left, _LEAST_PER_RUN, strict=True)
        )

    def _are_longer(self) -> bool:
        """Whether something accused was there before, is there still, and as much longer."""
        lengths = self._read_lengths()
        return any(
            lengths.get(key, 0) - before >= 0.5 * self._grown[key] * self._runs > 0
            for key, before in self._lengths.items()
        )

    def _read_lengths(self) -> dict[Key, int]:
        if not self._grown:
            return {}
        found: dict[Key, int] = {k: n for k, n in read_lengths().items() if k in self._grown}
        found.update((k, n) for k, n in read_slots().items() if k in self._grown)
        return found

    def _read(self) -> Reading:
        settle_process()
        return len(gc.get_objects()), sys.getallocatedblocks(), self._malloc()


def _less(one: Reading, other: Reading) -> Reading:
    return one[0] - other[0], one[1] - other[1], one[2] - other[2]
