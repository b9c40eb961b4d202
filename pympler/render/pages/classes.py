"""Classes: how many instances of the tracked classes live, over time and in each worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pympler.leaks.report import LeakSummary, Place
from pympler.render.pages.answers import Rendered, Site
from pympler.render.pages.errors import MissingError
from pympler.render.pages.jobs import able_workers
from pympler.render.pages.moments import recent, tracked_curves
from pympler.render.pages.workers import worker_name
from pympler.store import Moment
from pympler.store.fleet import ALIVE_S
from pympler.store.fleet_reader import reader_of
from pympler.store.heard import FleetClass

__all__ = ["TrackedClass", "show"]

_MOST_PLACES = 20


@dataclass(frozen=True, slots=True)
class TrackedClass:
    """A tracked class in all workers.

    Attributes:
        told: what all workers say of it.
        least, most: the fewest and the most instances that one worker had at a reading.
        routes, sites: which routes and lines made those that live, most first.
    """

    told: FleetClass
    least: int
    most: int
    routes: tuple[Place, ...]
    sites: tuple[Place, ...]


def show(site: Site, rest: Sequence[str]) -> Rendered:
    """All tracked classes, or one (``?name=``) with its curves."""
    if rest:
        raise MissingError("There is no such page.")
    reader = reader_of(site.store)
    heard = reader.heard()
    drawn = [said.worker for said in heard.latest]
    moments = recent(site, drawn, heard.latest[0].taken_at) if drawn else []
    able = set(able_workers([(said.worker, said.taken_at) for said in heard.latest], site.now))
    present = [said for said in heard.latest if said.worker in able]
    classes = [_tracked(told, moments, present) for told in reader.classes(site.now - ALIVE_S)]
    name = site.request.query.get("name", "")
    values = {"drawn": len(drawn), "workers": heard.workers}
    if not name:
        curves = {each.told.name: _summed(moments, each.told.name) for each in classes}
        return Rendered("classes.html", {**values, "classes": classes, "curves": curves})
    found = next((each for each in classes if each.told.name == name), None)
    if found is None:
        raise MissingError(f"No class {name[:80]!r} is tracked.")
    return Rendered(
        "class.html",
        {
            **values,
            "found": found,
            "counts": tracked_curves(moments, name, 0, worker_name),
            "bytes": tracked_curves(moments, name, 1, worker_name),
        },
    )


def _tracked(
    told: FleetClass, moments: Sequence[Moment], present: Sequence[LeakSummary]
) -> TrackedClass:
    counts = [each.tracked[told.name][0] for each in moments if told.name in each.tracked]
    rows = [row for said in present for row in said.classes if row.name == told.name]
    return TrackedClass(
        told,
        min([told.least, *counts]),
        max([told.most, *counts]),
        _added(row.routes for row in rows),
        _added(row.sites for row in rows),
    )


def _added(places: Iterable[Iterable[Place]]) -> tuple[Place, ...]:
    """The places of some workers, most first."""
    counts: Counter[str] = Counter()
    for rows in places:
        for row in rows:
            counts[row.place] += row.count
    return tuple(Place(name, number) for name, number in counts.most_common(_MOST_PLACES))


def _summed(moments: Sequence[Moment], name: str) -> list[tuple[float, float]]:
    """Instances in these workers, each counted as at its last reading until it falls silent."""
    latest: dict[str, tuple[float, int]] = {}  # the longest silent first
    total = 0
    points = []
    for moment in moments:
        if name in moment.tracked:
            count = moment.tracked[name][0]
            total += count - latest.pop(moment.worker, (0.0, 0))[1]
            latest[moment.worker] = moment.at, count
            while (silent := next(iter(latest.values())))[0] <= moment.at - ALIVE_S:
                del latest[next(iter(latest))]
                total -= silent[1]
            points.append((moment.at, float(total)))
    return points
