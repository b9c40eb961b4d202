"""START HERE: the whole flow of a request, from its first moment to the verdict on its route.

``begin`` has a share of the requests watched (:mod:`~pympler.leaks.windows`), and
``ActiveRequest.finish`` ends that. What was born within is followed by
:mod:`~pympler.leaks.births` until it outlived a collection, becomes a
:class:`~pympler.leaks.report.RequestReport` (:mod:`~pympler.leaks.reporter`), and is counted for
its route (:mod:`~pympler.leaks.investigation`). When many windows of a route leave something, the
background thread looks for the holder (:mod:`~pympler.leaks.background`), which is then watched by
its length until it is confirmed as a leak or cleared.
"""

from __future__ import annotations

import os
import platform
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from pympler.leaks.active import ActiveRequest
from pympler.leaks.background import Background
from pympler.leaks.births import Births
from pympler.leaks.budget import Budget, DutyCycle
from pympler.leaks.ended import Process
from pympler.leaks.guard import guard
from pympler.leaks.investigation import Investigation
from pympler.leaks.jobs import Jobs, TakenSnapshot
from pympler.leaks.lifecycle import follow
from pympler.leaks.publisher import Observer, Publisher
from pympler.leaks.report import LeakSummary, RouteSummary
from pympler.leaks.reporter import Reporter
from pympler.leaks.settings import Settings
from pympler.leaks.steps import RequestSteps
from pympler.leaks.turns import Turns
from pympler.leaks.windows import Windows
from pympler.leaks.worker import Worker
from pympler.store import Store
from pympler.store.memory import MemoryStore
from pympler.store.open import open_store
from pympler.util.forks import notice_fork

if TYPE_CHECKING:
    from pympler.leaks.chosen import ChosenClasses

__all__ = ["UNROUTED", "ActiveRequest", "LeakMonitor"]

UNROUTED = "<unrouted>"
"""Route of a request that no route template is known for."""

_TICK_S = 1.0
_REPORTS_PER_REQUEST = 16
_LATE_TOGETHER = 16
_CLOSE = guard("close a window")  # used again and again: each request comes by
_ENTER = guard("follow the instances of a request")


class LeakMonitor:
    """Watches requests and says which of them left what behind, and who holds it.

    Safe to use from many threads and tasks. One monitor per application and process; a forked
    child goes on with an empty one by itself.

    Args:
        settings: what to do; or give single settings by name.
        store: keeps the request reports, by default what ``settings.store`` says; a text is that
            setting.
        on_leak: called once for each route whose leak has been confirmed, with its
            :class:`~pympler.leaks.report.RouteSummary`, after a request and outside any lock.
        options: settings by name, if no ``settings`` are given.

    Attributes:
        observers: are told of each report and, every few seconds, of the summary, such as the
            metrics of :mod:`pympler.metrics`.
        unhook: undoes what a front end has hooked for this monitor; called when it is closed.

    Raises:
        SettingsError: for an unknown setting or a bad value, or a class that cannot be tracked.

    Example:
        >>> monitor = LeakMonitor(sample_rate=1.0, application="nightly")
        >>> with monitor.request("job:clean-up"):
        ...     pass
        >>> monitor.summary().requests
        1
        >>> monitor.close()
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        store: Store | str | None = None,
        on_leak: Callable[[RouteSummary], object] | None = None,
        **options: object,
    ) -> None:
        if isinstance(store, str):  # the setting of this name, given like the others
            options["store"], store = store, None
        if settings is not None and options:
            raise TypeError("give either settings or single options, not both")
        self.settings = settings if settings is not None else Settings.from_mapping(options)
        self.store = self._open_store() if store is None else store
        self._owns_store = store is None
        self._on_leak = on_leak
        self.observers: list[Observer] = []
        self.unhook: weakref.finalize[..., LeakMonitor] | None = None
        self._closed = False
        self._ignores = self.settings.ignores
        self._chosen = self._choose_classes()
        self._reset()
        follow(self)

    def _open_store(self) -> Store:
        settings = self.settings
        if not settings.enabled:
            return MemoryStore(keep=1)
        return open_store(settings.store, application=settings.application, keep=settings.keep)

    def _choose_classes(self) -> ChosenClasses | None:
        settings = self.settings
        if not settings.enabled or not settings.track_classes:
            return None
        from pympler.leaks.chosen import ChosenClasses

        return ChosenClasses(settings.track_classes)

    def _reset(self) -> None:
        settings, store = self.settings, self.store
        self._pid = os.getpid()
        self._process = Process(platform.node(), self._pid, time.time())
        self._turns = Turns()
        self._started = self._in_flight = 0
        self._late: deque[ActiveRequest] = deque()
        self._missed: deque[None] = deque()
        self._cycle = DutyCycle(settings.sample_rate)
        self._budget = Budget(settings.max_overhead, time.monotonic)
        self._births = Births()
        self._investigation = Investigation(settings.deep, settings.ignores)
        self._jobs = Jobs(store, self._process.worker)
        self._worker = Worker(self._tick, _TICK_S, self._look)
        self._windows = Windows(
            self._births, self._budget, self._investigation, self._jobs, self._worker
        )
        self._background = Background(self._turns, self._windows, self._investigation)
        self._reporter = Reporter(
            settings,
            store,
            self._process,
            Publisher(settings, store, self._on_leak, self.observers),
            self._turns,
            self._windows,
            self._investigation,
            self._chosen,
        )

    # The flow of a request.

    def begin(
        self, method: str = "", path: str | None = None, asked: bool = False
    ) -> ActiveRequest:
        """A request begins: count it, and open a window if it is its turn.

        Takes about a microsecond for a request without a window. Never raises on purpose; front
        ends wrap it in :func:`~pympler.leaks.guard.guard` all the same.

        Args:
            method: its HTTP method, as far as it is known by now.
            path: its path, which tells of what route it may be.
            asked: whether the heap is to be compared before and after it.
        """
        if os.getpid() != self._pid:  # what uWSGI forks in C is told by nobody
            notice_fork()
        before = None
        if asked or self._jobs.armed is not None:
            before = self._jobs.begin(method, path, asked)
        turns = self._turns
        if not turns.enter():
            self._missed.append(None)
            return self._begin_missed()
        try:
            if self._missed or len(self._late) >= _LATE_TOGETHER:
                self._end_late()
            self._started += 1
            self._in_flight += 1
            others = self._in_flight - 1 + len(self._missed) - len(self._late)
            request = ActiveRequest(self, self._started, others)
            if before is not None:
                request.before, request.is_plain = before, False
            if self._chosen is not None and not self._closed:
                with _ENTER:
                    request.births = self._chosen.enter()
            chosen = self._cycle.next()
            if (chosen or self._investigation.seeking) and not self._closed:
                with guard("open a window"):
                    self._windows.open(request, method, path, chosen=chosen)
        finally:
            turns.leave()
        if before is not None:
            request.watch()
        return request

    def _begin_missed(self) -> ActiveRequest:
        """One whose turn did not come: its number is about this, in case that it is watched yet.

        It overlaps with whoever had the turn, and so does not count as alone.
        """
        started, in_flight = self._started, self._in_flight
        waiting = len(self._missed)
        return ActiveRequest(
            self, started + waiting, max(in_flight + waiting - 1 - len(self._late), 1)
        )

    def _finish(self, request: ActiveRequest) -> None:
        if request.steps is not None:
            request.steps.close()
        if request.tracer is not None:
            request.tracer.stop()
        self._late.append(request)
        waits = self._births.ready or self._investigation.confirmed
        if request.is_plain and not (waits or self._jobs.armed):
            return  # some are counted together, by one that has the turn anyway
        turns = self._turns
        if not turns.enter():
            return
        try:
            self._end_late()
        finally:
            turns.leave()
        if self._births.ready or self._investigation.confirmed:
            self._reporter.report(_REPORTS_PER_REQUEST)
            self._reporter.announce()
        before, request.before = request.before, None
        if before is not None or self._jobs.armed is not None:
            self._jobs.end(before, request, request.met(self._started) - 1)

    def _end_late(self) -> None:
        with _CLOSE:
            while self._late:
                request = self._late.popleft()
                # A finalizer may have begun and ended it just now: it counts as begun before.
                if self._missed:
                    self._count_missed()
                self._in_flight = max(self._in_flight - 1, 0)
                if not request.is_plain:
                    self._end(request)
                elif not self._ignores(request.route):
                    self._investigation.routes.of((request.method, request.route)).requests += 1
        if self._missed:
            self._count_missed()

    def _count_missed(self) -> None:
        # Their turn did not come: unwatched, but others overlapped with them.
        while self._missed:
            self._missed.popleft()
            self._started += 1
            self._in_flight += 1

    def _end(self, request: ActiveRequest) -> None:
        ignored = self._ignores(request.route)
        try:
            self._windows.end(request, self._started, ignored=ignored)
        finally:
            request.tracer = request.window = request.steps = None
            if not ignored:  # after the window, in which a new history would be seen
                self._investigation.routes.of((request.method, request.route)).requests += 1

    # What becomes of requests in flight, as front ends learn it.

    def _watch(self, request: ActiveRequest) -> str:
        turns = self._turns
        if self._closed or not turns.enter():
            return ""
        try:
            if request.window is None and not request.refused:
                self._windows.watch(request)
            request.id = request.id or self._reporter.next_number()
            return f"{self._process.worker}.{request.id}"
        finally:
            turns.leave()

    def _snapshot(self, request: ActiveRequest) -> None:
        """The request asks for a snapshot only now: its window begins anew after the walk."""
        if self._closed or request.before is not None:
            return
        turns = self._turns
        if request.window is not None and request.steps is None and turns.enter():
            try:
                self._windows.give_up(request)
            finally:
                turns.leave()
        if request.tracer is not None:
            request.tracer.stop()
            request.tracer = None
        request.before = self._jobs.begin(asked=True)
        request.watch()

    def _step(self, request: ActiveRequest) -> RequestSteps:
        return self._windows.step(request)

    # What no request waits for.

    def _tick(self) -> bool:
        """Do what must not happen within a request; returns whether more is to be expected.

        Windows that are open are waited for, and none is opened meanwhile: it would list what this
        thread makes.
        """
        with self._turns:
            if not self._windows.hold_off():
                return True
        try:
            return self._work()
        finally:
            self._windows.is_held_off = False
            self._reporter.announce()

    def _work(self) -> bool:
        is_idle = self._windows.is_idle
        self._background.read_counters(self._started)
        if is_idle and self._budget.allows_window():  # or there was no window for want of budget
            self._settle_all()
        while not self._closed and self._background.walk_heap(self._started):
            pass
        if self._jobs.look():
            self._jobs.work()
        if self._reporter.is_due(idle=is_idle):
            self._reporter.write_down(self._started)
        with self._turns:
            return not is_idle or self._births.pending

    def _look(self) -> bool:
        """Whether there is something to do although no requests come."""
        return self._jobs.look() or self._reporter.is_due(idle=True)

    def _settle_all(self) -> None:
        """End what has ended, and report on all windows as they are now."""
        with self._turns:
            cpu_s = time.thread_time()
            self._end_late()
            self._births.settle_all()
            self._windows.spend(time.thread_time() - cpu_s, self._started)
        self._reporter.report()

    # What users call.

    @contextmanager
    def request(self, label: str) -> Iterator[ActiveRequest]:
        """Watch a piece of work that is no HTTP request, under a label such as ``"job:nightly"``.

        Exceptions of the work pass through and are noted in its report.
        """
        request = self.begin("", label)
        error: str | None = None
        try:
            yield request
        except BaseException as raised:
            error = type(raised).__name__
            raise
        finally:
            with guard("finish a request"):
                request.finish(label, error=error)

    @property
    def is_watching(self) -> bool:
        """Whether it is enabled and not closed."""
        return self.settings.enabled and not self._closed

    def snapshot(self, label: str) -> AbstractContextManager[TakenSnapshot]:
        """Compare the whole heap before and after a block, under a label such as ``"import"``.

        Walks the heap twice, seconds each in a large process. What changed is the ``result`` of
        the value that the block is given, and is kept in the store.
        """
        return self._jobs.taking(label)

    def summary(self) -> LeakSummary:
        """What is known now, in one value; finishes the re-checks that are pending."""
        self._settle_all()
        self._reporter.announce()
        return self._reporter.summarise(self._started)

    def close(self) -> None:
        """Finish the pending re-checks, take the hook out and end the background thread.

        May be called twice; requests that begin later are counted but not watched.
        """
        if self._closed:
            return
        self._closed = True
        self._worker.stop()
        self._settle_all()
        self._reporter.announce(everything=True)
        self._births.watch.uninstall()
        if self.unhook is not None:
            self.unhook()
        self._reporter.write_last(self._started)
        if self._chosen is not None:
            self._chosen.close()
        if self._owns_store:
            self.store.close()

    def write_down(self, timeout_s: float = 2.0) -> bool:
        """Write all that is known to the store; for the end of a process that may be killed.

        Returns:
            Whether it was written in time.
        """
        self._settle_all()
        self._reporter.write_last(self._started)
        return self.store.flush(timeout_s)

    def _end_with_process(self) -> None:
        # Threads still run, but what they do is no longer waited for.
        if not self._closed:
            self.write_down()

    def _begin_in_child(self) -> None:
        # Locks may be held and threads are gone: what the parent learned stays with the parent.
        self._births.watch.uninstall()
        if self._chosen is not None:
            self._chosen.forget()
        self._reset()
