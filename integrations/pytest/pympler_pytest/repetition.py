"""Repetition: a body that is run again and again, which the procedure of a check judges."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest

from pympler.errors import ApplicationError
from pympler.leaks.check import LEAST_ROUNDS, Limits
from pympler.leaks.check.candidates import Key
from pympler.leaks.check.findings import Findings
from pympler.leaks.check.procedure import examine
from pympler.leaks.report import Suspect
from pympler.leaks.tracing import StoreTracer
from pympler.leaks.verdict import headline

__all__ = ["NotRepeatableError", "Repetition", "Verdict", "judge", "not_repeatable", "words_of"]

LIMITS = Limits()
"""How long what grows is watched."""

# The way to the value of a fixture leads through pytest's own list of tests.
_FIXTURE = re.compile(r"\S*\.funcargs\['(\w+)'\]")
_LONGEST = 200
_LEAKING = ("leak", "native")


class NotRepeatableError(ApplicationError):
    """The body of a test did something else when it was run again."""


class Repetition:
    """Runs a body again and again; what :func:`pympler.leaks.check.procedure.examine` drives.

    Args:
        run: runs the body once; what it raises is no leak.

    Attributes:
        requests: how often it was run.
    """

    def __init__(self, run: Callable[[], object]) -> None:
        self._run = run
        self.requests = 0

    def send(self, count: int) -> None:
        """Run the body this many times.

        Raises:
            NotRepeatableError: if it raises, skips, or fails.
        """
        run = self._run
        for _ in range(count):
            self.requests += 1
            try:
                run()
            except (pytest.exit.Exception, NotRepeatableError):
                raise
            except (Exception, pytest.skip.Exception, pytest.fail.Exception) as error:
                raise NotRepeatableError(_words(error, self.requests + 1)) from error

    def send_elsewhere(self, count: int) -> None:
        """There is nothing to compare with.

        Raises:
            LookupError: always.
        """
        raise LookupError("a test has no counterpart that does nothing")

    def settle(self) -> None:
        """Nothing goes on between two runs."""

    def wait(self, seconds: float) -> None:
        """Let time pass, and with it whatever goes by the clock."""
        time.sleep(seconds)

    @contextlib.contextmanager
    def traced(self, tracer: StoreTracer) -> Iterator[None]:
        """Trace the runs inside."""
        with tracer:
            yield


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the repetitions of a body showed.

    Attributes:
        headline: the verdict in one sentence; details: what it rests on, in lines.
        verdict: one of :data:`pympler.leaks.report.VERDICTS`, or ``"not repeatable"``.
        runs: how often the body was run.
        grown: see :class:`pympler.leaks.check.findings.Findings`.
    """

    verdict: str
    headline: str
    details: tuple[str, ...] = ()
    runs: int = 0
    grown: tuple[tuple[Key, float], ...] = ()

    @property
    def leaks(self) -> bool:
        """Whether it is a leak, in Python or native."""
        return self.verdict in _LEAKING

    @property
    def text(self) -> str:
        """The whole of it."""
        return "\n".join([self.headline, *(f"    {line}" for line in self.details)])


def judge(name: str, repetition: Repetition) -> Verdict:
    """Run a body until it is known whether it leaks.

    Args:
        name: of the body, for the headline.
        repetition: of the body, which has been run once and was fine.
    """
    try:
        # A check asks for no more of what it drives than a repetition has.
        found = examine(cast(Any, repetition), LEAST_ROUNDS, lambda text: None, LIMITS)
    except NotRepeatableError as error:
        return not_repeatable(name, error, repetition.requests)
    except ApplicationError as error:
        return Verdict("not repeatable", f"{name} could not be judged: it {error}")
    return _verdict(name, found, repetition.requests)


def not_repeatable(name: str, error: NotRepeatableError, runs: int) -> Verdict:
    """That a body cannot be judged, and what to do about it."""
    return Verdict(
        "not repeatable",
        f"{name} is not repeatable: it {error}",
        (
            "To find leaks the body of a test is run again and again with the same fixtures.",
            "Let it undo what it does, or test what it calls with leak_check(function).",
        ),
        runs,
    )


def _verdict(name: str, found: Findings, runs: int) -> Verdict:
    sentence = headline(
        route=name,
        method="",
        verdict=found.verdict,
        bytes_per_request=found.bytes_per_request,
        objects_per_request=found.objects_per_request,
        suspects=found.suspects,
        requests=runs,
    )
    details = [line for suspect in found.suspects[:3] for line in _details(suspect)]
    evidence = (*map(_in_words, details), f"run {runs:,} times")
    return Verdict(found.verdict, _in_words(sentence), evidence, runs, found.grown)


def _details(suspect: Suspect) -> Iterator[str]:
    yield f"held by {suspect.holder} ({suspect.type}): {suspect.evidence}".removesuffix(": ")
    if suspect.stored_at:
        yield f"stored at {suspect.stored_at}"


def _in_words(text: str) -> str:
    """What is said of requests, as it is said of the runs of a body and their fixtures."""
    text = text.replace(" per request", " per run").replace(" requests", " runs")
    return _FIXTURE.sub(r"fixture \1", text)


def words_of(error: BaseException) -> str:
    """An exception in one line that is not too long."""
    said = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {said[0]}" if said else type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _words(error: BaseException, number: int) -> str:
    if isinstance(error, pytest.skip.Exception):
        return f"was skipped when it was run for the {_ordinal(number)} time ({error.msg})"
    return f"raised when it was run for the {_ordinal(number)} time: {words_of(error)}"


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{'th' if number % 100 in (11, 12, 13) else ending}"
