"""Steps: the stretches of time in which an asynchronous request has its thread for itself.

A coroutine runs from one ``await`` that has to wait to the next. Around each such step of a
request's coroutine stands a mark, so that what is born within is its own, however many requests
are in flight. A context variable leads from the request to the tasks that it starts
(:mod:`~pympler.leaks.children`) and to its work in thread pools (:mod:`~pympler.leaks.pools`).
Only requests in a window, and those that are traced, have steps.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator, Iterable
from contextvars import ContextVar
from typing import Any, Protocol, TypeVar, cast

from pympler.leaks.guard import guard
from pympler.leaks.marks import Marks
from pympler.leaks.suspects import LiveSuspect

__all__ = ["CURRENT", "RequestSteps", "SteppedCoroutine"]

T = TypeVar("T")

_READ = guard("read the length of a suspect")
_READ_S = 2e-6  # to find a suspect, and to read its length at both ends of a step
_MOST_WATCHED = 10


class Tracer(Protocol):
    """Traces the thread that it is resumed in, until it is paused there."""

    def resume(self) -> None: ...

    def pause(self) -> None: ...


class RequestSteps:
    """The steps of one request, in the event loop and in thread pools.

    Attributes:
        is_open: whether the request lasts.
        met_pools: whether a request, this one or another, had work in a thread pool meanwhile.
        is_complete: whether all that the request does in the event loop happens in its steps.
        grown: by how much each watched suspect became longer in the steps in the event loop.
    """

    __slots__ = (
        "__weakref__",
        "_before",
        "_depth",
        "_marks",
        "_readers",
        "_reads",
        "_tracer",
        "grown",
        "is_complete",
        "is_open",
        "met_pools",
    )

    def __init__(
        self, marks: Marks | None, tracer: Tracer | None, suspects: Iterable[LiveSuspect] = ()
    ) -> None:
        self.is_open = self.is_complete = True
        self.met_pools = False
        self.grown: dict[LiveSuspect, int] = dict.fromkeys(list(suspects)[:_MOST_WATCHED], 0)
        self._marks = marks
        self._tracer = tracer
        self._depth = self._reads = 0
        self._readers: list[tuple[LiveSuspect, Callable[[], int | None]]] = []
        self._before: list[int | None] = []

    def begin(self) -> None:
        """A step begins in the event loop."""
        if self._tracer is not None:
            self._tracer.resume()
        if self.grown:
            self._depth += 1
            if self._depth == 1:
                self._reads += sum(suspect.reads for suspect in self.grown)
                with _READ:
                    self._readers = [(suspect, suspect.reader()) for suspect in self.grown]
                    self._before = [read() for _, read in self._readers]
        if self._marks is not None:
            self._marks.begin()

    def end(self) -> None:
        """The step ends."""
        if self._marks is not None:
            self._marks.end()
        if self.grown and self._depth:
            self._depth -= 1
            if self._depth == 0:
                readers, self._readers = self._readers, []  # nothing is kept alive between steps
                with _READ:
                    for (suspect, read), before in zip(readers, self._before, strict=True):
                        length = read()
                        if length is not None and before is not None:
                            self.grown[suspect] += length - before
        if self._tracer is not None:
            self._tracer.pause()

    @property
    def cost_s(self) -> float:
        """CPU seconds that it took so far to read the lengths of suspects, about."""
        return self._reads * _READ_S

    def in_thread(self, function: Callable[..., T]) -> Callable[..., T]:
        """The function with marks around it, to be called in another thread."""

        def pympler_marked(*args: Any, **kwargs: Any) -> T:
            tracer, marks = self._tracer, self._marks
            if tracer is not None:
                tracer.resume()
            if marks is not None:
                marks.begin()
            try:
                return function(*args, **kwargs)
            finally:
                if marks is not None:
                    marks.end()
                if tracer is not None:
                    tracer.pause()

        return pympler_marked

    def close(self) -> None:
        """The request has ended; tasks that it left behind go on without marks."""
        self.is_open = False
        self._marks = self._tracer = None
        self._readers, self._before = [], []


CURRENT: ContextVar[RequestSteps | None] = ContextVar("pympler_steps", default=None)
"""The steps of the request that this code works for, ``None`` if they are not followed."""


class SteppedCoroutine(Coroutine[Any, Any, T]):
    """A coroutine with a mark before and after every step of another.

    It can be awaited and made a task; what :mod:`inspect` and event loops ask a coroutine for
    (``cr_frame``, ``cr_running``, names) is answered by the other.
    """

    __slots__ = ("_coroutine", "_steps")

    def __init__(self, coroutine: Coroutine[Any, Any, T], steps: RequestSteps) -> None:
        self._coroutine: Any = coroutine
        self._steps = steps

    def send(self, value: Any) -> Any:
        """Go on until the next ``await`` that has to wait."""
        steps = self._steps
        if not steps.is_open:
            return self._coroutine.send(value)
        steps.begin()
        try:
            return self._coroutine.send(value)
        finally:
            steps.end()

    def throw(self, *error: Any) -> Any:
        """Go on with an exception, such as the one that cancels."""
        steps = self._steps
        if not steps.is_open:
            return self._coroutine.throw(*error)
        steps.begin()
        try:
            return self._coroutine.throw(*error)
        finally:
            steps.end()

    def close(self) -> None:
        """End the coroutine where it is."""
        self._coroutine.close()

    def __next__(self) -> Any:
        return self.send(None)

    def __iter__(self) -> SteppedCoroutine[T]:
        return self

    def __await__(self) -> Generator[Any, Any, T]:
        return cast("Generator[Any, Any, T]", self)  # what await needs of one

    def __getattr__(self, name: str) -> Any:
        if name.startswith("cr_") or name in ("__name__", "__qualname__"):
            return getattr(self._coroutine, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __repr__(self) -> str:
        return repr(self._coroutine)
