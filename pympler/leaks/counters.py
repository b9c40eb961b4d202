"""Counters of the process: growth that no tracked object explains."""

from __future__ import annotations

import os
import sys
from collections import deque
from dataclasses import dataclass

from pympler.leaks.report import Counters

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
    return Reading(requests, sys.getallocatedblocks(), _rss_bytes())


def _rss_bytes() -> int:
    try:
        with open("/proc/self/statm", "rb") as file:
            pages = int(file.read().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, AttributeError, IndexError):
        return 0  # no /proc on this system


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
