"""Watch the tasks of Celery: ``celery -A celery_jobs worker``."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, Task
from celery.signals import worker_process_shutdown

from pympler.leaks import LeakMonitor

monitor = LeakMonitor(application="shop-jobs")  # each process of the pool goes on with its own
SENT: list[Letter] = []  # a leak, to be found


class Letter:
    """What is sent."""

    def __init__(self, number: int) -> None:
        self.number = number


class Watched(Task):
    """Each task is watched under its name."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with monitor.request(f"task:{self.name}"):
            return super().__call__(*args, **kwargs)


@worker_process_shutdown.connect
def write_down(**_: Any) -> None:
    """What a process of the pool knows at its end, which comes without that of Python's."""
    monitor.write_down()


app = Celery("shop", broker=os.environ.get("BROKER", "redis://127.0.0.1"), task_cls=Watched)


@app.task
def send_letter(number: int) -> str:
    """A task that keeps each letter for ever."""
    SENT.append(Letter(number))
    return f"letter {number} sent"
