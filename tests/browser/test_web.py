"""The web profiler in a real browser: any process, with its class tracker."""

from __future__ import annotations

import re
from contextlib import closing
from typing import Any

import pytest

from pympler.classtracker import ClassTracker
from pympler.web import start_in_background

pytestmark = pytest.mark.integration


class Parcel:
    """What is tracked."""


def test_a_reader_looks_into_a_running_process(page: Any) -> None:
    with closing(ClassTracker()) as tracker:
        tracker.track_class(Parcel, name="Parcel", trace=1)
        parcels = [Parcel() for _ in range(7)]
        tracker.create_snapshot("seven")
        del parcels[3:]
        profiler = start_in_background(port=0, quiet=True, tracker=tracker)
        try:
            page.goto(profiler.url)
            page.get_by_role("heading", level=1).wait_for()
            navigation = page.get_by_role("navigation")
            navigation.get_by_role("link", name="Tracker").click()
            row = page.get_by_role("row").filter(has_text="Parcel")
            row.get_by_role("link", name="Parcel").click()
            page.get_by_role("heading", level=1, name="Parcel").wait_for()
            assert page.get_by_role("cell", name="alive").count() == 3
            assert page.get_by_text(re.compile(r"test_web\.py:\d+")).count()

            navigation.get_by_role("link", name="Process").click()
            page.get_by_role("button", name="Read it now").click()
            page.get_by_role("heading", name="Garbage collector").wait_for()
            assert page.get_by_text("MainThread").is_visible()
            page.goto(f"{profiler.url}traceback/{profiler.ident}")
            page.get_by_role("heading", level=1, name="Pympler web frontend").wait_for()
            assert page.get_by_text(re.compile("in serve_forever")).first.is_visible()
            page.goto("about:blank")
        finally:
            profiler.stop()
        assert not profiler.is_alive()
