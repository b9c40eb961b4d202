"""The line that stores: which line of the application adds to a container."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType, MethodType, TracebackType
from typing import Any

from pympler.graph.roots import traced_threads
from pympler.leaks.callers import application_frame, application_line, is_ours
from pympler.util.names import is_application_file

__all__ = ["StoreTracer", "tracing_held_off"]

# A thread that runs is not interrupted before 5 ms are over; one that waits is away for longer.
_NO_SWITCH_S = 0.001
# To hand the interpreter over and get it back takes longer than this.
_AWAY_S = 30e-6
_LONGEST_S = 5.0  # a stream that lasts for hours must not hold off walks of the heap

# What an event takes beside reading the lengths, and a call that is passed over with all that is
# done until the next one. Since 3.12 each line of a frame that is not traced costs something too.
_EVENT_S = 1.5e-6
_CALL_S = 3e-6 if sys.version_info >= (3, 12) else 1.8e-6
_REFRESHED_CALLS = 15  # of the calls that are passed over one in 16 compares, a mask

Length = Callable[[], int | None]
_Place = tuple[FrameType | None, int, float, float]
_NOWHERE: _Place = (None, 0, 0.0, 0.0)

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

    Most of what a web framework does for a request is done by libraries. With ``libraries=False``
    their lines are not traced: what becomes longer between two lines of the application was added
    by the first of them. What becomes longer outside of all its lines is ``elsewhere`` then.

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
        libraries: trace the lines of libraries too.
        packages: folders of libraries whose lines are traced in any case.
        hold: gives for a container a function that returns its length faster, and may keep it
            alive for that; each is let go of when the trace is paused.
        cpu_clock: CPU seconds of the calling thread.

    Attributes:
        active: whether it traces.
        grown: by how much each container grew in what this trace saw; less what it saw removed.
        removed: how much it saw removed from each.
        elsewhere: the containers that grew outside of all lines of the application.
        events: number of events so far.
        calls: number of calls in libraries that were passed over.
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
        lengths: Mapping[Hashable, Length],
        clock: Callable[[], float] = time.perf_counter,
        *,
        only_here: bool = False,
        libraries: bool = True,
        packages: Iterable[str] = (),
        hold: Callable[[Any], Length] | None = None,
        cpu_clock: Callable[[], float] = time.thread_time,
    ) -> None:
        self._lengths = dict(lengths)
        self._clock = clock
        self._cpu_clock = cpu_clock
        self._settrace_all = None if only_here else _settrace_all
        self._only_here = only_here
        self._libraries = libraries
        self._packages = tuple(packages)
        self._hold = hold
        self._readers: dict[Hashable, Length] = {}
        self.grown: dict[Hashable, int] = {}
        self.removed: dict[Hashable, int] = {}
        self.elsewhere: set[Hashable] = set()
        self.events = self.calls = 0
        self.of_application: set[Hashable] = set()
        self._until_s = 0.0
        self._has_greenlets = False
        self._threads: set[int] = set()
        self._read_s = self._held_s = 0.0
        self._last: dict[Hashable, int | None] = {}
        self._lines: dict[Hashable, str] = {}
        self._ambiguous: set[Hashable] = set()
        self._at: dict[int, _Place] = {}
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
        self._has_greenlets = self._only_here and "gevent" in sys.modules
        self.active = True
        if not self._may_install():
            self.active = False
            return
        self._begin_at_nothing()
        self._join(sys._getframe(1))
        if self._settrace_all is not None:
            self._settrace_all(self.trace)
        else:
            sys.settrace(self.trace)

    @property
    def is_under_way(self) -> bool:
        """Whether it traces and has not outlived the time that it may take."""
        return self.active and not self._is_over()

    @property
    def cost_s(self) -> float:
        """CPU seconds that it took so far, about."""
        return self._held_s + self.events * (_EVENT_S + self._read_s) + self.calls * _CALL_S

    def _is_over(self) -> bool:
        return self._only_here and self._clock() > self._until_s

    def _may_install(self) -> bool:
        # In this order, as the walk looks in the opposite one: one of both sees the other.
        self._threads.add(threading.get_ident())
        traced_threads[threading.get_ident()] = weakref.ref(self)
        if _waiting_walks and self._only_here:
            traced_threads.pop(threading.get_ident(), None)
            return False
        return True

    def _begin_at_nothing(self) -> None:
        """What grew until now is of others."""
        hold, began_s = self._hold, self._cpu_clock()
        self._readers = self._lengths if hold is None else {key: hold(key) for key in self._lengths}
        held_s = self._cpu_clock()
        self._read_all()
        now_s = self._cpu_clock()
        self._held_s += held_s - began_s
        read_s = now_s - held_s
        self._read_s = min(read_s, self._read_s) if self._read_s else read_s
        self._at[threading.get_ident()] = (None, 0, self._clock(), now_s)

    def _read_all(self) -> None:
        self._last = {key: length() for key, length in self._readers.items()}

    def pause(self) -> None:
        """The request lets others run in this thread."""
        thread = threading.get_ident()
        if self._is_own(sys.gettrace()):
            self._leave()
            self._compare(thread)
        self._at.pop(thread, None)
        self._threads.discard(thread)
        if not self._threads:
            self._readers = {}

    def resume(self) -> None:
        """The request runs again, in this thread; what grew meanwhile is not its own."""
        if self.active and sys.gettrace() is None and self._may_install():
            self._begin_at_nothing()
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
            if self._is_own(here):
                self._compare(threading.get_ident())
            if self._is_own(here) or not self._only_here:
                traced_threads.pop(threading.get_ident(), None)
        joined, self._joined = self._joined, None
        if joined is not None and self._is_own(joined.f_trace):
            joined.f_trace = None
        self._at.clear()
        self._readers = {}

    def _join(self, frame: FrameType | None) -> None:
        # The code in a with block runs already: no call of it is going to be traced.
        frame = application_frame(frame)
        if frame is not None and frame.f_trace is None:
            frame.f_trace = self._follow
            self._joined = frame

    def _leave(self) -> None:
        if self._is_own(sys.gettrace()):
            sys.settrace(None)
            traced_threads.pop(threading.get_ident(), None)

    def _is_own(self, function: object) -> bool:
        return type(function) is MethodType and function.__self__ is self

    def lines(self) -> dict[Hashable, str | None]:
        """``file:line`` for each container, ``None`` for those that did not grow.

        Of a request among others neither for those from which it removed as much again, nor where
        several lines added and it is not known what of that was removed.
        """
        return {key: self._line(key) for key in self._lengths}

    def _line(self, key: Hashable) -> str | None:
        is_unsure = self.grown.get(key, 0) <= 0 or key in self._ambiguous
        if self._only_here and key in self.removed and is_unsure:
            return None
        return self._lines.get(key)

    # The trace functions.

    def trace(self, frame: FrameType, event: str, argument: Any) -> _TraceFunction | None:
        """The trace function of a thread: a frame begins, or goes on."""
        if self._libraries:
            return self._follow(frame, event, argument)
        if self._has_greenlets and threading.get_ident() not in self._threads:
            self._enter_event()
            return None
        # Nearly all calls end here: each name that is looked up counts.
        file = frame.f_code.co_filename
        if not is_application_file(file) and not file.startswith(self._packages):
            self.calls = calls = self.calls + 1
            if not calls & _REFRESHED_CALLS:
                self._refresh()
            caller = frame.f_back
            if caller is None or caller.f_trace is None or not caller.f_trace_lines:
                return None
            # A line of the application called it: where that line goes on is an event again.
            frame.f_trace_lines = False
            return self._follow_call
        return None if is_ours(frame) else self._follow(frame, event, argument)

    def _follow(self, frame: FrameType, event: str, _: Any) -> _TraceFunction | None:
        """A frame whose lines are traced is at the next of them, or at its end."""
        thread = self._enter_event()
        if thread is None:
            return None
        # Before the lengths are read: another thread may run within this function too.
        now_s, cpu_s = self._clock(), self._cpu_clock() if self._only_here else 0.0
        self._compare(thread)
        current: FrameType | None = frame
        if event == "return":
            current = frame.f_back
            if not self._libraries:
                current = application_frame(current, self._packages)
        self._at[thread] = (current, current.f_lineno if current else 0, now_s, cpu_s)
        return self._follow

    def _follow_call(self, frame: FrameType, event: str, argument: Any) -> _TraceFunction | None:
        """What a line of the application has called is at its end."""
        if event == "return":
            frame.f_trace_lines = True
            self._follow(frame, event, argument)
        return self._follow_call

    def _refresh(self) -> None:
        """Compare within a library: it may do much before the next line of the application."""
        thread = self._enter_event()
        if thread is not None:
            now_s, cpu_s = self._clock(), self._cpu_clock()
            self._compare(thread)
            frame, line, _, _ = self._at.get(thread, _NOWHERE)
            self._at[thread] = (frame, line, now_s, cpu_s)

    def _enter_event(self) -> int | None:
        """The thread of an event, ``None`` if it is not to be looked at."""
        if not self.active or self._is_over():
            self._leave()
            return None
        thread = threading.get_ident()
        self.events += 1
        if self._only_here and thread not in self._threads:
            # Another greenlet in the same system thread: what it adds is its own.
            self._at.clear()
            self._read_all()
            return None
        return thread

    def _compare(self, thread: int) -> None:
        for key, length in self._readers.items():
            now, before = length(), self._last.get(key)
            if now == before:
                continue
            self._last[key] = now
            at = self._at.get(thread)
            if at is None or now is None or before is None or self._was_away(at[2], at[3]):
                continue
            self.grown[key] = self.grown.get(key, 0) + now - before
            if now < before:
                self.removed[key] = self.removed.get(key, 0) + before - now
            elif at[0] is None:
                self.elsewhere.add(key)
            else:
                self._take_line(key, at[0], at[1])

    def _take_line(self, key: Hashable, frame: FrameType, line: int) -> None:
        named, is_own = application_line(frame, line)
        if self._lines.setdefault(key, named) != named:
            self._ambiguous.add(key)
        elif is_own:
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
