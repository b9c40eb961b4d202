"""Ended: what is known of a request at its end, and the report that it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from pympler.leaks.evidence import WindowResult, pack_ids
from pympler.leaks.report import RequestReport, worker_id
from pympler.leaks.settings import Settings
from pympler.leaks.survivors import Settled, count_by_type

if TYPE_CHECKING:
    from pympler.leaks.chosen import RequestBirths

__all__ = ["Ended", "Process", "report_of", "result_of"]

_MOST_IDS = 100


@dataclass(frozen=True, slots=True)
class Ended:
    """What is known of a request when it has ended.

    Attributes:
        in_flight: requests, this one included, that overlapped with it.
        own_cost_s: CPU seconds that watching it took so far.
        note: why it was not watched, or not rightly; empty if it was.
        births: what it made of the classes in ``track_classes``.
        id: of its report, 0 if it was not asked for yet.
        is_exact: whether what was born in its window is its own, although others overlapped.
    """

    route: str
    method: str
    status: int | None
    error: str | None
    started_at: float
    duration_s: float
    in_flight: int
    own_cost_s: float
    note: str
    births: RequestBirths | None = None
    id: int = 0
    is_exact: bool = False

    @property
    def attribution(self) -> str:
        """Whether the survivors of a window without a fault are those of this request alone."""
        return "exact" if self.in_flight == 1 or self.is_exact else "shared"


@dataclass(frozen=True, slots=True)
class Process:
    """The process that serves the requests; a forked child is another one."""

    host: str
    pid: int
    started_at: float

    @property
    def worker(self) -> str:
        """Its name, see :func:`~pympler.leaks.report.worker_id`."""
        return worker_id(self.host, self.pid, self.started_at)


def report_of(
    settled: Settled[Ended], settings: Settings, number: int, process: Process
) -> RequestReport:
    """The report on a request whose window is settled."""
    ended = settled.key
    note = ended.note or settled.fault
    watched = not note
    return RequestReport(
        id=number,
        application=settings.application,
        release=settings.release,
        pid=process.pid,
        route=ended.route,
        method=ended.method,
        status=ended.status,
        error=ended.error,
        started_at=ended.started_at,
        duration_s=ended.duration_s,
        attribution=ended.attribution if watched else "none",
        in_flight=ended.in_flight,
        survivors=count_by_type(settled.survivors, settled.sizes) if watched else (),
        rechecked=settled.rechecked if watched else "",
        unfollowed=settled.unfollowed,
        own_cost_s=ended.own_cost_s,
        note=note,
        host=process.host,
        worker_started_at=process.started_at,
        classes=ended.births.uses() if ended.births is not None else (),
    )


def result_of(report: RequestReport, settled: Settled[Ended]) -> WindowResult | None:
    """What the window says about its route, ``None`` if it says nothing.

    Nothing known must not count as nothing left behind.
    """
    if report.attribution == "none" or (report.unfollowed and not report.survivors):
        return None
    return WindowResult(
        counts={row.type: row.count for row in report.survivors},
        flat_bytes=report.flat_bytes,
        exact=report.attribution == "exact",
        collected=report.rechecked == "collected",
        ids=pack_ids(islice(settled.survivors, _MOST_IDS)),
    )
