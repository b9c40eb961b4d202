"""START HERE: the whole flow of a request, from its first moment to the verdict on its route.

``begin`` opens a window for a share of the requests; ``ActiveRequest.finish`` closes it. What was
born within is followed by :mod:`~pympler.leaks.survivors` until it outlived a collection, becomes
a :class:`~pympler.leaks.report.RequestReport`, and is counted for its route by
:mod:`~pympler.leaks.attribution`. When every window of a route leaves something, the background
thread (:mod:`~pympler.leaks.background`) looks for the holder
(:mod:`~pympler.leaks.investigation`), which is then watched by its length until it is confirmed as
a leak or cleared.
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
from pympler.leaks.counters import CounterReadings
from pympler.leaks.diary import Diary
from pympler.leaks.ended import Ended, Process, report_of, result_of
from pympler.leaks.guard import guard
from pympler.leaks.investigation import Investigation
from pympler.leaks.jobs import Jobs, TakenSnapshot
from pympler.leaks.lifecycle import follow
from pympler.leaks.publisher import Observer, Publisher
from pympler.leaks.report import LeakSummary, RequestReport, RouteSummary
from pympler.leaks.settings import Settings
from pympler.leaks.steps import RequestSteps
from pympler.leaks.survivors import Settled
from pympler.leaks.suspects import LiveSuspect
from pympler.leaks.tracing import StoreTracer
from pympler.leaks.turns import Turns
from pympler.leaks.window import Window
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
_TRACED_EVENT_S = 2e-6  # what an event of a traced request takes
_CLOSE = guard("close a window")  # used again and again: each request comes by
_ENTER = guard("follow the instances of a request")


class LeakMonitor(Background):
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
        self._turns = Turns()
        self._process = Process(platform.node(), os.getpid(), time.time())
        self._started = self._in_flight = self._windows = self._next_id = 0
        self._budget = Budget(self.settings.max_overhead, time.monotonic)
        self._cycle = DutyCycle(self.settings.sample_rate)
        self._births = Births()
        self._publisher = Publisher(self.settings, self.store, self._on_leak, self.observers)
        self._hook_cost_s = self._owed_s = 0.0
        self._investigation = Investigation(self.settings.deep)
        self._late: deque[ActiveRequest] = deque()
        self._missed: deque[None] = deque()
        self._confirmed: list[LiveSuspect] = []
        self._counters = CounterReadings()
        self._counted_s = self._last_window_s = 0.0
        self._walks = self._accounted = 0
        self._busy = self._refused = False
        self._put_off = 0
        self._lacking = ""
        self._jobs = Jobs(self.store, self._process.worker)
        self._diary = Diary(self.store)
        self._worker = Worker(self._tick, _TICK_S, self._look)

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
        if os.getpid() != self._process.pid:  # what uWSGI forks in C is told by nobody
            notice_fork()
        before = None
        if asked or self._jobs.armed is not None:
            before = self._jobs.begin(method, path, asked)
        turns = self._turns
        if not turns.enter():
            self._missed.append(None)
            return ActiveRequest(self)
        try:
            if self._missed or len(self._late) >= _LATE_TOGETHER:
                self._end_late()
            self._started += 1
            self._in_flight += 1
            others = self._in_flight - 1 + len(self._missed) - len(self._late)
            request = ActiveRequest(self, self._started, others)
            if before is not None:
                request.before, request.is_plain = before, False
            if self._chosen is not None:
                with _ENTER:
                    request.births = self._chosen.enter()
            chosen = self._cycle.next()
            if chosen or self._investigation.seeking:
                with guard("open a window"):
                    self._open(request, chosen, method, path)
        finally:
            turns.leave()
        if before is not None:
            request.watch()
        return request

    def _watch(self, request: ActiveRequest) -> str:
        turns = self._turns
        if self._closed or not turns.enter():
            return ""
        try:
            if request.window is None and not request.refused:
                self._open_window(request)
            if not request.id:
                self._next_id += 1
                request.id = self._next_id
            return f"{self._process.worker}.{request.id}"
        finally:
            turns.leave()

    def _snapshot(self, request: ActiveRequest) -> None:
        """The request asks for a snapshot only now: its window begins anew after the walk."""
        if self._closed or request.before is not None:
            return
        window, turns = request.window, self._turns
        if window is not None and request.steps is None and turns.enter():
            try:
                request.window = None
                self._births.close(window)
            finally:
                turns.leave()
        if request.tracer is not None:
            request.tracer.stop()
            request.tracer = None
        request.before = self._jobs.begin(asked=True)
        request.watch()

    def _step(self, request: ActiveRequest) -> RequestSteps:
        window, tracer = request.window, request.tracer
        if tracer is not None:
            tracer.pause()
        marks = self._births.watch.mark(window) if window is not None else None
        request.steps = RequestSteps(marks, tracer, self._investigation.followed())
        return request.steps

    def _finish(self, request: ActiveRequest) -> None:
        if request.steps is not None:
            request.steps.close()
        if request.tracer is not None:
            request.tracer.stop()
        self._late.append(request)
        if request.is_plain and not (self._births.ready or self._confirmed or self._jobs.armed):
            return  # some are counted together, by one that has the turn anyway
        turns = self._turns
        if not turns.enter():
            return
        try:
            self._end_late()
        finally:
            turns.leave()
        if self._births.ready or self._confirmed:
            self._report(_REPORTS_PER_REQUEST)
            self._announce()
        before, request.before = request.before, None
        if before is not None or self._jobs.armed is not None:
            self._jobs.end(before, request, self._met(request) - 1)

    def _count_missed(self) -> None:
        # Their turn did not come: unwatched, but others overlapped with them.
        while self._missed:
            self._missed.popleft()
            self._started += 1
            self._in_flight += 1

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

    def _end(self, request: ActiveRequest) -> None:
        ignored = self._ignores(request.route)
        try:
            if request.tracer is not None:
                self._take_trace(request, request.tracer)
            if request.window is not None or request.refused:
                self._close(request, ignored=ignored)
        finally:
            request.tracer = request.window = request.steps = None
            if not ignored:  # after the window, in which a new history would be seen
                self._investigation.routes.of((request.method, request.route)).requests += 1

    def _open(self, request: ActiveRequest, chosen: bool, method: str, path: str | None) -> None:
        if self._closed or self._trace(request, method, path):
            return
        if chosen and not self._busy and self._budget.allows_window():
            self._open_window(request)

    def _open_window(self, request: ActiveRequest) -> None:
        cpu_s = time.thread_time()
        request.is_plain = False
        request.walks = self._walks + self._jobs.walks
        request.lengths = self._investigation.lengths()
        request.started_at = time.time()
        request.began_s = time.perf_counter()
        request.refused = self._births.refusal()
        if request.births is not None:
            request.births.watch()
        if not request.refused:
            self._worker.wake()  # its thread is made before the window, which would list it
            self._births.watch.install()
        request.own_cost_s = time.thread_time() - cpu_s
        if not request.refused:
            request.window = self._births.open()

    def _trace(self, request: ActiveRequest, method: str, path: str | None) -> bool:
        if not self._investigation.seeking or not self._budget.allows_trace():
            return False
        tracer = self._investigation.tracer(method, path)
        if tracer is None:
            return False
        tracer.start()
        request.tracer = tracer if tracer.active else None
        request.is_plain = False
        return tracer.active

    def _take_trace(self, request: ActiveRequest, tracer: StoreTracer) -> None:
        key = (request.method, request.route)
        self._investigation.take_trace(key, tracer, alone=self._met(request) == 1)
        self._budget.spend(tracer.events * _TRACED_EVENT_S, walk=True)

    def _close(self, request: ActiveRequest, *, ignored: bool) -> None:
        cpu_s = time.thread_time() - request.own_cost_s
        window = request.window
        note, is_exact = request.refused, False
        in_flight = self._met(request)
        if window is not None:
            self._births.close(window)
            key, alone = (request.method, request.route), in_flight == 1
            steps = request.steps if request.steps and request.steps.is_complete else None
            is_exact = steps is not None and not steps.met_pools
            if steps is not None and not alone:
                window.keep_own()
            note = self._fault_of(request, window)
            changed = self._investigation.read_lengths(
                key, request.lengths, alone=alone, steps=steps if is_exact else None
            )
            self._confirmed += [suspect for suspect in changed if suspect.verdict == "leak"]
            self._windows += 1
        if request.births is not None:
            request.births.end()
        ended = Ended(
            route=request.route,
            method=request.method,
            status=request.status,
            error=request.error,
            started_at=request.started_at,
            duration_s=time.perf_counter() - request.began_s,
            in_flight=in_flight,
            own_cost_s=time.thread_time() - cpu_s,
            note=note,
            births=request.births,
            id=request.id,
            is_exact=is_exact,
        )
        self._refused = self._refused or bool(note)
        if not ignored:
            self._births.follow(ended, window)
        self._births.expect()
        self._last_window_s = time.monotonic()
        self._worker.wake()
        self._spend(0.0 if request.id else time.thread_time() - cpu_s)

    def _met(self, request: ActiveRequest) -> int:
        """The number of requests that overlapped with this one, itself included."""
        # The serial is the parent's if the process was forked meanwhile.
        return max(1 + request.others + self._started - request.serial, 1)

    def _record(self, settled: Settled[Ended]) -> RequestReport:
        number = settled.key.id
        if not number:
            self._next_id += 1
            number = self._next_id
        report = report_of(settled, self.settings, number, self._process)
        result = result_of(report, settled)
        if result is not None:
            self._investigation.record((report.method, report.route), result, report.survivors)
        return report

    # What limits it.

    def _fault_of(self, request: ActiveRequest, window: Window) -> str:
        if window.fault:
            return window.fault
        return (
            "" if request.walks == self._walks + self._jobs.walks else "a heap walk ran meanwhile"
        )

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
        self._announce()
        return self._summarise()

    def close(self) -> None:
        """Finish the pending re-checks, take the hook out and end the background thread.

        May be called twice; requests that begin later are counted but not watched.
        """
        if self._closed:
            return
        self._closed = True
        self._worker.stop()
        self._settle_all()
        self._announce(everything=True)
        self._births.watch.uninstall()
        if self.unhook is not None:
            self.unhook()
        self._write_last()
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
        self._write_last()
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
