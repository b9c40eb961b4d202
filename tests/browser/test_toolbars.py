"""The panels of both debug toolbars in a real browser, served by a real server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def serving(module: str) -> Iterator[str]:
    """A program of this folder that prints its port; the address that it serves."""
    roots = [ROOT, *sorted((ROOT / "integrations").glob("*/"))]
    with subprocess.Popen(
        [sys.executable, "-m", f"tests.browser.{module}"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, roots))},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def test_django_debug_toolbar(page: Any) -> None:
    with serving("toolbar_django") as address:
        page.goto(f"{address}/cart/41/")
        page.goto(f"{address}/cart/42/")
        button = page.get_by_role("link", name=re.compile("^Memory leaks"))
        assert re.search(r"leaks · [\d.]+ MB \([+-]", button.inner_text())
        button.click()
        panel = page.locator("#MemoryPanel")
        sees_the_leak(panel, "toolbar_django", "GET /cart/<int:number>/")

        # A request for something else, and back in the history.
        page.goto(f"{address}/")
        page.get_by_role("link", name=re.compile("^Memory")).click()
        panel.get_by_text("GET /", exact=True).wait_for()
        panel.get_by_role("listitem").filter(has_text="toolbar_django.BASKETS").wait_for()
        page.locator("#MemoryPanel .djDebugClose").click()
        page.get_by_role("link", name=re.compile("^History")).click()
        row = page.locator("#HistoryPanel").get_by_role("row").filter(has_text="/cart/42/")
        row.get_by_role("button", name="Switch").click()
        page.get_by_role("link", name=re.compile("^Memory leaks")).click()
        sees_the_leak(panel, "toolbar_django", "GET /cart/<int:number>/")

        with page.expect_popup() as popup:
            panel.get_by_role("link", name="More about this request").click()
        report = popup.value
        assert report.get_by_role("heading", name="What it left behind").is_visible()
        assert "toolbar_django.Basket" in report.get_by_role("main").inner_text()


def test_flask_debug_toolbar(page: Any) -> None:
    with serving("toolbar_flask") as address:
        page.goto(f"{address}/cart/42")
        button = page.get_by_role("link", name="Memory")
        assert re.search(r"leaks · [\d.]+ MB \([+-]", button.inner_text())
        button.click()
        panel = page.locator("#flDebugMemoryPanel-content")
        sees_the_leak(panel, "toolbar_flask", "GET /cart/<int:number>")
        with page.expect_popup() as popup:
            panel.get_by_role("link", name="More about this request").click()
        assert popup.value.get_by_role("heading", name="What it left behind").is_visible()


def sees_the_leak(panel: Any, module: str, route: str) -> None:
    """Read an open panel: what the route leaks, and what this very request has left."""
    survivors = panel.get_by_role("table", name="Survivors")
    survivors.get_by_role("row").filter(has_text=f"{module}.Basket").wait_for()
    assert panel.get_by_text(re.compile(f"^leaks {re.escape(route)} leaks ")).is_visible()
    holder = panel.get_by_role("table", name="Who holds it").get_by_role("row").nth(1)
    cells = holder.get_by_role("cell").all_inner_texts()
    assert cells[:2] == [f"tests.browser.{module}.BASKETS", "dict"]
    assert re.fullmatch(rf"tests/browser/{module}\.py:\d+", cells[3])
    assert "no bound seen in" in cells[4]
    basket = survivors.get_by_role("row").filter(has_text=f"{module}.Basket")
    assert basket.get_by_role("cell").nth(1).inner_text() == "1"
    tracked = panel.get_by_role("table", name="Tracked classes").get_by_role("row").nth(1)
    assert tracked.get_by_role("cell").all_inner_texts()[1:3] == ["1", "1"]
    assert panel.get_by_text(re.compile(r"^It left \d+ objects, ")).is_visible()
