"""Investigation: from "every window of this route leaves something" to a confirmed suspect.

The monitor calls the methods under its lock, but for :meth:`Investigation.search`, which takes
as long as a heap walk and is called in the background.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pympler.leaks.attribution import RouteHistory, Routes
from pympler.leaks.budget import WalkCost
from pympler.leaks.callers import package_folder
from pympler.leaks.counters import CounterReadings
from pympler.leaks.evidence import WindowResult
from pympler.leaks.holders import Holder, HolderSearch, find_holders
from pympler.leaks.report import RouteSummary, Suspect, TypeCount
from pympler.leaks.scan import GrowthScan
from pympler.leaks.steps import RequestSteps
from pympler.leaks.suspects import LiveSuspect, RouteKey
from pympler.leaks.tracing import StoreTracer

__all__ = ["Investigation", "Search"]

_MOST_SUSPECTS = 50
_MOST_AT_ONCE = 20
_SHARE_OF_AIMLESS = 0.1
_SHARE_OF_LIBRARIES = 0.1  # a trace of their lines too takes ten times as long
_NO_ROUTE: RouteKey = ("", "")  # what feeds a container that a scan has found is not known yet


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """A holder search to be done: for a route, or once more for a suspect without a length."""

    history: RouteHistory
    groups: list[frozenset[int]]
    exact: bool
    again: LiveSuspect | None = None


class Investigation:
    """The histories of the routes and the suspects under watch.

    Attributes:
        seeking: confirmed suspects whose line is looked for.
        confirmed: those that nobody was told of yet.
        counters: readings of the process.
        lacking: why the heap is not walked for want of memory, empty if it is.
        scan: finds what no window shows.
        walk_cost: of a search for holders.

    Args:
        deep: the setting of that name.
        ignores: whether a route is not to be reported.
    """

    def __init__(
        self, deep: str | float, ignores: Callable[[str], bool] = lambda route: False
    ) -> None:
        self.routes = Routes()
        self.suspects: list[LiveSuspect] = []
        self.seeking: list[LiveSuspect] = []
        self.confirmed: list[LiveSuspect] = []
        self.counters = CounterReadings()
        self.lacking = ""
        self.scan = GrowthScan()
        self._deep = deep
        self._ignores = ignores
        self._random = random.Random()
        self.walk_cost = WalkCost()

    def record(self, key: RouteKey, result: WindowResult, survivors: tuple[TypeCount, ...]) -> None:
        """Take a re-checked window of a route."""
        self.routes.of(key).add(result, survivors)

    # Suspects are watched by their length at both ends of each window.

    def lengths(self) -> dict[LiveSuspect, int | None]:
        """The lengths of all suspects now."""
        return {
            suspect: suspect.length()
            for suspect in self.suspects
            if suspect.lengths is not None and suspect.verdict != "gone"
        }

    def read_lengths(
        self,
        key: RouteKey,
        before: Mapping[LiveSuspect, int | None],
        *,
        alone: bool,
        steps: RequestSteps | None = None,
    ) -> None:
        """Read the lengths at the end of a window of this route.

        Args:
            key: the route.
            before: what :meth:`lengths` said at the start of the window.
            alone: whether no other request was in flight.
            steps: the steps of the request, if nothing else ran in them.
        """
        if not self.suspects:
            return
        changed = False
        for suspect, length in self.lengths().items():
            start = before.get(suspect)
            history = self.routes.of(key)
            route, requests = history.key, history.requests
            if alone and length is not None and start is not None:
                suspect.add_delta(route, length - start, requests)
            elif steps is not None and suspect in steps.grown:
                suspect.add_delta(route, steps.grown[suspect], requests)
            if suspect.read(self._requests(suspect.key, exact=suspect.exact), length):
                changed = True
                self._note(suspect)
            if suspect.verdict == "leak":
                known = {*suspect.deltas, *suspect.likely}
                suspect.until = {one: self.routes.of(one).requests for one in known}
        for suspect in self.suspects:
            if suspect.is_mistaken():
                self._watch_anew(suspect)
                break  # one at a time: the list has changed
        if changed:
            # What is gone may be found anew, in another place.
            self.suspects = [suspect for suspect in self.suspects if suspect.verdict != "gone"]
            self._seek()

    def _note(self, suspect: LiveSuspect) -> None:
        if suspect.verdict == "leak":
            self.confirmed.append(suspect)

    def _seek(self) -> None:
        self._explain()
        wanted = self.suspects if self._deep != "never" else []
        self.seeking = [suspect for suspect in wanted if suspect.lacks_line]
        for suspect in self.seeking:
            suspect.aim()

    def _explain(self) -> None:
        for suspect in self.suspects:
            suspect.explain()

    # The search for holders.

    def next_searches(self) -> list[Search]:
        """What to search for in the next walk: one finds the holders of several routes."""
        searches = []
        for suspect in self.suspects:
            if suspect.lengths is not None or suspect.verdict is not None:
                continue
            history = self.routes.of(suspect.key)
            requests = self._requests(suspect.key, exact=suspect.exact)
            if requests - suspect.first_requests >= suspect.needed_requests:
                searches.append(Search(history, list(suspect.groups), suspect.exact, again=suspect))
        # Windows that overlap see much of the same, whatever their route: what one walk has found
        # for all of them is decided before the next.
        undecided = any(
            not one.exact and one.verdict is None and one.key != _NO_ROUTE for one in self.suspects
        )
        for history in self.routes:
            if len(self.suspects) >= _MOST_SUSPECTS or len(searches) >= _MOST_AT_ONCE:
                break
            if history.is_suspicious():
                exact = all(result.exact for result in history.usable())
                if exact or not undecided:
                    searches.append(Search(history, history.groups(), exact))
        return searches

    def search(self, searches: list[Search]) -> list[HolderSearch]:
        """Walk the heap for the holders; takes some tenths of a second per million objects.

        Called in the background, without the monitor's lock.
        """
        with self.walk_cost.measured():
            return find_holders([search.groups for search in searches])

    def take_outcome(self, search: Search, outcome: HolderSearch | None) -> None:
        """Draw the conclusions from a finished search.

        Args:
            search: what was searched for.
            outcome: what was found, ``None`` if the search failed.
        """
        history = search.history
        if outcome is None:
            history.back_off(released=False)
            if search.again is not None:
                self.suspects.remove(search.again)
            return
        if search.again is not None:
            path = search.again.holder.path
            held = (one.windows for one in outcome.holders if _is_same_way(one.path, path))
            search.again.confirm_held(next(held, 0), outcome.windows)
            self._note(search.again)
            return
        history.back_off(released=outcome.released)
        for holder in outcome.holders:
            if holder.length is None and not search.exact:
                continue  # ids are all that could confirm it, and among others they are reused
            self._watch(
                history.key,
                holder,
                search.groups,
                exact=search.exact,
                suspected_after=history.suspected_after,
            )

    def take_found(self, holders: list[Holder], suspected_after: int) -> None:
        """Watch the containers that a scan has found, after so many requests."""
        for holder in holders:
            if len(self.suspects) < _MOST_SUSPECTS:
                self._watch(_NO_ROUTE, holder, (), exact=False, suspected_after=suspected_after)

    def _watch(
        self,
        key: RouteKey,
        holder: Holder,
        groups: Sequence[frozenset[int]],
        *,
        exact: bool,
        suspected_after: int,
    ) -> None:
        """Watch a holder, unless it is watched for another reason that has not proved wrong."""
        known = self._known(holder)
        if known is not None:
            if known.key == key or not known.is_mistaken():
                return
            self.suspects.remove(known)
        requests = self._requests(key, exact=exact)
        self.suspects.append(
            LiveSuspect.watch(
                key, holder, groups, requests, exact=exact, suspected_after=suspected_after
            )
        )

    def _watch_anew(self, suspect: LiveSuspect) -> None:
        """Watch a suspect for whatever route adds to it; that of its own did not."""
        self.suspects.remove(suspect)
        length = suspect.length()
        if length is None:
            return
        anew = LiveSuspect.watch(
            _NO_ROUTE,
            replace(suspect.holder, length=length),
            (),
            self._requests(_NO_ROUTE, exact=False),
            exact=False,
            suspected_after=self.routes.of(suspect.key).suspected_after,
        )
        anew.deltas = suspect.deltas
        anew.since = {known: self.routes.of(known).requests for known in anew.deltas}
        self.suspects.append(anew)

    def followed(self) -> list[LiveSuspect]:
        """The suspects in the order in which a request's own steps are to tell of them."""
        return sorted(
            self.suspects, key=lambda one: (one.verdict is not None, self._random.random())
        )

    def _requests(self, key: RouteKey, *, exact: bool) -> int:
        """The requests that a suspect is judged by: of its route, or of all if that is unsure."""
        if exact:
            return self.routes.of(key).requests
        return sum(history.requests for history in self.routes)

    def _known(self, holder: Holder) -> LiveSuspect | None:
        same = (suspect for suspect in self.suspects if suspect.holder.path == holder.path)
        return next(same, None)

    # The line that stores.

    def tracer(self, method: str = "", path: str | None = None) -> StoreTracer | None:
        """A tracer for the next request, if it is time to look for a line.

        Where it is known which route adds to a suspect, requests of that route alone are traced.

        Args:
            method: of the request, empty if it is not known.
            path: of the request, ``None`` if it is not known.
        """
        fitting = [one for one in self.seeking if one.may_be_fed_at(method, path)]
        if not fitting or not self._is_worthwhile(fitting):
            return None
        wanted = [
            suspect
            for suspect in fitting
            if suspect.wants_trace(self._random.random() if isinstance(self._deep, str) else 0.0)
        ]
        if not wanted:
            self.seeking = [suspect for suspect in self.seeking if suspect.lacks_line]
            return None
        if not isinstance(self._deep, str) and self._random.random() >= self._deep:
            return None
        within = [suspect for suspect in wanted if suspect.is_fed_by_libraries]
        libraries = bool(within) and (
            len(within) == len(wanted) or self._random.random() < _SHARE_OF_LIBRARIES
        )
        watched: list[LiveSuspect] = within if libraries else wanted
        return StoreTracer(
            {suspect: suspect.length for suspect in watched},
            only_here=True,
            libraries=libraries,
            packages=set(filter(None, (package_folder(one.holder.path) for one in watched))),
            hold=LiveSuspect.reader,
        )

    def _is_worthwhile(self, fitting: list[LiveSuspect]) -> bool:
        # A request of a known route shows its line at once. Those of which nothing is known would
        # use up what may be spent, and see the same as well in such a request.
        if any(one.targets for one in fitting) or not any(one.targets for one in self.seeking):
            return True
        return not isinstance(self._deep, str) or self._random.random() < _SHARE_OF_AIMLESS

    def take_trace(self, key: RouteKey, tracer: StoreTracer, *, alone: bool) -> None:
        """Take what the trace of a request of this route has shown.

        Args:
            key: the route.
            tracer: has stopped.
            alone: whether no other request was in flight.
        """
        history = self.routes.of(key)
        for suspect, line in tracer.lines().items():
            if isinstance(suspect, LiveSuspect):
                suspect.take_line(line, alone=alone)
                suspect.elsewhere += suspect in tracer.elsewhere
                suspect.add_likely(
                    history.key,
                    tracer.grown.get(suspect, 0),
                    removed=tracer.removed.get(suspect, 0),
                    requests=history.requests,
                )
        self._seek()

    # What is known.

    def summaries(self) -> tuple[RouteSummary, ...]:
        """The verdict on each route, most requests first."""
        self._explain()
        # Ignored ones are known too: they may feed what others are suspected of.
        rows = [
            history.judge([suspect for suspect in self.suspects if suspect.is_fed_by(history.key)])
            for history in self.routes
            if not self._ignores(history.key[1])
        ]
        return tuple(sorted(rows, key=lambda row: (-row.requests, row.route, row.method)))

    def accusation(self, suspect: LiveSuspect) -> RouteSummary | Suspect | None:
        """The verdict on the route that a confirmed suspect accuses.

        The suspect itself if it accuses none, ``None`` if only routes that are to be ignored.
        """
        feeding = [history for history in self.routes if suspect.is_fed_by(history.key)]
        for history in feeding:
            if not self._ignores(history.key[1]):
                return history.judge(
                    [each for each in self.suspects if each.is_fed_by(history.key)]
                )
        return None if feeding else suspect.describe(_NO_ROUTE, 0.0)

    def take_accusations(self, *, everything: bool = False) -> list[RouteSummary | Suspect]:
        """What the confirmed suspects accuse, each once: when its line is known or will not be.

        Args:
            everything: whether not to wait for that.
        """
        if self.confirmed:
            self._explain()
        due = [each for each in self.confirmed if everything or each.is_complete(self._deep)]
        self.confirmed = [suspect for suspect in self.confirmed if suspect not in due]
        named = [self.accusation(suspect) for suspect in due if suspect.verdict == "leak"]
        return [each for each in named if each is not None]

    def unattributed(self) -> tuple[Suspect, ...]:
        """Confirmed suspects that no route is known to feed."""
        confirmed = [suspect for suspect in self.suspects if suspect.verdict == "leak"]
        named = [self.accusation(suspect) for suspect in confirmed]
        return tuple(each for each in named if isinstance(each, Suspect))


def _is_same_way(found: str, watched: str) -> bool:
    """Whether a way leads to the chain that is watched, or on from there, or to its owner.

    Links are added at its beginning, and one may have been given the id of a survivor.
    """
    short, long = sorted((found, watched), key=len)
    rest = long[len(short) :]
    if not long.startswith(short) or rest[:1] not in ("", ".", "["):
        return False
    return short == watched or rest.count(".") + rest.count("[") <= 1
