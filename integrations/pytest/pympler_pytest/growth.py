"""Growth: how many bytes each run of a body keeps, and the lines that allocated them."""

from __future__ import annotations

import contextlib
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pympler
from pympler.leaks.check.meter import settle_process
from pympler.util.names import short_file
from pympler.util.sizes import format_bytes
from pympler_pytest.repetition import Repetition

__all__ = ["growth_lines", "growth_of"]

_WARM_UP, _WINDOWS, _RUNS = 5, 3, 10
_MOST_LINES = 3
_OWN_FILES = [
    tracemalloc.__file__,
    str(Path(pympler.__file__).parent / "*"),
    str(Path(__file__).parent / "*"),
]


def growth_of(repetition: Repetition) -> float:
    """Bytes that each run keeps: the least of three windows, after a warm-up.

    Raises:
        NotRepeatableError: if the body fails meanwhile.
    """
    windows = []
    with _tracing():
        repetition.send(_WARM_UP)
        for _ in range(_WINDOWS):
            before = _traced_bytes()
            repetition.send(_RUNS)
            windows.append((_traced_bytes() - before) / _RUNS)
    return min(windows)


def growth_lines(repetition: Repetition) -> tuple[str, ...]:
    """The lines that allocated most of what some more runs keep.

    Raises:
        NotRepeatableError: if the body fails meanwhile.
    """
    with _tracing():
        settle_process()
        before = tracemalloc.take_snapshot()
        repetition.send(_RUNS)
        settle_process()
        after = tracemalloc.take_snapshot()
    ours = [tracemalloc.Filter(False, file) for file in _OWN_FILES]
    found = after.filter_traces(ours).compare_to(before.filter_traces(ours), "lineno")
    grown = [line for line in found[:_MOST_LINES] if line.size_diff > 0]
    return tuple(
        f"allocated at {short_file(frame.filename)}:{frame.lineno}: "
        f"{format_bytes(line.size_diff / _RUNS)} per run"
        for line in grown
        for frame in [line.traceback[0]]
    )


@contextlib.contextmanager
def _tracing() -> Iterator[None]:
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    try:
        yield
    finally:
        if not was_tracing:
            tracemalloc.stop()


def _traced_bytes() -> int:
    settle_process()
    return tracemalloc.get_traced_memory()[0]
