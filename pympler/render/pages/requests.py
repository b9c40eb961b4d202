"""Requests: a list to filter, sort and leaf through, and a page for each report."""

from __future__ import annotations

from collections.abc import Sequence

from pympler.render.pages.answers import Rendered, Site, number_of
from pympler.render.pages.errors import MissingError
from pympler.render.pages.jobs import able_workers, of_kind, read_result
from pympler.store import Query
from pympler.store.fleet_reader import reader_of
from pympler.store.heard import MOST_TOLD
from pympler.store.results import SnapshotResult

__all__ = ["SORTS", "show"]

SORTS = {
    "newest": "newest first",
    "bytes": "most bytes",
    "objects": "most objects",
    "duration": "longest",
    "cost": "dearest to watch",
}

_PER_PAGE = 50
_MOST_SURVIVORS = 200
_MOST_SNAPSHOTS = 10


def show(site: Site, rest: Sequence[str]) -> Rendered:
    """The list, or the page of one request."""
    if not rest:
        return _list(site)
    if len(rest) > 1:
        raise MissingError("There is no such page.")
    return _one(site, rest[0])


def _list(site: Site) -> Rendered:
    fields = site.request.query
    page = number_of(fields, "page", 1, least=1)
    status = number_of(fields, "status", 0)
    sort = fields.get("sort") or "newest"
    if sort not in SORTS:
        raise MissingError(f"Requests cannot be sorted by {sort[:40]!r}; use {', '.join(SORTS)}.")
    query = Query(
        route=fields.get("route", ""),
        method=fields.get("method", ""),
        worker=fields.get("worker", ""),
        release=fields.get("release", ""),
        status=status if status > 9 else None,
        status_class=status if 1 <= status <= 9 else None,
        sort=sort,
        offset=(page - 1) * _PER_PAGE,
        limit=_PER_PAGE,
    )
    found = site.store.find(query)
    snapshots, going_on = of_kind(site, "snapshot")
    reader = reader_of(site.store)
    heard = reader.workers()
    chosen = {
        "route": query.route,
        "method": query.method,
        "worker": query.worker,
        "release": query.release,
        "status": status or "",
        "sort": "" if sort == "newest" else sort,
    }
    return Rendered(
        "requests.html",
        {
            "found": found,
            "query": query,
            "status": status,
            "sorts": SORTS,
            "routes": sorted({route for _, route, _ in reader.routes()} | {query.route}),
            "known_workers": able_workers(heard, site.now),
            "workers": sorted({worker for worker, _ in heard} | {query.worker}),
            "chosen": chosen,
            "snapshots": snapshots[:_MOST_SNAPSHOTS],
            "going_on": going_on,
            "filtered": any(chosen[name] for name in chosen if name != "sort"),
            "page": page,
            "pages": -(-found.total // _PER_PAGE),
            "first": query.offset + 1,
            "several": len(heard) > 1,
        },
    )


def _one(site: Site, key: str) -> Rendered:
    report = site.store.report(key)
    if report is None:
        raise MissingError(
            "There is no report of this request; the store may have let go of it since."
        )
    reader = reader_of(site.store)
    here = (report.method, report.route)
    routes = reader.routes_seen(*here)
    suspects = reader.suspects(*here)
    shown = suspects[:MOST_TOLD]
    return Rendered(
        "request.html",
        {
            "report": report,
            "survivors": report.survivors[:_MOST_SURVIVORS],
            "route": routes[0] if routes else None,
            "suspects": shown,
            "left_out": len(suspects) - len(shown),
            "snapshot": _snapshot_of(site, key),
            "several": len(reader.workers()) > 1,
        },
    )


def _snapshot_of(site: Site, key: str) -> SnapshotResult | None:
    """What a full snapshot before and after this very request has shown, if one was taken."""
    for listed in site.store.jobs("snapshot"):
        job = site.store.job(listed.id) if listed.state == "done" else None
        if job is not None and job.result and job.result.get("report") == key:
            return read_result(job, SnapshotResult)
    return None
