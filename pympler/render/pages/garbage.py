"""Garbage: what only reference cycles kept alive, with the cycles as pictures."""

from __future__ import annotations

from collections.abc import Sequence

from pympler.render.pages.answers import Rendered, Site
from pympler.render.pages.errors import MissingError
from pympler.render.pages.jobs import able_workers, last_pause, of_kind, read_result
from pympler.store.fleet_reader import reader_of
from pympler.store.results import GarbageResult

__all__ = ["show"]


def show(site: Site, rest: Sequence[str]) -> Rendered:
    """The latest search of a worker (``?worker=``, else of any), and a form for another."""
    if rest:
        raise MissingError("There is no such page.")
    jobs, going_on = of_kind(site, "garbage")
    worker = site.request.query.get("worker", "")
    done = [job for job in jobs if job.state == "done" and worker in ("", job.worker)]
    job = site.store.job(done[0].id) if done else None
    result = read_result(job, GarbageResult) if job is not None else None
    return Rendered(
        "garbage.html",
        {
            "job": job,
            "result": result,
            "going_on": going_on,
            "failed": next((job for job in jobs[:1] if job.state == "failed"), None),
            "worker": worker,
            "workers": able_workers(reader_of(site.store).workers(), site.now),
            "pause": last_pause(jobs),
        },
    )
