"""Memory at calls and returns: how much the process holds when functions begin and end.

>>> from pympler.mprofile import MProfiler
>>> profiler = MProfiler().run("len('text')")
>>> all(row[0] > 0 for row in profiler.memories.values())
True
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable
from types import FrameType
from typing import Any

from pympler.process import resident_bytes

__all__ = ["MProfiler"]

Codepoint = tuple[str | None, str | None, int | None]


class MProfiler:
    """Notes the resident memory of the process at events of the thread that is profiled.

    Args:
        codepoints: file, function and first line of what is noted, ``None`` in one of them for
            any; ``None`` for everything.
        events: names of events of ``sys.setprofile`` that are noted; ``None`` for all.

    Attributes:
        memories: for each file, function and first line how often it was noted, the fewest and the
            most bytes that were resident then, and 0.
    """

    def __init__(
        self,
        codepoints: Iterable[Codepoint] | None = None,
        events: Collection[str] | None = None,
    ) -> None:
        self.codepoints = None if codepoints is None else list(codepoints)
        self.events = events
        self.memories: dict[tuple[str, str, int], list[int]] = {}

    def codepoint_included(self, codepoint: Codepoint) -> bool:
        """Whether a file, function and first line are noted."""
        if self.codepoints is None:
            return True
        return any(
            all(
                wanted is None or wanted == given
                for wanted, given in zip(pattern, codepoint, strict=True)
            )
            for pattern in self.codepoints
        )

    def profile(self, frame: FrameType, event: str, arg: Any) -> None:
        """Note an event; what ``sys.setprofile`` calls."""
        if self.events is not None and event not in self.events:
            return
        code = frame.f_code
        codepoint = (code.co_filename, code.co_name, code.co_firstlineno)
        if not self.codepoint_included(codepoint):
            return
        size = resident_bytes()
        row = self.memories.get(codepoint)
        if row is None:
            self.memories[codepoint] = [1, size, size, 0]
        else:
            row[0] += 1
            row[1] = min(row[1], size)
            row[2] = max(row[2], size)

    def run(self, cmd: str) -> MProfiler:
        """Run Python source in a namespace of its own and note what happens in this thread.

        A profile function that was set before is set again afterwards.
        """
        before = sys.getprofile()
        sys.setprofile(self.profile)
        try:
            exec(cmd, {"__name__": "__main__"})
        finally:
            sys.setprofile(before)
        return self


if __name__ == "__main__":
    for place, (calls, least, most, _) in MProfiler().run("print('hello')").memories.items():
        sys.stdout.write(f"{place}: {calls} events, {least} to {most} bytes\n")
