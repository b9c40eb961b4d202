"""Attribution: what the windows said, by route, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from statistics import fmean, median

from pympler.leaks.evidence import (
    LEAST_WINDOWS,
    WARM_UP_WINDOWS,
    WindowResult,
    leaves_nothing,
    often_left,
    unpack_ids,
)
from pympler.leaks.report import RouteSummary, TypeCount
from pympler.leaks.suspects import LiveSuspect, RouteKey
from pympler.leaks.verdict import headline

__all__ = ["OTHER_ROUTES", "RouteHistory", "Routes"]

OTHER_ROUTES = "<other routes>"
_MOST_ROUTES = 500
_MOST_RESULTS = 32
_SEARCHED_WINDOWS = 12
_CYCLIC_OBJECTS = 20


@dataclass(slots=True, eq=False)
class RouteHistory:
    """What is known of one route.

    Attributes:
        results: the last re-checked windows after the warm-up.
        next_search: requests of the route before which no further search is worthwhile.
        searched: number of searches so far.
        released: whether the last search found that what was left had been let go of.
        suspected_after: requests after which it became suspicious, 0 before.
    """

    key: RouteKey
    requests: int = 0
    windows: int = 0
    exact_windows: int = 0
    results: deque[WindowResult] = field(default_factory=lambda: deque(maxlen=_MOST_RESULTS))
    survivors: tuple[TypeCount, ...] = ()
    next_search: int = 0
    searched: int = 0
    released: bool = False
    suspected_after: int = 0

    def add(self, result: WindowResult, survivors: tuple[TypeCount, ...]) -> None:
        """Take a re-checked window."""
        self.windows += 1
        self.exact_windows += result.exact
        if self.windows > WARM_UP_WINDOWS:
            self.results.append(result)
        if result.exact or not self.exact_windows:
            self.survivors = survivors
        if result.counts and not self.suspected_after and often_left(self.usable()):
            self.suspected_after = self.requests

    def usable(self) -> list[WindowResult]:
        """The windows to judge by: of those that prove more, if there are enough of them.

        Without a collection since the request, cyclic garbage looks as if it was left behind.
        """
        exact = [result for result in self.results if result.exact]
        if sum(result.collected for result in exact) >= LEAST_WINDOWS:
            return [result for result in exact if result.collected or not result.counts]
        return exact if len(exact) >= LEAST_WINDOWS else list(self.results)

    def is_suspicious(self) -> bool:
        """Whether many windows left something, and it is time to ask who holds it."""
        return self.requests >= self.next_search and bool(often_left(self.usable()))

    def groups(self) -> list[frozenset[int]]:
        """Survivors by window, for the holder search."""
        left = often_left(self.usable()).keys()
        packed = [result.ids for result in self.usable() if left & result.counts.keys()]
        return [unpack_ids(ids) for ids in packed[-_SEARCHED_WINDOWS:]]

    def back_off(self, *, released: bool) -> None:
        """Remember a search: the next one is worthwhile after twice the requests."""
        self.searched += 1
        self.released = released
        self.next_search = 2 * max(self.requests, 50)

    def judge(self, suspects: Collection[LiveSuspect]) -> RouteSummary:
        """The verdict on this route, given the suspects that it feeds."""
        results = self.usable()
        left = often_left(results)
        figures = [result for result in results if result.exact] or results
        objects = _usual([sum(result.counts.values()) for result in figures])
        flat_bytes = _usual([result.flat_bytes for result in figures])
        verdict, reason, named = self._verdict(suspects, results, left)
        held = any(one.exact for one in named) or (self.searched and not self.released)
        told = held and any(one.exact for one in results)
        if verdict == "clean" or (verdict == "leak" and not told):
            # What is left in shared windows is of others too, and what no window shows is not in
            # them: only the suspect tells how much.
            objects = flat_bytes = 0.0
        rows = tuple(
            suspect.describe(self.key, flat_bytes if place == 0 else 0.0)
            for place, suspect in enumerate(named)
        )
        method, route = self.key
        return RouteSummary(
            route=route,
            method=method,
            verdict=verdict,
            headline=headline(
                route=route,
                method=method,
                verdict=verdict,
                bytes_per_request=flat_bytes,
                objects_per_request=objects,
                suspects=rows,
                requests=self.requests,
                reason=reason,
            ),
            requests=self.requests,
            windows=self.windows,
            exact_windows=self.exact_windows,
            objects_per_request=round(objects, 2),
            bytes_per_request=round(flat_bytes, 1),
            survivors=self.survivors if left else (),
            suspects=rows,
        )

    def _verdict(
        self,
        suspects: Collection[LiveSuspect],
        results: list[WindowResult],
        left: dict[str, int],
    ) -> tuple[str | None, str, list[LiveSuspect]]:
        exact = [result for result in results if result.exact]
        leaking = [suspect for suspect in suspects if suspect.verdict == "leak"]
        watched = [suspect for suspect in suspects if suspect.verdict is None]
        bounded = [suspect for suspect in suspects if suspect.verdict == "bounded"]
        if leaking:
            return "leak", "", leaking
        if watched:
            holder = watched[0].holder
            reason = f"held by {holder.path} ({holder.type}), watching whether it keeps growing"
            return None, reason, watched
        if bounded:
            return "bounded", "", bounded
        if len(results) < LEAST_WINDOWS:
            wanted = LEAST_WINDOWS + WARM_UP_WINDOWS
            return None, f"{self.windows} of at least {wanted} windows so far", []
        if leaves_nothing(results):
            return "clean", "", []
        if len(exact) < LEAST_WINDOWS:
            reason = "it was hardly ever alone in flight, so what is left may be of other requests"
            return None, reason, []
        if not left:
            return None, "some requests left something behind, too few to tell", []
        if not self.searched:
            return None, "it leaves objects behind, the search for their holder is waiting", []
        objects = fmean(sum(result.counts.values()) for result in results)
        if self.released:
            return "clean", "", []
        if leaves_nothing([result for result in results if result.collected], least=0):
            # No root leads there, and nothing was left where gc has run: garbage, of which a
            # little is usual.
            return ("cyclic-garbage" if objects >= _CYCLIC_OBJECTS else "clean"), "", []
        return (
            None,
            "it leaves objects behind for a while, nothing that grows was found to hold them",
            [],
        )


def _usual(amounts: list[int]) -> float:
    # The median is not led astray by what one window saw of others; of a leak in fewer than half
    # of the requests it says nothing.
    return float((median(amounts) or fmean(amounts)) if amounts else 0.0)


class Routes:
    """The histories of a bounded number of routes; what exceeds it is counted together."""

    def __init__(self) -> None:
        self._histories: dict[RouteKey, RouteHistory] = {}

    def __iter__(self) -> Iterator[RouteHistory]:
        return iter(list(self._histories.values()))

    def of(self, key: RouteKey) -> RouteHistory:
        """The history of a route, a new one if it was not seen before."""
        history = self._histories.get(key)
        if history is None:
            if len(self._histories) >= _MOST_ROUTES:
                key = ("", OTHER_ROUTES)
            history = self._histories.setdefault(key, RouteHistory(key))
        return history
