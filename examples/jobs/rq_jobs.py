"""Watch the jobs of RQ: ``rq worker --worker-class rq_jobs.WatchedWorker``.

RQ's usual worker forks a process for each job, which has nothing to compare with; this one does its
jobs in one process, one after the other.
"""

from __future__ import annotations

from typing import Any

from rq import SimpleWorker

from pympler.leaks import LeakMonitor

monitor = LeakMonitor(application="shop-jobs")
SENT: list[Letter] = []  # a leak, to be found


class Letter:
    """What is sent."""

    def __init__(self, number: int) -> None:
        self.number = number


class WatchedWorker(SimpleWorker):
    """Each job is watched under the name of its function."""

    def perform_job(self, job: Any, *args: Any, **kwargs: Any) -> Any:
        with monitor.request(f"job:{job.func_name}"):
            return super().perform_job(job, *args, **kwargs)


def send_letter(number: int) -> str:
    """A job that keeps each letter for ever."""
    SENT.append(Letter(number))
    return f"letter {number} sent"
