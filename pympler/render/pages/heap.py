"""Heap: snapshots of a worker by type, two of them compared, and the objects of one."""

from __future__ import annotations

from collections.abc import Sequence

from pympler.render.pages.answers import Rendered, Site
from pympler.render.pages.errors import MissingError
from pympler.render.pages.heap_objects import show_object, show_type
from pympler.render.pages.jobs import able_workers, last_pause, of_kind, read_result
from pympler.render.pages.treemap import treemap
from pympler.store import Job
from pympler.store.fleet_reader import reader_of
from pympler.store.results import HeapResult, TypeChange

__all__ = ["compare_types", "show"]

_MOST_TYPES = 100
_MOST_CHANGES = 200


def show(site: Site, rest: Sequence[str]) -> Rendered:
    """The snapshots, one of them, or the difference of two."""
    if not rest:
        return _list(site)
    if rest == ["compare"]:
        return _compare(site)
    if len(rest) == 1:
        return _one(site, rest[0])
    if len(rest) == 2:
        job, result = _snapshot(site, rest[0])
        if rest[1] == "objects":
            return show_type(site, job, result)
        return show_object(site, job, result, rest[1])
    raise MissingError("There is no such page.")


def _list(site: Site) -> Rendered:
    jobs, going_on = of_kind(site, "heap")
    return Rendered(
        "heap.html",
        {
            "jobs": jobs,
            "done": [job for job in jobs if job.state == "done"],
            "going_on": going_on,
            "workers": able_workers(reader_of(site.store).workers(), site.now),
            "worker": site.request.query.get("worker", ""),
            "pause": last_pause(jobs),
        },
    )


def _one(site: Site, id: str) -> Rendered:
    job, result = _snapshot(site, id)
    others = [
        other
        for other in site.store.jobs("heap")
        if other.state == "done" and other.id != id and other.worker == job.worker
    ]
    return Rendered(
        "snapshot.html",
        {
            "job": job,
            "result": result,
            "types": result.types[:_MOST_TYPES],
            "left_out": len(result.types[_MOST_TYPES:]) + result.other_types,
            "others": others,
            "treemap": treemap(result.retainers, result.flat_bytes),
        },
    )


def _compare(site: Site) -> Rendered:
    query = site.request.query
    if not (query.get("old") and query.get("new")):
        raise MissingError("Choose two snapshots to compare.")
    old_job, old = _snapshot(site, query["old"])
    new_job, new = _snapshot(site, query["new"])
    if old.taken_at > new.taken_at:
        old_job, old, new_job, new = new_job, new, old_job, old
    changes = compare_types(old, new)
    return Rendered(
        "compare.html",
        {
            "old_job": old_job,
            "new_job": new_job,
            "old": old,
            "new": new,
            "changes": changes[:_MOST_CHANGES],
            "left_out": len(changes[_MOST_CHANGES:]),
            "most": max((abs(change.bytes_diff) for change in changes), default=0),
        },
    )


def _snapshot(site: Site, id: str) -> tuple[Job, HeapResult]:
    job = site.store.job(id)
    if job is None or job.kind != "heap" or job.state != "done":
        raise MissingError("There is no such snapshot; the store may have let go of it since.")
    return job, read_result(job, HeapResult)


def compare_types(old: HeapResult, new: HeapResult) -> list[TypeChange]:
    """The types of which there are more or fewer, or that are larger; most bytes gained first."""
    before = {row.type: (row.count, row.flat_bytes) for row in old.types}
    after = {row.type: (row.count, row.flat_bytes) for row in new.types}
    changes = []
    for name in before.keys() | after.keys():
        count_before, bytes_before = before.get(name, (0, 0))
        count_after, bytes_after = after.get(name, (0, 0))
        if (count_before, bytes_before) != (count_after, bytes_after):
            changes.append(TypeChange(name, count_before, count_after, bytes_before, bytes_after))
    return sorted(changes, key=lambda change: (-change.bytes_diff, change.type))
