"""Counters of the process: growth that no tracked object explains."""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass

from pympler.leaks.report import Counters
from pympler.process import resident_bytes

__all__ = ["CounterReadings", "Reading", "read_counters"]

_MOST_READINGS = 360


@dataclass(frozen=True, slots=True)
class Reading:
    """Memory of the process at one moment: requests so far, allocator blocks, resident bytes."""

    requests: int
    blocks: int
    rss_bytes: int


def read_counters(requests: int) -> Reading:
    """Read the counters now; takes about 0.1 ms at a million objects."""
    return Reading(requests, sys.getallocatedblocks(), resident_bytes())


class CounterReadings:
    """Readings in order of time; when there are many, every second of the old ones is dropped."""

    def __init__(self) -> None:
        self._readings: deque[Reading] = deque()

    def add(self, reading: Reading) -> None:
        """Take a reading."""
        self._readings.append(reading)
        if len(self._readings) > _MOST_READINGS:
            self._readings = deque(list(self._readings)[::2])

    def counters(self) -> Counters:
        """Growth between the first reading after the start and the last one."""
        if not self._readings:
            return Counters()
        first, last = self._readings[0], self._readings[-1]
        requests = last.requests - first.requests
        return Counters(
            blocks_per_request=(last.blocks - first.blocks) / requests if requests else 0.0,
            rss_bytes=last.rss_bytes,
            rss_growth_bytes=last.rss_bytes - first.rss_bytes,
            readings=len(self._readings),
        )
