"""Suspects: holders that are watched by their length until they are cleared or confirmed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from pympler.leaks.evidence import (
    BLOCKS,
    LEAST_GROWTH,
    LEAST_SHARED_GROWTH,
    Lengths,
    confirmation_requests,
)
from pympler.leaks.holders import Holder
from pympler.leaks.lengths import length_reader, parts_of
from pympler.leaks.report import Suspect
from pympler.leaks.templates import may_serve

__all__ = ["LiveSuspect", "RouteKey"]

RouteKey = tuple[str, str]
"""Method and route template."""

_MOST_DELTAS = 200
_LEAST_DELTAS = 3
_LIKELY_SHARE = 0.25
_EXPLAINED, _MOST_EXPLAINED = 0.5, 3.0
_TIMES_BY_CHANCE = 4.0
_MOST_TRACES = 2000
# Of so many requests such a share is traced: all at first, then fewer and fewer.
_TRACED = ((3, 1.0), (100, 0.25), (500, 0.1), (_MOST_TRACES, 0.03))
_LONG_ENOUGH = 200
_UNPROVEN_TIMES = 3
_LEAST_ENTRIES = 400  # as many as requests of its route, where that is known
_LEAST_IN_EACH = 50
_LONGEST_LIFETIME_S = 3600.0  # what a clock empties is given time, within reason
# A verdict can be looked up as soon as there is one and may be taken back, but who is called at
# night wants to be sure: caches of up to a thousand entries are common, and full by then.
_SURE_REQUESTS, _SURE_ENTRIES, _LONG_WATCHED = 1500, 1100, 10_000


@dataclass(slots=True, eq=False)
class LiveSuspect:
    """One holder under watch.

    Attributes:
        key: the route that made it suspicious.
        exact: whether that route was alone in flight when it did. If not, the suspect is
            judged by the requests of all routes.
        groups: survivors by window that led to it; looked for again if it has no length.
        verdict: ``None`` while it is watched, then ``"leak"``, ``"bounded"`` or ``"gone"``.
        stored_at: the line that adds to it.
        traces: requests so far in which it was wished to look for that line.
        elsewhere: requests so far in which it grew outside of all lines of the application.
        lines: how often each line was seen to add to it.
        deltas: by route the number of requests, and by how much it grew in them for certain.
        likely: likewise, where a thread beside may have added to it, and how much was removed.
        since: how many requests of a route there were when it was first seen to add to it;
            until: when its length was read last.
        is_passed_through: whether what is added to it is mostly removed again, later and by others.
        bound: the most entries that it will have, once it is bounded.
        targets: the routes whose requests are traced for the line, none if it is not known which.
        began_s: when it began to be watched, by the monotonic clock.
    """

    key: RouteKey
    exact: bool
    holder: Holder
    groups: Sequence[frozenset[int]]
    first_requests: int
    needed_requests: int
    lengths: Lengths | None
    verdict: str | None = None
    evidence: str = ""
    stored_at: str | None = None
    traces: int = 0
    elsewhere: int = 0
    lines: Counter[str] = field(default_factory=Counter)
    deltas: dict[RouteKey, tuple[int, int]] = field(default_factory=dict)
    likely: dict[RouteKey, tuple[int, int, int]] = field(default_factory=dict)
    since: dict[RouteKey, int] = field(default_factory=dict)
    until: dict[RouteKey, int] = field(default_factory=dict)
    is_passed_through: bool = False
    bound: int | None = None
    targets: tuple[RouteKey, ...] = ()
    began_s: float = field(default_factory=time.monotonic)

    @classmethod
    def watch(
        cls,
        key: RouteKey,
        holder: Holder,
        groups: Sequence[frozenset[int]],
        requests: int,
        *,
        exact: bool,
        suspected_after: int,
    ) -> LiveSuspect:
        """Begin to watch a holder, after this number of requests of its route."""
        needed = confirmation_requests(suspected_after)
        lengths = None
        if holder.length is not None and holder.handle is not None:
            # One route among many adds little per request of all of them.
            least = LEAST_GROWTH if exact else LEAST_SHARED_GROWTH
            block = max(needed // BLOCKS, 1)
            lengths = Lengths(block, requests, holder.length, least_growth=least)
        suspect = cls(key, exact, holder, groups, requests, needed, lengths)
        if holder.bound is not None:
            suspect.verdict, suspect.bound = "bounded", holder.bound
            suspect.evidence = f"declares a bound of {holder.bound}"
        return suspect

    def length(self) -> int | None:
        """Its length now, ``None`` if it has none or is gone."""
        if self.lengths is None or self.holder.handle is None:
            return None
        item = self.holder.handle.resolve()
        return None if item is None else self.holder.measure(item)

    def reader(self) -> Callable[[], int | None]:
        """A function that gives its length at once; keeps the holder alive."""
        item = self.holder.handle.resolve() if self.lengths and self.holder.handle else None
        read = length_reader(type(item))
        if item is None or not self.holder.parts:
            return _no_length if read is None else partial(read, item)
        counted = [(length_reader(type(part)), part) for part in (item, *parts_of(item))]
        readers = [partial(read, part) for read, part in counted if read is not None]
        return lambda: sum(read() for read in readers)

    @property
    def reads(self) -> int:
        """How many lengths are read for its own."""
        return 1 + self.holder.parts

    def read(self, requests: int, length: int | None) -> bool:
        """Take its length after this number of requests of its route.

        Returns:
            Whether its verdict has changed.
        """
        before = self.verdict
        if self.lengths is None:
            return False
        bound = self.holder.bound
        if bound is not None and (not self.holder.parts or length is None or length <= bound):
            return False
        if bound is not None:  # that of its parts, of which there are more and more
            self.holder = replace(self.holder, bound=None)
            self.verdict, self.bound, self.evidence = None, None, ""
        if length is None:
            self.verdict, self.evidence = "gone", "the holder is no longer where it was"
        else:
            self.lengths.read(requests, length)
            self._judge(self.lengths)
        return self.verdict != before

    def _judge(self, lengths: Lengths) -> None:
        judged = lengths.judge()
        if judged == "growing":
            self._judge_growing(lengths)
        elif judged == "bounded":
            self.verdict, self.bound = "bounded", lengths.most
            self.evidence = f"stopped growing at {lengths.most}"

    def _judge_growing(self, lengths: Lengths) -> None:
        if self.exact and self.deltas.get(self.key, (0, 0))[0] < _LEAST_DELTAS:
            return  # it grows, but no request of this route was seen to add to it
        gained = lengths.last_length - lengths.first_length
        if not self.exact and gained < _LEAST_ENTRIES and lengths.requests < _LONG_WATCHED:
            return  # of one route among many it may be a small cache that fills
        parts = self.holder.parts
        if gained < _LEAST_IN_EACH * parts:
            return  # so may be the last few of each of several things
        declared = self.holder.declared.bound(lengths.last_length // max(parts, 1))
        if declared is not None:
            self.verdict, (self.bound, self.evidence) = "bounded", declared
        elif time.monotonic() - self.began_s >= min(
            self.holder.declared.gone_after_s, _LONGEST_LIFETIME_S
        ):
            self.verdict, self.bound = "leak", None
            self.evidence = f"no bound seen in {lengths.requests} requests"
            if parts:
                self.evidence += f", spread over {parts} containers"

    def confirm_held(self, found: int, windows: int) -> None:
        """Judge a holder without a length by the windows of which it still holds a survivor."""
        if windows and found >= 0.8 * windows:
            self.verdict = "leak"
            self.evidence = f"what {self.needed_requests} requests ago left is still held"
        else:
            self.verdict, self.evidence = "bounded", "lets go of what it holds later"

    def add_delta(self, key: RouteKey, delta: int, requests: int = 0) -> None:
        """Take by how much it grew in one request of this number, by nothing else."""
        self.since.setdefault(key, requests)
        count, total = self.deltas.get(key, (0, 0))
        if count >= _MOST_DELTAS:
            count, total = count // 2, total // 2
        self.deltas[key] = (count + 1, total + delta)

    def add_likely(self, key: RouteKey, delta: int, *, removed: int = 0, requests: int = 0) -> None:
        """Take by how much it grew in one request, most probably by nothing else.

        Args:
            key: the route.
            delta: what was added and not removed again.
            removed: what was.
            requests: the number of this request among those of its route.
        """
        self.since.setdefault(key, requests)
        count, total, gone = self.likely.get(key, (0, 0, 0))
        if count >= _MOST_DELTAS:
            count, total, gone = count // 2, total // 2, gone // 2
        self.likely[key] = (count + 1, total + delta, gone + removed)

    def is_fed_by(self, key: RouteKey) -> bool:
        """Whether requests of this route were seen to add to it what stays."""
        if self.is_passed_through:
            return False
        count, total = self.deltas.get(key, (0, 0))
        is_own = self.exact and key == self.key
        if count < _LEAST_DELTAS and not is_own:
            return self._is_likely(key)
        if count < _LEAST_DELTAS or (is_own and self.verdict != "leak"):
            return is_own
        return total >= LEAST_GROWTH * count

    def _is_likely(self, key: RouteKey) -> bool:
        """Whether what grew at the lines of this route's requests is no coincidence.

        Now and then another thread adds to it just then. Such requests are few among those of a
        route; and the routes that do feed it explain together how fast it grows. Where requests
        remove what they have added, now the one is missed and now the other.
        """
        seen = {route: self._seen(route) for route in {*self.likely, *self.deltas}}
        rates = {
            route: total / count
            for route, (count, total, gone) in seen.items()
            if count >= _LEAST_DELTAS and total >= max(_LEAST_DELTAS, _TIMES_BY_CHANCE * gone**0.5)
        }
        rate = rates.get(key, 0.0)
        if rate < LEAST_GROWTH or rate < _LIKELY_SHARE * max(rates.values()):
            return False
        if self.exact or self.lengths is None:
            return True
        traced = sum(count for count, _, _ in seen.values())
        grown = sum(seen[route][1] for route in rates)
        return grown >= _EXPLAINED * self.lengths.growth_per_request * traced

    def _seen(self, key: RouteKey) -> tuple[int, int, int]:
        """All requests of a route that tell something: how many, what they added and removed."""
        count, total = self.deltas.get(key, (0, 0))
        likely, grown, gone = self.likely.get(key, (0, 0, 0))
        return count + likely, total + grown, gone

    def explain(self) -> None:
        """Compare what the routes were seen to add with what has stayed.

        All requests may leave something in a queue that others work off, and those of one route
        what nobody takes out again: which one that is does not show in what they add.
        """
        self.is_passed_through = False
        if self.verdict != "leak" or self.lengths is None:
            return
        added = 0.0
        for route in {*self.deltas, *self.likely}:
            if self.is_fed_by(route):
                fresh = self.until.get(route, 0) - self.since.get(route, 0)
                added += self.growth_per_request(route) * max(fresh, 0)
        gained = self.lengths.last_length - self.lengths.first_length
        self.is_passed_through = added > _MOST_EXPLAINED * max(gained, _LEAST_ENTRIES)

    @property
    def has_route(self) -> bool:
        """Whether it is known which route feeds it."""
        return self.exact or any(map(self.is_fed_by, {*self.deltas, *self.likely}))

    def is_mistaken(self) -> bool:
        """Whether it turned out that the route which made it suspicious adds nothing to it.

        Ids that were reused lead from what a route left and let go of to what another one keeps.
        """
        count, total = self.deltas.get(self.key, (0, 0))
        if self.verdict is not None or not self.exact or self.lengths is None:
            return False
        if count >= _LEAST_DELTAS:
            return total == 0
        return self.lengths.requests >= _UNPROVEN_TIMES * self.needed_requests

    def growth_per_request(self, key: RouteKey) -> float:
        """Entries that a request of this route adds."""
        for count, total, *_ in (self.deltas.get(key, (0, 0)), self._seen(key)):
            if count >= _LEAST_DELTAS:
                return total / count
        return self.lengths.growth_per_request if self.lengths is not None else 0.0

    @property
    def lacks_line(self) -> bool:
        """Whether to look for the line that adds to it, and for the route whose line that is."""
        can_be_found = self.lengths is not None and self.traces < _MOST_TRACES
        is_known = self.stored_at is not None and (self.has_route or self.is_passed_through)
        return self.verdict == "leak" and can_be_found and not is_known

    def aim(self) -> None:
        """Choose the routes whose requests are traced for the line that adds to it."""
        known = {self.key} if self.exact else set()
        self.targets = tuple(filter(self.is_fed_by, known.union(self.deltas, self.likely)))

    def may_be_fed_at(self, method: str, path: str | None) -> bool:
        """Whether a request that begins may add to it, as far as its method and path tell."""
        if path is None or not self.targets or self.traces > _LONG_ENOUGH:
            return True
        return any(
            (not method or verb in ("", method)) and may_serve(route, path)
            for verb, route in self.targets
        )

    @property
    def is_fed_by_libraries(self) -> bool:
        """Whether it seems that no line of the application adds to it."""
        return not self.lines and self.elsewhere >= _LEAST_DELTAS

    def wants_trace(self, chance: float) -> bool:
        """Whether to look in the next request for the line; counts the wish.

        At first in each request, later in fewer, drawn by a chance from 0.0 to 1.0 so that no
        periodic traffic hides a route.
        """
        self.traces += 1
        shares = (share for until, share in _TRACED if self.traces <= until)
        return chance < next(shares, 0.0)

    def take_line(self, line: str | None, *, alone: bool) -> None:
        """Take the line that a traced request showed.

        Seen once is enough if no other request was in flight; otherwise a line must be seen
        twice, and most often.
        """
        if line is None:
            return
        self.lines[line] += 1
        likely, times = self.lines.most_common(1)[0]
        if alone or times > 1:
            self.stored_at = line if alone else likely

    def is_complete(self, deep: str | float) -> bool:
        """Whether it was watched for long, and its line is known or not going to be soon."""
        if self.lengths is None:
            return True
        if not self._is_sure(self.lengths):
            return False
        if deep == "never":
            return True
        if self.stored_at is not None and (self.has_route or self.is_passed_through):
            return True
        return self.traces > (_LONG_ENOUGH if self.has_route else _MOST_TRACES - 1)

    def _is_sure(self, lengths: Lengths) -> bool:
        if lengths.requests < _SURE_REQUESTS:
            return False
        # Requests of all routes count where it is not known whose they are.
        gained = lengths.last_length - lengths.first_length
        return gained >= _SURE_ENTRIES or lengths.requests >= _LONG_WATCHED

    def describe(self, key: RouteKey, bytes_per_request: float) -> Suspect:
        """The suspect as plain data, as seen from one route."""
        return Suspect(
            holder=self.holder.path,
            type=self.holder.type,
            growth_per_request=round(self.growth_per_request(key), 3),
            bytes_per_request=bytes_per_request,
            stored_at=self.stored_at,
            evidence=self.evidence,
            bound=self.bound,
        )


def _no_length() -> None:
    return None
