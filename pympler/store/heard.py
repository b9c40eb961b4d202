"""What the pages of an application show of all its workers: sums of all, details of some.

Functions from summaries to frozen plain data, for stores whose workers are few; a store of many
answers the same by itself (:mod:`~pympler.store.postgres_heard`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pympler.leaks.report import VERDICTS, ClassTotal, LeakSummary, Suspect, worst
from pympler.store.fleet import unattributed_in

__all__ = [
    "MOST_ACCUSERS",
    "MOST_TOLD",
    "FleetClass",
    "FleetSuspect",
    "Heard",
    "classes_of",
    "heard_of",
    "suspects_of",
    "urgency",
]

MOST_TOLD = 50
"""Workers of which more is told than what they add to sums, and suspects."""

MOST_ACCUSERS = 8
"""Workers that are named for a suspect; a chart has as many curves."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What all workers say of themselves.

    Attributes:
        workers: how many they are; requests, windows: of all of them.
        verdict: the worst; overhead: the highest; notes: each once.
        unattributed: how many containers keep growing that no route is blamed for.
        latest: those that were heard of last, in full; :data:`MOST_TOLD` at most.
    """

    workers: int
    requests: int
    windows: int
    verdict: str | None
    overhead: float
    notes: tuple[str, ...]
    unattributed: int
    latest: tuple[LeakSummary, ...]


@dataclass(frozen=True, slots=True)
class FleetSuspect:
    """A holder that workers suspect, with the route that feeds it.

    Attributes:
        suspect: as the first of the accusers tells of it.
        route, method: empty if no single route could be blamed.
        verdict: of the route.
        workers: how many workers suspect it; accusers: some of them.
    """

    suspect: Suspect
    route: str
    method: str
    verdict: str | None
    workers: int
    accusers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FleetClass:
    """A tracked class in all workers.

    Attributes:
        births, deaths: instances made and gone since the workers have begun.
        live, live_bytes: instances now, and their bytes, in the workers that are alive.
        least, most: the fewest and the most instances that one of those has.
        workers: how many those are.
    """

    name: str
    births: int
    deaths: int
    live: int
    live_bytes: int
    least: int
    most: int
    workers: int


def urgency(verdict: str | None) -> float:
    """The place of a verdict; what is not known yet stands between what is bad and what is fine."""
    return VERDICTS.index("bounded") - 0.5 if verdict is None else VERDICTS.index(verdict)


def heard_of(summaries: Sequence[LeakSummary]) -> Heard:
    """What these workers say, the latest heard of first."""
    return Heard(
        workers=len(summaries),
        requests=sum(said.requests for said in summaries),
        windows=sum(said.windows for said in summaries),
        verdict=worst(said.verdict for said in summaries),
        overhead=max((said.overhead for said in summaries), default=0.0),
        notes=tuple(sorted({note for said in summaries for note in said.notes})),
        unattributed=len(unattributed_in(summaries)),
        latest=tuple(summaries[:MOST_TOLD]),
    )


def suspects_of(summaries: Sequence[LeakSummary]) -> list[FleetSuspect]:
    """All suspects, each holder once per route, those of leaks first."""
    found: dict[tuple[str, str, str], list[tuple[Suspect, str | None, str]]] = defaultdict(list)
    for said in summaries:
        for route in said.routes:
            for suspect in route.suspects:
                key = (route.method, route.route, suspect.holder)
                found[key].append((suspect, route.verdict, said.worker))
        for suspect in said.unattributed:
            found["", "", suspect.holder].append((suspect, "leak", said.worker))
    merged = []
    for (method, route_name, _), seen in found.items():
        seen.sort(key=lambda one: (urgency(one[1]), not one[0].stored_at))
        suspect, verdict, _ = seen[0]
        accusers = tuple(worker for *_, worker in seen[:MOST_ACCUSERS])
        merged.append(FleetSuspect(suspect, route_name, method, verdict, len(seen), accusers))
    merged.sort(key=lambda one: (urgency(one.verdict), -one.suspect.bytes_per_request))
    return merged


def classes_of(summaries: Sequence[LeakSummary], alive_since: float) -> list[FleetClass]:
    """The tracked classes, those with most bytes first; all workers live if none of them does."""
    present = [said for said in summaries if said.taken_at >= alive_since] or summaries
    totals, living = _by_name(summaries), _by_name(present)
    classes = [
        FleetClass(
            name,
            births=sum(row.births for row in rows),
            deaths=sum(row.deaths for row in rows),
            live=sum(row.live for row in living[name]),
            live_bytes=sum(row.live_bytes for row in living[name]),
            least=min((row.live for row in living[name]), default=0),
            most=max((row.live for row in living[name]), default=0),
            workers=len(living[name]),
        )
        for name, rows in totals.items()
    ]
    return sorted(classes, key=lambda each: (-each.live_bytes, each.name))


def _by_name(summaries: Sequence[LeakSummary]) -> dict[str, list[ClassTotal]]:
    found: dict[str, list[ClassTotal]] = defaultdict(list)
    for said in summaries:
        for row in said.classes:
            found[row.name].append(row)
    return found
