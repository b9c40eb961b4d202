"""The process of a worker: its memory, its threads with their stacks, its garbage collector."""

from __future__ import annotations

from collections.abc import Sequence

from pympler.render.pages.answers import Rendered, Site
from pympler.render.pages.errors import MissingError
from pympler.render.pages.jobs import able_workers, last_pause, of_kind, read_result
from pympler.render.pages.moments import memory_of_one, recent
from pympler.store.fleet_reader import reader_of
from pympler.store.results import ProcessResult

__all__ = ["show"]


def show(site: Site, rest: Sequence[str]) -> Rendered:
    """The latest reading of a worker (``?worker=``, else the latest heard of)."""
    if rest:
        raise MissingError("There is no such page.")
    reader = reader_of(site.store)
    heard = reader.workers()
    workers = able_workers(heard, site.now)
    worker = site.request.query.get("worker", "") or (workers[0] if workers else "")
    jobs, going_on = of_kind(site, "process")
    done = [job for job in jobs if job.state == "done" and job.worker == worker]
    job = site.store.job(done[0].id) if done else None
    moments = recent(site, [worker], heard[0][1]) if heard else []
    return Rendered(
        "process.html",
        {
            "worker": worker,
            "workers": workers,
            "summary": reader.summary(worker),
            "job": job,
            "result": read_result(job, ProcessResult) if job is not None else None,
            "going_on": going_on,
            "failed": next((job for job in jobs[:1] if job.state == "failed"), None),
            "curves": memory_of_one(moments),
            "pause": last_pause(jobs),
        },
    )
