"""tracker: what changed since one last looked."""

from __future__ import annotations

import gc
import io
import subprocess
import sys
import weakref
from typing import Any

import pytest

from pympler import summary
from pympler.tracker import ObjectTracker, SummaryTracker


class Kept:
    def __init__(self, payload: Any = None) -> None:
        self.payload = payload


def names(rows: list[Any]) -> dict[str, int]:
    return {row[0].rpartition(".")[2]: row[1] for row in rows}


QUIET = """
import io
import sys
from pympler import summary
from pympler.tracker import SummaryTracker
out = io.StringIO()
tracker = SummaryTracker()
assert list(tracker.diff()) == []
tracker.print_diff(stream=out)
assert out.getvalue().count("\\n") == 2, out.getvalue()
first = tracker.create_summary()
second = tracker.create_summary()
changed = [row for row in summary.get_diff(first, second) if row[1] or row[2]]
# Code makes caches for itself as it is run and looked at.
changed = [row for row in changed if row[1] or row[2] < 0 or row[0] != "code"]
assert changed == [], changed
"""


def test_the_first_difference_is_empty_and_nothing_differs_by_looking() -> None:
    # In a process of its own: a tool that measures coverage notes lines meanwhile.
    done = subprocess.run([sys.executable, "-c", QUIET], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_without_ignoring_itself_the_tracker_is_seen() -> None:
    tracker = SummaryTracker(ignore_self=False)
    first = tracker.create_summary()
    second = tracker.create_summary()
    assert any(row[1] for row in summary.get_diff(first, second))


def test_what_came_and_went_is_shown() -> None:
    tracker = SummaryTracker()
    kept = [Kept() for _ in range(10)]
    assert names(tracker.diff())["Kept"] == 10
    del kept[:4]
    assert names(tracker.diff())["Kept"] == -4


def test_stored_summaries_can_be_compared() -> None:
    tracker = SummaryTracker()
    tracker.store_summary("start")
    kept = [Kept() for _ in range(3)]
    tracker.store_summary("end")
    assert names(tracker.diff(tracker.summaries["start"], tracker.summaries["end"]))["Kept"] == 3
    assert names(tracker.diff(tracker.summaries["start"]))["Kept"] == 3
    lines = list(tracker.format_diff(tracker.summaries["start"], tracker.summaries["end"]))
    assert any("Kept |           3" in line for line in lines)
    with pytest.raises(ValueError, match="without summary1"):
        tracker.diff(summary2=tracker.summaries["start"])
    assert kept


def test_nothing_is_kept_alive() -> None:
    kept = Kept()
    gone = weakref.ref(kept)
    trackers = [SummaryTracker(), ObjectTracker()]
    del kept
    gc.collect()
    assert gone() is None
    assert trackers


def test_objects_are_compared_one_by_one() -> None:
    tracker = ObjectTracker()
    tracker.get_diff()
    kept = [Kept() for _ in range(5)]
    found = tracker.get_diff()
    assert sum(type(item) is Kept for item in found["+"]) == 5
    assert not any(gone.type.endswith("Kept") for gone in found["-"])
    del found
    kept.clear()
    found = tracker.get_diff()
    gone = [one for one in found["-"] if one.type.endswith("Kept")]
    assert len(gone) == 5
    assert gone[0].size > 0
    assert "Kept" in repr(gone[0])
    assert not any(type(item) is Kept for item in found["+"])


def test_objects_can_be_left_out() -> None:
    tracker = ObjectTracker()
    kept = Kept()
    found = tracker.get_diff(ignore=[kept])
    assert not any(item is kept for item in found["+"])


def test_both_tables_are_printed() -> None:
    tracker = ObjectTracker()
    kept = [Kept() for _ in range(5)]
    out = io.StringIO()
    tracker.print_diff(stream=out)
    lines = out.getvalue().splitlines()
    assert lines[0] == "Added objects:"
    assert "Removed objects:" in lines
    assert kept
