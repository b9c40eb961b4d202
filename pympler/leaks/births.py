"""Births: the windows of the requests in flight, and what becomes of those that have ended."""

from __future__ import annotations

import time
from collections import deque

from pympler.leaks.ended import Ended
from pympler.leaks.listing import list_ids, supports_windows
from pympler.leaks.survivors import Followers, Settled
from pympler.leaks.unreachable import unreachable_young
from pympler.leaks.window import Sweep, Window
from pympler.leaks.young import YoungWatch, refusal

__all__ = ["Births"]


class Births:
    """Opens and closes windows, and follows what was born in them until it is settled.

    Not thread-safe: the monitor calls it in its turn.

    Attributes:
        watch: the open windows and the gc hook.
        ready: settled windows that wait to become reports, oldest first.
        proof_cost_s: CPU seconds spent for requests that somebody looks at.
    """

    def __init__(self) -> None:
        self.watch = YoungWatch(time.thread_time)  # a thread that waits in the hook costs nothing
        self.ready: deque[Settled[Ended]] = deque()
        self.proof_cost_s = 0.0
        self._followers: Followers[Ended] = Followers()
        self._supported = supports_windows()

    def refusal(self) -> str:
        """Why the next window could not be right, empty if it can."""
        if not self._supported:
            return "this interpreter does not list its young generation in order of birth"
        return refusal()

    def open(self) -> Window:
        """Open a window; nothing of ours may be allocated after it, until it is closed."""
        return self.watch.open()

    def close(self, window: Window) -> None:
        """Close a window; earlier ones are looked at again now and then."""
        captures = self.watch.close(window)
        if captures:
            self._followers.advance(Sweep(captures, None))
        if self._followers.is_due(time.monotonic()):
            self._settle()

    def follow(self, ended: Ended, window: Window | None) -> None:
        """Follow the births of a closed window until they are settled.

        A request that was not rightly watched, as its note says, is settled at once.
        """
        if window is None or ended.note:
            self.ready.append(Settled(ended, {}, "", {}))
        else:
            self._followers.follow(ended, window, time.monotonic())

    def settle_all(self) -> None:
        """Settle the windows that still wait, as their births are now."""
        if len(self._followers):
            self._settle(everything=True)
        self.expect()

    def expect(self) -> None:
        """Tell the hook whether anything waits for the next collection."""
        self.watch.waiting = len(self._followers) > 0
        self.watch.waiting_aged = self._followers.any_aged

    @property
    def pending(self) -> bool:
        """Whether a window waits to be settled, or to become a report."""
        return len(self._followers) > 0 or bool(self.ready)

    def _settle(self, *, everything: bool = False) -> None:
        if self._followers.any_young or self.watch.has_captures:
            self._followers.advance(self.watch.sweep())
        settled = self._followers.settle(time.monotonic(), everything=everything)
        if any(each.key.id for each in settled):
            settled = self._without_garbage(settled)
        self.ready.extend(settled)
        self.watch.waiting_aged = self._followers.any_aged

    def _without_garbage(self, settled: list[Settled[Ended]]) -> list[Settled[Ended]]:
        """Leave out what only garbage holds, where somebody is going to look at the request.

        There is a toolbar around it then, whose cyclic garbage would be most of what is seen.
        """
        started_s = time.thread_time()
        shown = [each for each in settled if each.key.id]
        garbage = unreachable_young()
        # What a collection has moved to generation 2 was not followed there, and may be gone.
        moved = {item for each in shown for item in each.survivors if item not in each.sizes}
        gone = moved.difference(list_ids(2)) if moved else moved
        self.proof_cost_s += time.thread_time() - started_s
        left_out = garbage | gone
        return [each.without(left_out) if each.key.id else each for each in settled]
