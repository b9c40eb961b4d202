"""Classes: how many instances of the tracked classes live, over time and in each worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pympler.render.pages.answers import MissingError, Rendered, Site
from pympler.render.pages.merge import worker_name
from pympler.render.pages.moments import recent, tracked_curves
from pympler.store import Moment

__all__ = ["TrackedClass", "show"]


@dataclass(frozen=True, slots=True)
class TrackedClass:
    """A tracked class in all workers.

    Attributes:
        live, live_bytes: instances and their bytes at the last reading of each worker, added up.
        least, most: the fewest and the most instances that one worker had at a reading.
    """

    name: str
    live: int
    live_bytes: int
    least: int
    most: int
    workers: int


def show(site: Site, rest: Sequence[str]) -> Rendered:
    """All tracked classes, or one (``?name=``) with its curves."""
    if rest:
        raise MissingError("There is no such page.")
    moments = recent(site)
    classes = _classes(moments)
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


def _classes(moments: Sequence[Moment]) -> list[TrackedClass]:
    names = {name for moment in moments for name in moment.tracked}
    found = []
    for name in names:
        seen = [moment for moment in moments if name in moment.tracked]
        latest = {moment.worker: moment.tracked[name] for moment in seen}
        counts = [moment.tracked[name][0] for moment in seen]
        found.append(
            TrackedClass(
                name,
                sum(count for count, _ in latest.values()),
                sum(size for _, size in latest.values()),
                *(min(counts), max(counts), len(latest)),
            )
        )
    return sorted(found, key=lambda each: (-each.live_bytes, each.name))


def _summed(moments: Sequence[Moment], name: str) -> list[tuple[float, float]]:
    """Instances in all workers, each counted as at its last reading."""
    latest: dict[str, int] = {}
    points = []
    for moment in moments:
        if name in moment.tracked:
            latest[moment.worker] = moment.tracked[name][0]
            points.append((moment.at, float(sum(latest.values()))))
    return points
