"""Registers of the interpreter that only show a number: running threads, functions to call at exit.

What holds their entries explains nothing (``threading._active``); what the entries are does.
"""

from __future__ import annotations

import atexit
import threading
from collections import Counter
from typing import Any

from pympler.graph.landmarks import callable_name, own_attribute
from pympler.leaks.check.candidates import Candidate
from pympler.leaks.check.meter import Window

__all__ = ["register_candidates"]

_LEAST = 0.05


def register_candidates(window: Window) -> list[Candidate]:
    """The registers that every window added to, as candidates."""
    found = []
    if window.threads >= _LEAST:
        found.append(
            Candidate(
                path=f"running threads{_targets()}",
                type="threading.Thread",
                application=True,
                length=threading.active_count,
                entries=_threads,
                table_bytes=int,
                growth=window.threads,
            )
        )
    # The number counts what was unregistered too, which leaves nothing behind.
    if window.atexit >= _LEAST and window.blocks >= window.atexit:
        found.append(
            Candidate(
                path="atexit",
                type="registered functions",
                application=True,
                length=atexit._ncallbacks,
                entries=list,
                table_bytes=int,
                growth=window.atexit,
            )
        )
    return found


def _threads() -> list[Any]:
    return list(threading._active.values())  # type: ignore[attr-defined]


def _targets() -> str:
    """What most of the running threads execute."""
    targets = Counter(map(_target, _threads()))
    name = targets.most_common(1)[0][0] if targets else ""
    return f" of {name}" if name else ""


def _target(thread: Any) -> str:
    function = own_attribute(thread, "_target")
    if function is None:  # a Timer, or a class with a run() of its own
        function = own_attribute(thread, "function")
    return callable_name(function) if function is not None else type(thread).__name__
