"""Readings of the workers over time, arranged as curves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from pympler.render.pages.answers import Site
from pympler.store import Moment

__all__ = ["length_curves", "memory_curves", "recent", "tracked_curves"]

_RECENT_S = 3600.0

Curves = dict[str, list[tuple[float, float]]]


def recent(site: Site, workers: Collection[str], heard_at: float) -> list[Moment]:
    """The readings of some workers in the last hour, or in the hour before all fell silent.

    Args:
        site: with the store.
        workers: whose readings.
        heard_at: when any worker was heard of last.
    """
    return site.store.moments(min(site.now, heard_at) - _RECENT_S, workers)


def memory_curves(moments: Sequence[Moment], figure: str, name: Callable[[str], str]) -> Curves:
    """RSS or USS of each worker, those with the highest last value first."""
    curves: Curves = {}
    for moment in moments:
        value = getattr(moment, figure)
        if value:
            curves.setdefault(name(moment.worker), []).append((moment.at, value))
    return _highest_first(curves)


def memory_of_one(moments: Sequence[Moment]) -> Curves:
    """RSS and USS of the one worker that these moments are of, as far as they are known."""
    return {
        name: points
        for name, figure in (("resident (RSS)", "rss_bytes"), ("private (USS)", "uss_bytes"))
        for points in memory_curves(moments, figure, lambda _: "").values()
    }


def length_curves(moments: Sequence[Moment], holder: str, name: Callable[[str], str]) -> Curves:
    """The length of a holder in each worker."""
    curves: Curves = {}
    for moment in moments:
        if holder in moment.lengths:
            curves.setdefault(name(moment.worker), []).append((moment.at, moment.lengths[holder]))
    return _highest_first(curves)


def tracked_curves(
    moments: Sequence[Moment], kind: str, place: int, name: Callable[[str], str]
) -> Curves:
    """Live instances (place 0) or their bytes (place 1) of a tracked class in each worker."""
    curves: Curves = {}
    for moment in moments:
        if kind in moment.tracked:
            point = (moment.at, moment.tracked[kind][place])
            curves.setdefault(name(moment.worker), []).append(point)
    return _highest_first(curves)


def _highest_first(curves: Curves) -> Curves:
    return dict(sorted(curves.items(), key=lambda item: -item[1][-1][1]))
