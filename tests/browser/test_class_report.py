"""The report of a class tracker in a real browser, found by role and text as a reader would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the report that the example writes."""
    folder = tmp_path_factory.mktemp("report")
    command = [sys.executable, "examples/document_store.py", "--output", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return (folder / "report.html").as_uri()


def test_a_reader_finds_the_class_that_grows(page: Any, report: str) -> None:
    page.context.set_offline(True)
    page.goto(report)
    assert page.get_by_role("heading", name="Document store").is_visible()
    classes = page.get_by_role("table").filter(has_text="Most at a time")
    row = classes.get_by_role("row").filter(has_text="Node")
    assert row.get_by_role("cell").all_inner_texts()[1:6] == ["4050", "0", "3050", "1000", "4050"]
    assert page.get_by_role("img", name="Bytes of live instances").is_visible()
    assert page.get_by_role("img", name="Live instances", exact=True).is_visible()
    closed = page.get_by_role("table").filter(has_text="all closed")
    node = closed.get_by_role("row").filter(has_text="Node")
    assert node.get_by_role("cell").nth(1).inner_text() == "1000"

    row.get_by_role("link", name="Node").click()
    assert page.get_by_role("heading", name="Node", exact=True).is_visible()
    alive = page.get_by_role("table").filter(has_text="Where those alive were made")
    assert "document_store.py:38 in __init__" in alive.inner_text()
    page.get_by_role("link", name="All classes").click()
    assert page.get_by_role("heading", name="Document store").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read_on_any_ground(page: Any, report: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 360, "height": 700})
    page.goto(report)
    colours = page.evaluate(
        """() => {
            const text = document.querySelector("svg text.title");
            return [getComputedStyle(text).fill, getComputedStyle(document.body).color];
        }"""
    )
    sums = [sum(map(int, colour[4:-1].split(","))) for colour in colours]
    assert all((total > 382) == (scheme == "dark") for total in sums)
    # No sideways scrolling of the whole page on a phone.
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
