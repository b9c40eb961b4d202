"""Jobs: a form asks one worker for work that makes it stand still, and a page shows how it goes."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from pympler.errors import StoreError
from pympler.leaks.plain import from_dict
from pympler.render.pages.answers import Redirect, Rendered, Site
from pympler.render.pages.errors import MissingError, RefusedError
from pympler.store import Job
from pympler.store.fleet import ALIVE_S
from pympler.store.fleet_reader import reader_of
from pympler.store.results import SnapshotResult

__all__ = [
    "KINDS",
    "MOST_WAITING_S",
    "able_workers",
    "last_pause",
    "of_kind",
    "read_result",
    "show",
    "take",
]

T = TypeVar("T")

KINDS = {
    "heap": "Heap snapshot",
    "garbage": "Search for garbage",
    "process": "Reading of the process",
    "snapshot": "Snapshot around a request",
}
"""Jobs that a form may ask for, and what a reader calls them."""

MOST_WAITING_S = 600.0
"""A job that nobody has taken or finished by then is given up: its worker has gone."""

_PAGES = {"heap": "/heap", "garbage": "/garbage", "process": "/process", "snapshot": "/requests"}
_GOING_ON = ("waiting", "running")


def show(site: Site, rest: Sequence[str]) -> Rendered | Redirect:
    """How a job goes, until it is done: then its result."""
    if len(rest) != 1:
        raise MissingError("There is no such page.")
    job, snapshot = _job(site, rest[0]), None
    if job.state == "done":
        if job.kind == "heap":
            return Redirect(f"/heap/{job.id}")
        if job.kind != "snapshot":
            return Redirect(_PAGES.get(job.kind, "/"), {"worker": job.worker})
        snapshot = read_result(job, SnapshotResult)
        # The report comes later than the snapshot: once a garbage collection has passed.
        if snapshot.report and site.store.report(snapshot.report) is not None:
            return Redirect(f"/requests/{snapshot.report}")
    return Rendered(
        "job.html",
        {
            "job": job,
            "snapshot": snapshot,
            "title": KINDS.get(job.kind, job.kind),
            "going_on": is_going_on(job, site.now),
            "back": _PAGES.get(job.kind, "/"),
        },
    )


def take(site: Site, rest: Sequence[str]) -> Redirect:
    """Take a form: start a job, or call one off."""
    if not rest or rest == [""]:
        return _start(site)
    if len(rest) == 2 and rest[1] == "cancel":
        job = _job(site, rest[0])
        if job.state in _GOING_ON:
            ended = replace(job, state="failed", message="called off", finished_at=site.now)
            site.store.update_job(ended)
        return Redirect(_PAGES.get(job.kind, "/"))
    raise MissingError("There is no such form.")


def _start(site: Site) -> Redirect:
    form = site.request.form
    kind, worker = form.get("kind", ""), form.get("worker", "")
    if kind not in KINDS:
        raise MissingError(f"There is no work of the kind {kind[:40]!r}.")
    if all(worker != known for known, _ in reader_of(site.store).workers()):
        raise MissingError("This worker is not known; it may have ended since the page was made.")
    busy = [job for job in site.store.jobs() if is_going_on(job, site.now)]
    # An armed snapshot waits for its request, perhaps for long, and is no reason to refuse others.
    if any(job.kind == kind or "snapshot" not in (job.kind, kind) for job in busy):
        raise RefusedError(
            "One thing at a time: wait for the work that is going on, or call it off."
        )
    arguments: dict[str, str] = {}
    if kind == "snapshot":
        arguments = {"route": form.get("route", "")[:500], "method": form.get("method", "")[:20]}
        if not arguments["route"]:
            raise MissingError("A snapshot around a request needs the route of the request.")
    job = Job(
        id=secrets.token_hex(8),
        kind=kind,
        worker=worker,
        created_at=site.now,
        arguments=arguments,
    )
    site.store.add_job(job)
    return Redirect(f"/jobs/{job.id}")


def _job(site: Site, id: str) -> Job:
    job = site.store.job(id)
    if job is None:
        raise MissingError("There is no such job; the store may have let go of it since.")
    return job


def is_going_on(job: Job, now: float) -> bool:
    """Whether a job waits or runs, and is not so old that its worker must have gone."""
    return job.state in _GOING_ON and now - job.created_at < MOST_WAITING_S


def of_kind(site: Site, kind: str) -> tuple[list[Job], Job | None]:
    """The jobs of a kind, newest first, without results; and the one that is going on."""
    jobs = site.store.jobs(kind)
    return jobs, next((job for job in jobs if is_going_on(job, site.now)), None)


def able_workers(workers: Sequence[tuple[str, float]], now: float) -> list[str]:
    """The workers that can be asked for something: those that were heard of lately.

    All of them if none was, since even then one may only have been idle.

    Args:
        workers: each and when it was heard of last.
        now: in seconds since the epoch.
    """
    able = [worker for worker, heard_at in workers if now - heard_at < ALIVE_S]
    return able or [worker for worker, _ in workers]


def last_pause(jobs: Sequence[Job]) -> float | None:
    """How long a worker stood still for the last job that was done, ``None`` if none was."""
    return next((job.pause_s for job in jobs if job.state == "done"), None)


def read_result(job: Job, kind: type[T]) -> T:
    """The result of a job that is done.

    Raises:
        StoreError: if it is none of this version's.
    """
    try:
        return from_dict(kind, job.result)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise StoreError(
            f"The result of this work cannot be read ({error}); it was written by another version "
            "of Pympler: do it again, or upgrade."
        ) from error
