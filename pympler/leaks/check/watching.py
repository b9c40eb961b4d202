"""Watching: candidates are seen to grow for much longer, weighed, and traced to their lines."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import replace

from pympler.errors import ApplicationError
from pympler.leaks.check.allowance import MOST_TRACED, ROUND, Allowance
from pympler.leaks.check.candidates import Candidate, rank
from pympler.leaks.check.confirm import Limits, confirm
from pympler.leaks.check.findings import Watched
from pympler.leaks.check.meter import settle_process
from pympler.leaks.check.sender import Sender
from pympler.leaks.containers import tracked_ids
from pympler.leaks.tracing import StoreTracer

__all__ = ["Progress", "Watching", "not_ours", "old_ids", "share"]

Progress = Callable[[str], None]
"""Is called with a few words on what is done now."""


class Watching:
    """How candidates are watched.

    Args:
        sender: sends the requests meanwhile.
        progress: is told how far it is.
        limits: how long each is watched.
        allowance: what is left for all of them.
    """

    def __init__(
        self, sender: Sender, progress: Progress, limits: Limits, allowance: Allowance
    ) -> None:
        self._sender = sender
        self._progress = progress
        self._limits = limits
        self._allowance = allowance

    def confirm(self, candidates: list[Candidate], reserved: int = 0) -> Watched:
        """Confirm candidates, weigh them and trace the lines that store.

        Args:
            candidates: what may leak.
            reserved: requests that must be left afterwards.
        """
        if not candidates:
            return Watched([], [])
        sender = self._sender
        old = old_ids(sender)
        known = {one: frozenset(map(id, one.entries())) for one in candidates}
        begun = {one: one.length() or 0 for one in candidates}
        sent = confirm(
            candidates,
            sender.send,
            sender.wait,
            lambda done, of: self._progress(f"watching what grows, {done:,} of {of:,} requests"),
            replace(self._limits, longest_s=self._allowance.seconds()),
            self._allowance.requests() - reserved,
        )
        if not sent:  # all of them declare a bound; see what an entry weighs
            sent = ROUND
            sender.send(ROUND)
        sender.settle()
        settle_process()
        candidates = _one_of_each(candidates)
        leaks = rank([one for one in candidates if one.verdict == "leak"], known, old)
        kept = [one for one in candidates if one.verdict == "bounded" and not one.was_emptied]
        bounded = rank(kept, known, old)
        for one in (*leaks, *bounded):
            share(one, begun[one], sent)
        bounded += self._weigh_emptied([one for one in candidates if one.was_emptied])
        self._trace(leaks)
        return Watched(leaks, bounded)

    def _weigh_emptied(self, candidates: list[Candidate]) -> list[Candidate]:
        """Weigh what was emptied by what a few more requests put into it.

        What is in it since then may lie where objects lay that were known, and pass for them.
        """
        if not candidates:
            return []
        old = old_ids(self._sender)
        known = {one: frozenset(map(id, one.entries())) for one in candidates}
        begun = {one: one.length() or 0 for one in candidates}
        self._sender.send(ROUND)
        self._sender.settle()
        settle_process()
        found = rank(candidates, known, old)
        for one in found:
            share(one, begun[one], ROUND)
        return found

    def _trace(self, leaks: list[Candidate]) -> None:
        """Find the lines that store, in a few traced requests."""
        if not leaks:
            return
        self._progress("looking for the line that stores")
        needed = math.ceil(min(max(5, 3 / max(leaks[0].growth, 0.01)), MOST_TRACED))
        tracer = StoreTracer({one: one.length for one in leaks[:5]})
        # A leak that is confirmed stays one if the application fails now.
        with contextlib.suppress(ApplicationError), self._sender.traced(tracer):
            for number in range(MOST_TRACED):
                self._sender.send(1)
                lines = tracer.lines()
                if all(lines.values()) or (number + 1 >= needed and lines[leaks[0]]):
                    break
        for one, line in tracer.lines().items():
            one.stored_at = not_ours(line)  # type: ignore[attr-defined]
        _put_known_line_first(leaks, tracer.of_application)


def _one_of_each(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Of a container and the slot that it stands in only what tells more.

    That is the slot if the container was replaced by longer copies of itself.
    """
    chosen: dict[str, Candidate] = {}
    for one in sorted(candidates, key=lambda one: (one.verdict != "leak", one.is_slot)):
        chosen.setdefault(one.path, one)
    return [one for one in candidates if chosen[one.path] is one]


def _put_known_line_first(leaks: list[Candidate], named: Collection[Hashable]) -> None:
    """Of two that keep the same, name the one that a line of the application adds to."""
    first = leaks[0]
    if first in named:
        return
    for one in leaks[1:]:
        alike = one.application == first.application and 2 * one.reached_bytes > first.reached_bytes
        if one in named and alike:
            leaks.remove(one)
            leaks.insert(0, one)
            one.bytes_per_request, first.bytes_per_request = (
                max(one.bytes_per_request, first.bytes_per_request),
                min(one.bytes_per_request, first.bytes_per_request),
            )
            return


def share(one: Candidate, begun: int, sent: int) -> None:
    """Turn what a candidate keeps into figures per request."""
    length = one.length() or 0
    added = max(length - begun, 0)
    requests: float = sent
    if one.verdict == "bounded" and not one.was_emptied:
        # What is in it now came with this many requests.
        requests = max(min(sent, length / one.growth if one.growth else sent), 1)
    table_bytes = one.table_bytes() * added / max(length, 1)
    one.bytes_per_request = (one.bytes_per_request + table_bytes) / requests
    one.objects_per_request /= requests


def old_ids(sender: Sender) -> frozenset[int]:
    """The ids of all objects that are there now, once nothing of the requests runs any more."""
    # What is garbage now must be gone first, because new objects would take over its ids.
    sender.settle()
    settle_process()
    return tracked_ids()


def not_ours(line: str | None) -> str | None:
    """A line of the application, ``None`` for one of the driver."""
    # Which it is where no Python code of the application was running.
    return None if line is None or line.startswith(("pympler/", "pympler_pytest/")) else line
