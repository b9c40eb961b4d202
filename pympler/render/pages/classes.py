"""Classes: how many instances of the tracked classes live, over time and in each worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pympler.leaks.report import LeakSummary, Place
from pympler.render.pages.answers import Rendered, Site
from pympler.render.pages.errors import MissingError
from pympler.render.pages.jobs import able_workers
from pympler.render.pages.merge import worker_name
from pympler.render.pages.moments import recent, tracked_curves
from pympler.store import Moment
from pympler.store.fleet import ALIVE_S

__all__ = ["TrackedClass", "show"]

_MOST_PLACES = 20


@dataclass(frozen=True, slots=True)
class TrackedClass:
    """A tracked class in all workers.

    Attributes:
        births, deaths: instances made and gone since the workers have begun, added up.
        live, live_bytes: instances and their bytes at the last reading of each worker that was
            heard of lately, added up.
        least, most: the fewest and the most instances that one worker had at a reading.
        routes, sites: which routes and lines made those that live, most first.
    """

    name: str
    births: int
    deaths: int
    live: int
    live_bytes: int
    least: int
    most: int
    workers: int
    routes: tuple[Place, ...]
    sites: tuple[Place, ...]


def show(site: Site, rest: Sequence[str]) -> Rendered:
    """All tracked classes, or one (``?name=``) with its curves."""
    if rest:
        raise MissingError("There is no such page.")
    moments = recent(site)
    summaries = site.store.summaries()
    able = set(able_workers([(each.worker, each.taken_at) for each in summaries], site.now))
    classes = _classes(moments, summaries, able)
    name = site.request.query.get("name", "")
    if not name:
        curves = {each.name: _summed(moments, each.name) for each in classes}
        return Rendered("classes.html", {"classes": classes, "curves": curves})
    found = next((each for each in classes if each.name == name), None)
    if found is None:
        raise MissingError(f"No class {name[:80]!r} is tracked.")
    return Rendered(
        "class.html",
        {
            "found": found,
            "counts": tracked_curves(moments, name, 0, worker_name),
            "bytes": tracked_curves(moments, name, 1, worker_name),
        },
    )


def _classes(
    moments: Sequence[Moment], summaries: Sequence[LeakSummary], able: set[str]
) -> list[TrackedClass]:
    names = {name for moment in moments for name in moment.tracked}
    found = []
    for name in names:
        seen = [moment for moment in moments if name in moment.tracked]
        latest = {moment.worker: moment.tracked[name] for moment in seen}
        # A worker that has ended keeps nothing alive.
        living = [latest[worker] for worker in latest if worker in able] or list(latest.values())
        counts = [moment.tracked[name][0] for moment in seen]
        totals = [
            (each.worker, row) for each in summaries for row in each.classes if row.name == name
        ]
        present = [row for worker, row in totals if worker in able]
        found.append(
            TrackedClass(
                name,
                sum(row.births for _, row in totals),
                sum(row.deaths for _, row in totals),
                sum(count for count, _ in living),
                sum(size for _, size in living),
                min(counts),
                max(counts),
                len(living),
                _added(row.routes for row in present),
                _added(row.sites for row in present),
            )
        )
    return sorted(found, key=lambda each: (-each.live_bytes, each.name))


def _added(places: Iterable[Iterable[Place]]) -> tuple[Place, ...]:
    """The places of all workers, most first."""
    counts: Counter[str] = Counter()
    for rows in places:
        for row in rows:
            counts[row.place] += row.count
    return tuple(Place(name, number) for name, number in counts.most_common(_MOST_PLACES))


def _summed(moments: Sequence[Moment], name: str) -> list[tuple[float, float]]:
    """Instances in all workers, each counted as at its last reading until it falls silent."""
    latest: dict[str, tuple[float, int]] = {}
    points = []
    for moment in moments:
        if name in moment.tracked:
            latest[moment.worker] = moment.at, moment.tracked[name][0]
            latest = {
                worker: (at, count)
                for worker, (at, count) in latest.items()
                if moment.at - at < ALIVE_S
            }
            points.append((moment.at, float(sum(count for _, count in latest.values()))))
    return points
