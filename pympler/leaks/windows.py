"""Windows: how single requests are watched, from where one begins to where it has ended.

A request that is watched has a window, in which is listed what is born, or a tracer, which looks
for the line that adds to a confirmed suspect. What that takes goes on the budget.
"""

from __future__ import annotations

import time

from pympler.leaks.active import ActiveRequest
from pympler.leaks.births import Births
from pympler.leaks.budget import Budget
from pympler.leaks.ended import Ended
from pympler.leaks.investigation import Investigation
from pympler.leaks.jobs import Jobs
from pympler.leaks.steps import RequestSteps
from pympler.leaks.tracing import StoreTracer
from pympler.leaks.window import Window
from pympler.leaks.worker import Worker

__all__ = ["Windows"]

_IDLE_S = 2.0
_MOST_PUT_OFF = 2
_PLAIN_REQUEST_S = 2e-6  # what a request without a window takes, benchmarks/cost.py


class Windows:
    """Watches requests, as long as the background is not at work.

    Not thread-safe: the monitor calls it in its turn.

    Args:
        births: follows what is born in the windows.
        budget: bounds their number.
        investigation: learns from them, and has the tracers.
        jobs: may walk the heap within one.
        worker: has something to do after each.

    Attributes:
        births: what was born in them, and what became of it.
        budget: what they and everything else may take.
        count: windows closed so far.
        walks: heap walks begun in the background.
        is_held_off: whether the background is at work, which a window would show.
        owed_s: CPU seconds spent outside the turn, put on the budget with the next ones.
    """

    def __init__(
        self,
        births: Births,
        budget: Budget,
        investigation: Investigation,
        jobs: Jobs,
        worker: Worker,
    ) -> None:
        self.births = births
        self.budget = budget
        self._investigation = investigation
        self._jobs = jobs
        self._worker = worker
        self.count = self.walks = 0
        self.is_held_off = self._refused = False
        self.owed_s = 0.0
        self._put_off = self._accounted = 0
        self._hook_cost_s = self._last_s = 0.0

    # While requests are served.

    def open(self, request: ActiveRequest, method: str, path: str | None, *, chosen: bool) -> None:
        """Watch a request, if a line is looked for or it is chosen for a window.

        Args:
            request: begins now.
            method: its HTTP method, empty if it is not known.
            path: its path, ``None`` if it is not known.
            chosen: whether it is its turn to have a window.
        """
        if self._trace(request, method, path):
            return
        if chosen and not self.is_held_off and self.budget.allows_window():
            self.watch(request)

    def watch(self, request: ActiveRequest) -> None:
        """Open a window for this request, whatever it costs."""
        cpu_s = time.thread_time()
        request.is_plain = False
        request.walks = self._all_walks()
        request.lengths = self._investigation.lengths()
        request.started_at = time.time()
        request.began_s = time.perf_counter()
        request.refused = self.births.refusal()
        if request.births is not None:
            request.births.watch()
        if not request.refused:
            self._worker.wake()  # its thread is made before the window, which would list it
            self.births.watch.install()
        request.own_cost_s = time.thread_time() - cpu_s
        if not request.refused:
            request.window = self.births.open()

    def _trace(self, request: ActiveRequest, method: str, path: str | None) -> bool:
        if not self._investigation.seeking or not self.budget.allows_trace():
            return False
        tracer = self._investigation.tracer(method, path)
        if tracer is None:
            return False
        tracer.start()
        request.tracer = tracer if tracer.active else None
        request.is_plain = False
        return tracer.active

    def step(self, request: ActiveRequest) -> RequestSteps:
        """The request is going to run in steps, with other requests in between."""
        window, tracer = request.window, request.tracer
        if tracer is not None:
            tracer.pause()
        marks = self.births.watch.mark(window) if window is not None else None
        request.steps = RequestSteps(marks, tracer, self._investigation.followed())
        return request.steps

    def give_up(self, request: ActiveRequest) -> None:
        """Close the window of a request in flight, and forget what was born in it."""
        window, request.window = request.window, None
        if window is not None:
            self.births.close(window)

    def end(self, request: ActiveRequest, started: int, *, ignored: bool) -> None:
        """Close what was opened for a request that has ended.

        Args:
            request: the request.
            started: number of requests that have begun by now.
            ignored: whether what is known of it is to be left out of the report.
        """
        if request.tracer is not None:
            self._take_trace(request, request.tracer, started)
        if request.window is not None or request.refused:
            self._close(request, started, ignored=ignored)

    def _take_trace(self, request: ActiveRequest, tracer: StoreTracer, started: int) -> None:
        key = (request.method, request.route)
        self._investigation.take_trace(key, tracer, alone=request.met(started) == 1)
        self.budget.spend(tracer.cost_s, trace=True)

    def _close(self, request: ActiveRequest, started: int, *, ignored: bool) -> None:
        cpu_s = time.thread_time() - request.own_cost_s
        window, in_flight = request.window, request.met(started)
        note, is_exact = request.refused, False
        if window is not None:
            self.births.close(window)
            note, is_exact = self._judge(request, window, alone=in_flight == 1)
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
            self.births.follow(ended, window)
        self.births.expect()
        self._last_s = time.monotonic()
        self._worker.wake()
        own_s = time.thread_time() - cpu_s + (request.steps.cost_s if request.steps else 0.0)
        # What a person asked for is not on the budget.
        self.spend(0.0 if request.id else own_s, started)

    def _judge(self, request: ActiveRequest, window: Window, *, alone: bool) -> tuple[str, bool]:
        """The fault of a closed window, and whether all in it is of its request by the steps."""
        steps = request.steps if request.steps and request.steps.is_complete else None
        is_exact = steps is not None and not steps.met_pools
        # Alone it is too, but for what we make around the steps of a request: it may stay as long
        # as a timer does that was set meanwhile, and with it the context variable of the steps.
        if steps is not None and (not alone or window.knows_own):
            window.keep_own()
        fault = window.fault
        if not fault and request.walks != self._all_walks():
            fault = "a heap walk ran meanwhile"
        self._investigation.read_lengths(
            (request.method, request.route),
            request.lengths,
            alone=alone,
            steps=steps if is_exact else None,
        )
        self.count += 1
        return fault, is_exact

    def _all_walks(self) -> int:
        return self.walks + self._jobs.walks

    # For the background and the summary.

    @property
    def refusal(self) -> str:
        """Why requests cannot be watched, if that was so with one of them or with all so far."""
        return self.births.refusal() if self.count == 0 or self._refused else ""

    @property
    def is_idle(self) -> bool:
        """Whether no window was closed for some seconds."""
        return time.monotonic() - self._last_s > _IDLE_S

    def hold_off(self) -> bool:
        """Open no more windows; those that are open are waited for, but not for ever.

        Returns:
            Whether the background may work now, and has to end the pause when it has.
        """
        self._put_off += 1
        if self.births.watch.is_open and self._put_off <= _MOST_PUT_OFF:
            return False
        self._put_off = 0
        self.is_held_off = True
        return True

    def spend(self, cpu_s: float, started: int) -> None:
        """Put CPU seconds on the budget, with all that other threads and plain requests took.

        Args:
            cpu_s: what was spent just now.
            started: number of requests that have begun by now.
        """
        hook_cost_s = self.births.watch.hook_cost_s
        # Nor is what was done for a person who looks at a request.
        cpu_s -= self.births.proof_cost_s
        self.births.proof_cost_s = 0.0
        plain_s = (started - self._accounted) * _PLAIN_REQUEST_S
        owed_s, self.owed_s = self.owed_s, 0.0
        self.budget.spend(max(cpu_s, 0.0) + owed_s + hook_cost_s - self._hook_cost_s + plain_s)
        self._hook_cost_s, self._accounted = hook_cost_s, started
