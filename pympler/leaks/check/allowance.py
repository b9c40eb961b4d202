"""How many requests and how much time a check may still take."""

from __future__ import annotations

import time

from pympler.errors import ApplicationError
from pympler.leaks.check.confirm import Limits
from pympler.leaks.check.sender import Sender

__all__ = ["MOST_TRACED", "ROUND", "Allowance"]

ROUND = 20
"""Requests of a round."""

MOST_TRACED = 60
"""Requests that are traced at the end, to find the lines that store."""


class Allowance:
    """What is left of the limits of a check, which begins now.

    Args:
        sender: counts the requests.
        limits: of the check.

    Attributes:
        extra: requests that the user asked for on top of the total.
    """

    def __init__(self, sender: Sender, limits: Limits) -> None:
        self._sender = sender
        self._limits = limits
        self._begun = sender.requests
        self._deadline_s = time.monotonic() + limits.longest_s
        self.extra = 0

    def requests(self) -> int:
        """Requests that may still be sent, without those that are traced at the end."""
        return self._limits.total + self.extra - self._sent() - MOST_TRACED

    def seconds(self) -> float:
        """Time that is left; negative if it is over."""
        return self._deadline_s - time.monotonic()

    def check_time(self) -> None:
        """Give up if the time is over.

        Raises:
            ApplicationError: it is; what was sent so far is too little to judge by.
        """
        if self.seconds() < 0:
            raise ApplicationError(
                f"took more than {self._limits.longest_s:g} s for {self._sent()} requests, too few "
                "to judge by; give it more time with --max-seconds"
            )

    def _sent(self) -> int:
        return self._sender.requests - self._begun
