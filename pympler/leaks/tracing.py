"""The line that stores: which line of the application adds to a container."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType, MethodType, TracebackType
from typing import Any

from pympler.graph.roots import traced_threads
from pympler.util.names import is_application_file, short_file

__all__ = ["StoreTracer", "tracing_held_off"]

# A thread that runs is not interrupted before 5 ms are over; one that waits is away for longer.
_NO_SWITCH_S = 0.001
# To hand the interpreter over and get it back takes longer than this.
_AWAY_S = 30e-6
_SENDERS = ("pympler.leaks.check.", "pympler_pytest.")
_LONGEST_S = 5.0  # a stream that lasts for hours must not hold off walks of the heap

_TraceFunction = Callable[[FrameType, str, Any], Any]
_settrace_all: Callable[[_TraceFunction | None], None] | None = getattr(
    threading, "settrace_all_threads", None
)


_waiting_walks: list[None] = []


@contextmanager
def tracing_held_off() -> Iterator[bool]:
    """No trace of a request begins within the block; gives whether none is under way.

    A walk of the heap takes its time, which a trace would see; and it reads the locals of frames,
    which it cannot leave as they were where somebody traces.
    """
    _waiting_walks.append(None)
    try:
        yield not _is_under_way()
    finally:
        _waiting_walks.pop()


def _is_under_way() -> bool:
    """Whether a trace is at work; one that was stopped from elsewhere is not, nor a lost one."""
    running = set(sys._current_frames())
    for thread, reference in list(traced_threads.items()):
        tracer = reference()
        if thread not in running:
            traced_threads.pop(thread, None)
        elif tracer is not None and tracer.is_under_way:
            return True
    return False


class StoreTracer:
    """Names the line that makes a container longer, by tracing the code that runs meanwhile.

    The trace compares the lengths at each event; what grew since the last event of a thread was
    added by the line that this thread was executing, if that was so short a time ago that no other
    thread can have done it meanwhile. The innermost line of the application is named, a library's
    only if no line of the application led there.

    Threads that run already are traced too where Python can (3.12 and later), so that work in a
    thread pool is seen. Nothing is traced if the thread has a trace function (a debugger, a
    coverage tool): that one stays as it is.

    A request among others is traced in its own thread only, and only while it runs there: a front
    end pauses and resumes the trace. Then ``grown`` says what the request itself added.

    Args:
        lengths: for each container a function that returns its length, or ``None`` once it is
            gone.
        clock: wall seconds.
        only_here: trace no other threads but those in which the trace is resumed.
        cpu_clock: CPU seconds of the calling thread.

    Attributes:
        active: whether it traces.
        grown: by how much each container grew at lines that this trace saw.
        events: number of events so far.
        of_application: the containers whose line is one of the application.

    Example:
        >>> kept = []
        >>> def remember(item):
        ...     kept.append(item)
        >>> with StoreTracer({"kept": lambda: len(kept)}) as tracer:
        ...     remember(1)
        >>> tracer.active and tracer.lines()["kept"] is None  # no application: this is a doctest
        False
    """

    def __init__(
        self,
        lengths: Mapping[Hashable, Callable[[], int | None]],
        clock: Callable[[], float] = time.perf_counter,
        *,
        only_here: bool = False,
        cpu_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._lengths = dict(lengths)
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._settrace_all = None if only_here else _settrace_all
        self._only_here = only_here
        self.grown: dict[Hashable, int] = {}
        self.events = 0
        self.of_application: set[Hashable] = set()
        self._until_s = 0.0
        self._threads: set[int] = set()
        self._last = {key: length() for key, length in self._lengths.items()}
        self._lines: dict[Hashable, str] = {}
        self._at: dict[int, tuple[FrameType, int, float, float]] = {}
        self._joined: FrameType | None = None
        self.active = False

    def __enter__(self) -> StoreTracer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to trace, unless somebody else traces already."""
        if sys.gettrace() is not None or threading.gettrace() is not None:
            return
        if self._settrace_all is not None and any(map(_is_foreign, _traces_of_frames())):
            return
        self._until_s = self._clock() + _LONGEST_S
        self.active = True
        if not self._may_install():
            self.active = False
            return
        self._join(sys._getframe(1))
        if self._settrace_all is not None:
            self._settrace_all(self.trace)
        else:
            sys.settrace(self.trace)

    @property
    def is_under_way(self) -> bool:
        """Whether it traces and has not outlived the time that it may take."""
        return self.active and not (self._only_here and self._clock() > self._until_s)

    def _may_install(self) -> bool:
        # In this order, as the walk looks in the opposite one: one of both sees the other.
        self._threads.add(threading.get_ident())
        traced_threads[threading.get_ident()] = weakref.ref(self)
        if _waiting_walks and self._only_here:
            traced_threads.pop(threading.get_ident(), None)
            return False
        return True

    def pause(self) -> None:
        """The request lets others run in this thread."""
        self._leave()
        self._at.pop(threading.get_ident(), None)

    def resume(self) -> None:
        """The request runs again, in this thread; what grew meanwhile is not its own."""
        if self.active and sys.gettrace() is None and self._may_install():
            self._last = {key: length() for key, length in self._lengths.items()}
            sys.settrace(self.trace)

    def stop(self) -> None:
        """Stop tracing and let go of all frames; may be called twice, and in any thread.

        A thread that can not be reached from here stops at the next event that it traces.
        """
        if self.active:
            self.active = False
            here = sys.gettrace()
            if self._settrace_all is not None and self._is_own(threading.gettrace()):
                self._settrace_all(None)
            # Somebody may have begun to trace this thread meanwhile.
            sys.settrace(None if self._is_own(here) else here)
            if self._is_own(here) or not self._only_here:
                traced_threads.pop(threading.get_ident(), None)
        joined, self._joined = self._joined, None
        if joined is not None and self._is_own(joined.f_trace):
            joined.f_trace = None
        self._at.clear()

    def _join(self, frame: FrameType | None) -> None:
        # The code in a with block runs already: no call of it is going to be traced.
        while frame is not None and not _is_of_the_application(frame):
            frame = frame.f_back
        if frame is not None and frame.f_trace is None:
            frame.f_trace = self.trace
            self._joined = frame

    def _leave(self) -> None:
        if self._is_own(sys.gettrace()):
            sys.settrace(None)
            traced_threads.pop(threading.get_ident(), None)

    def _is_own(self, function: object) -> bool:
        return type(function) is MethodType and function.__self__ is self

    def lines(self) -> dict[Hashable, str | None]:
        """``file:line`` for each container, ``None`` for those that did not grow."""
        return {key: self._lines.get(key) for key in self._lengths}

    def trace(self, frame: FrameType, event: str, _: Any) -> _TraceFunction | None:
        """The trace function, for threads that :meth:`start` does not reach."""
        if not self.active or (self._only_here and self._clock() > self._until_s):
            self._leave()
            return None
        thread = threading.get_ident()
        self.events += 1
        if self._only_here and thread not in self._threads:
            # Another greenlet in the same system thread: what it adds is its own.
            self._at.clear()
            self._last = {key: length() for key, length in self._lengths.items()}
            return None
        # Before the lengths are read: another thread may run within this function too.
        now_s, cpu_s = self._clock(), self._cpu_clock() if self._only_here else 0.0
        self._compare(thread)
        if event == "return":
            caller = frame.f_back
            if caller is None:
                self._at.pop(thread, None)
            else:
                self._at[thread] = (caller, caller.f_lineno, now_s, cpu_s)
        else:
            self._at[thread] = (frame, frame.f_lineno, now_s, cpu_s)
        return self.trace

    def _compare(self, thread: int) -> None:
        for key, length in self._lengths.items():
            now, before = length(), self._last[key]
            if now == before:
                continue
            self._last[key] = now
            at = self._at.get(thread)
            if at is None or now is None or before is None or now < before:
                continue
            frame, line, since_s, cpu_s = at
            if self._was_away(since_s, cpu_s):
                continue
            self.grown[key] = self.grown.get(key, 0) + now - before
            if key not in self._lines:
                self._lines[key], is_own = _application_line(frame, line)
                if is_own:
                    self.of_application.add(key)

    def _was_away(self, since_s: float, cpu_s: float) -> bool:
        passed_s = self._clock() - since_s
        if not self._only_here:
            return passed_s >= _NO_SWITCH_S
        # A thread that waited for another to run used less CPU time than passed.
        return passed_s >= _NO_SWITCH_S or passed_s - (self._cpu_clock() - cpu_s) >= _AWAY_S


def _traces_of_frames() -> Iterator[object]:
    for top in list(sys._current_frames().values()):
        frame: FrameType | None = top
        while frame is not None:
            yield frame.f_trace
            frame = frame.f_back


def _is_foreign(function: object) -> bool:
    # A tracer that has stopped leaves its function in the frames that it saw.
    return function is not None and not (
        type(function) is MethodType and type(function.__self__) is StoreTracer
    )


def _is_of_the_application(frame: FrameType) -> bool:
    return not _is_ours(frame) and is_application_file(frame.f_code.co_filename)


def _is_ours(frame: FrameType) -> bool:
    name = dict.get(frame.f_globals, "__name__")
    return type(name) is str and name.startswith("pympler")


def _is_a_sender(frame: FrameType) -> bool:
    name = dict.get(frame.f_globals, "__name__")
    return type(name) is str and name.startswith(_SENDERS)


def _application_line(frame: FrameType, line: int) -> tuple[str, bool]:
    """The innermost line of the application that led there, and whether there is one."""
    innermost = f"{short_file(frame.f_code.co_filename)}:{line}"
    current: FrameType | None = frame
    # What sends the requests is run by code that stores nothing, such as a script or a test.
    while current is not None and not _is_a_sender(current):
        if _is_of_the_application(current):
            return f"{short_file(current.f_code.co_filename)}:{line}", True
        current = current.f_back
        line = current.f_lineno if current is not None else 0
    return innermost, False
