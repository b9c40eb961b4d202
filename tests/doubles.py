"""Monitors that stand in for the real one: they write down what a middleware does with them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from pympler.leaks import ActiveRequest, LeakMonitor, RequestReport, Settings
from pympler.leaks import guard as guard_module
from pympler.store.memory import MemoryStore

__all__ = ["Ended", "FailingMonitor", "RecordingMonitor", "faults_logged", "reports_of"]


class Ended(NamedTuple):
    """What a middleware said of a request when it had ended."""

    route: str
    method: str = ""
    status: int | None = None
    error: str | None = None


class RecordedRequest(ActiveRequest):
    """A request that notes its end with the monitor, every time it is told of it."""

    __slots__ = ("_recorder",)

    def __init__(self, recorder: RecordingMonitor) -> None:
        super().__init__(None)
        self._recorder = recorder

    def finish(
        self,
        route: str,
        method: str = "",
        status: int | None = None,
        error: str | None = None,
    ) -> None:
        self._recorder.ended.append(Ended(route, method, status, error))


class RecordingMonitor(LeakMonitor):
    """Watches nothing; ``begun`` counts the requests, ``ended`` lists their ends."""

    def __init__(self, **options: Any) -> None:
        super().__init__(Settings.from_mapping({"store": "memory:", **options}, environ={}))
        self.begun = 0
        self.ended: list[Ended] = []

    def begin(
        self, method: str = "", path: str | None = None, asked: bool = False
    ) -> ActiveRequest:
        self.begun += 1
        return RecordedRequest(self)

    @property
    def in_flight(self) -> int:
        return self.begun - len(self.ended)


class FailingMonitor(RecordingMonitor):
    """A monitor that is broken at one point: ``begin`` or ``finish``."""

    def __init__(self, point: str) -> None:
        super().__init__()
        self.point = point

    def begin(
        self, method: str = "", path: str | None = None, asked: bool = False
    ) -> ActiveRequest:
        if self.point == "begin":
            raise RuntimeError("a fault of our own")
        return FailingRequest(self)


class FailingRequest(RecordedRequest):
    def finish(self, *_: object, **__: object) -> None:
        raise RuntimeError("a fault of our own")


class FailingStore(MemoryStore):
    """A store that cannot save."""

    def __init__(self) -> None:
        super().__init__(keep=1)
        self.tried = 0

    def save(self, report: RequestReport) -> None:
        self.tried += 1
        raise OSError("no space left")

    def reports(self) -> list[RequestReport]:
        return []


def reports_of(monitor: LeakMonitor) -> list[Ended]:
    """What the reports of a real monitor say of the ends of its requests, oldest first."""
    monitor.summary()
    return [Ended(r.route, r.method, r.status, r.error) for r in monitor.store.reports()]


@contextmanager
def faults_logged() -> Iterator[list[str]]:
    """The lines that the guard logs within the block, as if it had not logged any before."""
    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.WARNING:
                lines.append(record.getMessage())

    handler = Handler()
    logger = logging.getLogger("pympler")
    before = set(guard_module._reported)
    guard_module._reported.clear()
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        guard_module._reported.update(before)
