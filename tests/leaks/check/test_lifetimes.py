"""Growth that only the clock ends is no leak, however fast and slow requests take turns."""

from __future__ import annotations

import subprocess
import sys

import pytest

CHECKED = """
import sys
from pympler.leaks.check.confirm import Limits
from pympler.leaks.check.procedure import examine
from pympler.leaks.check.sender import Sender

class Cache:
    def __init__(self):
        self.ttl, self.now, self.seen = 50.0, 0.0, {}

    def add(self, number):
        self.now += 51.0 if number in PAUSES else 0.0001
        self.seen = {key: then for key, then in self.seen.items() if self.now - then < self.ttl}
        self.seen[number + 100_000] = self.now

# In a round and in a window of the long look: none of the containers grows in each of them.
PAUSES = {60, 660}
CACHE = Cache()
KEPT = []

class Requests(Sender):
    def send(self, count):
        for _ in range(count):
            self.requests += 1
            CACHE.add(self.requests)

    def wait(self, seconds):
        # What real time passes meanwhile counts too, and is none of this clock.
        CACHE.now += 51.0 if sys.argv[1] == "goes on" and seconds > 1 else 0.0

print(examine(Requests(), 3, lambda text: None, Limits(least_s=0.1)).verdict)
"""


@pytest.mark.parametrize(("clock", "verdict"), [("goes on", "clean"), ("stands still", "native")])
def test_a_cache_that_is_made_anew_and_emptied_by_the_clock(clock: str, verdict: str) -> None:
    child = [sys.executable, "-c", CHECKED, clock]
    done = subprocess.run(child, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == [verdict]
