"""Jobs: what a person asks this worker for, one at a time, through the store.

Inspections are done by the background thread while no window is open. The snapshot of a request is
taken where the request begins and ends: its thread walks the heap, twice. The path tells before
which requests that could be worth it. What does the work is imported by the first job: most
workers are never asked for one.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from pympler.errors import StoreError
from pympler.leaks.budget import lacks_memory
from pympler.leaks.guard import guard
from pympler.leaks.templates import may_serve
from pympler.store import Job, Store

if TYPE_CHECKING:
    from pympler.leaks.comparison import HeapBefore
    from pympler.store.results import SnapshotResult

__all__ = ["Jobs", "TakenSnapshot"]

logger = logging.getLogger("pympler")

_PAUSE_AFTER_FAULT_S = 30.0
_LONGEST_WAIT_S = 600.0
_MOST_TRIES = 10  # walks before requests that turned out to be of other routes
_MOST_FILES = 10
_WALKING = frozenset({"heap", "garbage"})


class EndedRequest(Protocol):
    """What is asked of a request that has ended."""

    @property
    def id(self) -> int:
        """The number of its report, 0 if it has none yet."""

    @property
    def route(self) -> str:
        """Its route template."""

    @property
    def method(self) -> str:
        """Its HTTP method."""


class TakenSnapshot:
    """What a block of the application did to the heap.

    Attributes:
        result: what changed, ``None`` before the block has ended, and if another one was being
            taken meanwhile.
    """

    def __init__(self) -> None:
        self.result: SnapshotResult | None = None


class Jobs:
    """Takes the jobs of a worker from the store and does them.

    Args:
        store: where they are written down.
        worker: whose jobs to take.

    Attributes:
        armed: the job that waits for the next request of its route, ``None`` if there is none;
            read at the beginning of each request.
        walks: number of heap walks begun; windows in which one falls are not right.
    """

    def __init__(self, store: Store, worker: str) -> None:
        self._store = store
        self._worker = worker
        self.armed: Job | None = None
        self.walks = 0
        self._tries = 0
        self._misled = False
        self._taking = threading.Lock()
        self._waiting: Job | None = None
        self._ask_again_s = 0.0
        self._folder: Path | None = None

    def look(self) -> bool:
        """Whether there is something to do for the background thread; costs microseconds."""
        armed = self.armed
        if armed is not None:
            if time.time() - armed.created_at > _LONGEST_WAIT_S:
                self._give_up(armed, f"no request came in {_LONGEST_WAIT_S / 60:.0f} minutes")
            return False
        if self._waiting is None and time.monotonic() >= self._ask_again_s:
            try:
                self._waiting = self._store.take_job(self._worker)
            except StoreError:  # said by the status of the store, which the pages show
                self._ask_again_s = time.monotonic() + _PAUSE_AFTER_FAULT_S
        return self._waiting is not None

    def work(self) -> None:
        """Do what waits, if anything does."""
        job, self._waiting = self._waiting, None
        if job is None:
            return
        if job.kind == "snapshot":
            self._tries, self._misled = 0, False
            self.armed = self._note(job, message="waits for the next request of its route")
            return
        inspect = self._inspection(job)
        if inspect is None:
            self._give_up(job, f"this version knows no job {job.kind!r}")
            return
        lacking = lacks_memory() if job.kind in _WALKING else ""
        if lacking:
            self._give_up(job, lacking)
            return
        self.walks += 1
        self._do(job, inspect)

    def _inspection(self, job: Job) -> Callable[[], Any] | None:
        from pympler.leaks.inspections import inspect_garbage, inspect_heap, inspect_process

        def progress(share: float, message: str) -> None:
            self._note(job, progress=share, message=message)

        return {
            "heap": lambda: inspect_heap(self._file_of(job), progress),
            "garbage": inspect_garbage,
            "process": inspect_process,
        }.get(job.kind)

    def _do(self, job: Job, inspect: Callable[[], Any]) -> None:
        began_s = time.perf_counter()
        result = None
        with guard(f"do the job {job.kind!r}"):
            result = inspect().to_dict()
        if result is None:
            self._give_up(job, "it failed; the log of the worker says why")
            return
        # What is worked out after a walk does not hold up the requests.
        pause_s = result.get("walk_s") or time.perf_counter() - began_s
        self._finish(job, result, pause_s)

    def _finish(self, job: Job, result: Any, pause_s: float, message: str = "") -> None:
        self._note(
            job,
            state="done",
            progress=1.0,
            message=message,
            pause_s=pause_s,
            finished_at=time.time(),
            result=result,
        )

    def _give_up(self, job: Job, message: str) -> None:
        self.armed = None
        self._note(job, state="failed", message=message, finished_at=time.time())

    def _note(self, job: Job, **changes: Any) -> Job:
        noted = replace(job, **changes)
        with guard("write down a job"):
            self._store.update_job(noted)
        return noted

    def _file_of(self, job: Job) -> Path | None:
        """Where the snapshot of a job goes; the oldest ones make room for it."""
        folder = getattr(self._store, "folder", None) or self._own_folder()
        with guard("make a folder for snapshots"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            files = sorted(folder.glob("*.heap"), key=lambda file: file.stat().st_mtime)
            for file in files[: max(len(files) - _MOST_FILES + 1, 0)]:
                file.unlink(missing_ok=True)
            name = "".join(letter for letter in job.id if letter.isalnum() or letter in "-_")
            return Path(folder / f"{name}.heap")
        return None

    def _own_folder(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="pympler-"))
            weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        return self._folder

    # The snapshot of a request.

    def begin(
        self, method: str = "", path: str | None = None, asked: bool = False
    ) -> HeapBefore | None:
        """Walk the heap before a request that asks for it, or that may be the one waited for.

        Args:
            method: of the request, empty if it is not known.
            path: of the request, as route templates have it; ``None`` if it is not known.
            asked: whether the request asks for it itself.
        """
        job = self.armed
        if not asked and (job is None or not self._may_be(job, method, path)):
            return None
        lacking = lacks_memory()
        if lacking:
            if job is not None and not asked:
                self._give_up(job, lacking)
            else:
                logger.warning("pympler takes no snapshot of this request: %s", lacking)
            return None
        self._tries += not asked
        self.walks += 1
        with guard("walk the heap before a request"):
            return _heap_before(asked=asked)
        return None

    def _may_be(self, job: Job, method: str, path: str | None) -> bool:
        wanted, verb = job.arguments.get("route", ""), job.arguments.get("method", "")
        if method and verb not in ("", method):
            return False
        return path is None or self._misled or not wanted or may_serve(wanted, path)

    def end(self, before: HeapBefore | None, request: EndedRequest, others: int) -> None:
        """The request has ended: if it is the one, walk the heap again."""
        job = self.armed
        found = job is not None and _is_of(job, request)
        if before is None:
            # Its path told nothing of its route: from now on no path is believed.
            self._misled = self._misled or found
            return
        if found:
            self.armed = None
        elif not before.asked:
            if job is not None and self._tries >= _MOST_TRIES:
                self._give_up(
                    job, f"the heap was walked for {self._tries} requests of other routes"
                )
            return
        else:
            job = None
        self.walks += 1
        done = False
        with guard("walk the heap after a request"):
            report = f"{self._worker}.{request.id}" if request.id else ""
            result, pause_s = before.compare(
                route=request.route, method=request.method, report=report
            )
            message = f"{others} other requests overlapped with it" if others else ""
            self._keep(result, pause_s, message, job)
            done = True
        if job is not None and not done:
            self._give_up(job, "it failed; the log of the worker says why")

    @contextmanager
    def taking(self, label: str) -> Iterator[TakenSnapshot]:
        """Walk the heap before and after a block of the application, and keep what changed."""
        taken = TakenSnapshot()
        before = None
        mine = self._taking.acquire(blocking=False)
        try:
            if mine:
                self.walks += 1
                with guard("walk the heap before a block"):
                    before = _heap_before()
            yield taken
            if before is not None:
                self.walks += 1
                with guard("walk the heap after a block"):
                    taken.result, pause_s = before.compare(route=label, method="", report="")
                    self._keep(taken.result, pause_s)
        finally:
            if mine:
                self._taking.release()

    def _keep(
        self, result: SnapshotResult, pause_s: float, message: str = "", job: Job | None = None
    ) -> None:
        if job is None:
            arguments = {"route": result.route, "method": result.method}
            job = Job(uuid4().hex, "snapshot", self._worker, time.time(), arguments)
            self._store.add_job(replace(job, state="running"))
        self._finish(job, result.to_dict(), pause_s, message)


def _heap_before(*, asked: bool = False) -> HeapBefore:
    from pympler.leaks.comparison import HeapBefore

    return HeapBefore(asked=asked)


def _is_of(job: Job, request: EndedRequest) -> bool:
    wanted, verb = job.arguments.get("route", ""), job.arguments.get("method", "")
    return wanted in ("", request.route) and verb in ("", request.method)
