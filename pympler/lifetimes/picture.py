"""A picture of all that a tracker knows, as plain data; what dumps carry and reports show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pympler.lifetimes.records import Series, Site
from pympler.lifetimes.snapshots import Snapshot
from pympler.lifetimes.tracked import TrackedObject
from pympler.lifetimes.tracking import Tracking

__all__ = ["ClassHistory", "Picture", "picture_of"]


@dataclass(slots=True, eq=False)
class ClassHistory:
    """What happened to the instances that are counted under one name.

    Attributes:
        births, deaths: how many there were; adopted: of the births, how many were found by a scan.
        peak: the most that lived at a time.
        lived_s: seconds that those who died have lived, in total; longest_s: the longest.
        lifetimes: how many of the dead lived less than each power of two of milliseconds and not
            less than the power before, by exponent.
        history: times of births and deaths with the number alive after each; thinned if long.
        sites: how many of the dead were made where, for those whose trace was asked for.
        objects: instances one by one in order of birth: all that live, the last that died.
    """

    name: str
    births: int = 0
    deaths: int = 0
    adopted: int = 0
    peak: int = 0
    lived_s: float = 0.0
    longest_s: float = 0.0
    lifetimes: dict[int, int] = field(default_factory=dict)
    history: list[tuple[float, int]] = field(default_factory=list)
    sites: dict[Site, int] = field(default_factory=dict)
    objects: list[TrackedObject] = field(default_factory=list)

    @property
    def live(self) -> int:
        """How many live."""
        return self.births - self.deaths

    @property
    def mean_s(self) -> float:
        """Seconds that the dead have lived on average, 0 if none died."""
        return self.lived_s / self.deaths if self.deaths else 0.0


@dataclass(slots=True, eq=False)
class Picture:
    """The classes by name, and the snapshots in order of time."""

    classes: dict[str, ClassHistory] = field(default_factory=dict)
    snapshots: list[Snapshot] = field(default_factory=list)

    def live_sites(self, name: str) -> dict[Site, int]:
        """How many of the instances that live were made where."""
        found: dict[Site, int] = {}
        for item in self.classes[name].objects:
            if item.site is not None and item.death is None:
                found[item.site] = found.get(item.site, 0) + 1
        return found


def picture_of(tracking: Tracking, snapshots: Sequence[Snapshot]) -> Picture:
    """What is known now."""
    times = [snapshot.timestamp for snapshot in snapshots]
    histories = {series.name: _history_of(series, times) for series in tracking.settle()}
    for record in list(tracking.live.values()):
        name = record.target.series.name
        if name in histories:
            histories[name].objects.append(TrackedObject.of(record, times))
            histories[name].adopted += record.target.adopted
    for history in histories.values():
        history.objects.sort(key=lambda item: item.birth)
    return Picture(histories, list(snapshots))


def _history_of(series: Series, times: Sequence[float]) -> ClassHistory:
    return ClassHistory(
        name=series.name,
        births=series.births,
        deaths=series.deaths,
        adopted=series.adopted_deaths,
        peak=series.peak,
        lived_s=series.lived_s,
        longest_s=series.longest_s,
        lifetimes=dict(series.lifetimes),
        history=series.history(),
        sites={site: count for site, count in series.sites.items() if site is not None},
        objects=[TrackedObject.of(record, times) for record in list(series.dead)],
    )
