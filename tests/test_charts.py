"""Charts: well-formed SVG in which values lie where they belong."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pympler.charts import bar_chart, line_chart, stacked_area_chart, tracker_timespace
from pympler.classtracker import ClassTracker

SVG = "{http://www.w3.org/2000/svg}"


def shapes(svg: str, kind: str) -> list[list[tuple[float, float]]]:
    root = ElementTree.fromstring(svg)
    return [
        [tuple(map(float, pair.split(","))) for pair in item.attrib["points"].split()]  # type: ignore[misc]
        for item in root.iter(f"{SVG}{kind}")
    ]


def texts(svg: str) -> list[str]:
    return [item.text or "" for item in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_areas_lie_on_top_of_each_other() -> None:
    svg = stacked_area_chart(
        "Bytes", [0.0, 1.0, 2.0], {"small": [0, 1024, 1024], "big": [0, 0, 2048]}
    )
    big, small = shapes(svg, "polygon")
    assert len(big) == len(small) == 6
    left, middle, right = big[:3]
    assert left[0] < middle[0] < right[0]
    assert left[1] == middle[1] > right[1]
    assert small[5] == big[0]
    assert small[2][1] < big[2][1] < big[0][1]
    assert (big[0][1] - big[2][1]) == pytest.approx(2 * (big[2][1] - small[2][1]), abs=0.3)
    assert {"0 B", "1.0 KB", "2.0 KB", "3.0 KB"} <= set(texts(svg))
    assert texts(svg)[0] == "Bytes"


def test_many_classes_are_put_together() -> None:
    series = {f"class {number}": [number] for number in range(20)}
    svg = stacked_area_chart("Bytes", [0.0], series)
    assert len(shapes(svg, "polygon")) == 9
    assert {"class 19", "(others)"} <= set(texts(svg))
    assert "class 3" not in texts(svg)


def test_lines_go_in_steps_and_long_ones_are_thinned() -> None:
    svg = line_chart("Alive", {"a": [(0.0, 1), (1.0, 3)], "b": []}, "objects")
    ((line),) = shapes(svg, "polyline")
    assert [x for x, _ in line] == [72.0, 708.0, 708.0, 708.0]
    assert line[0][1] == line[1][1] > line[2][1]
    long = [(float(place), float(place == 7001)) for place in range(100_000)]
    (thinned,) = shapes(line_chart("Alive", {"a": long}, "objects"), "polyline")
    assert len(thinned) < 3000
    assert len({y for _, y in thinned}) == 2


def test_bars_are_as_high_as_their_values() -> None:
    root = ElementTree.fromstring(bar_chart("Lifetimes", [("1 ms", 4), ("2 ms", 8)], "instances"))
    heights = [float(item.attrib["height"]) for item in root.iter(f"{SVG}rect")]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.2)


def test_names_are_escaped_and_nothing_is_said() -> None:
    hostile = """</title><script>'"&"""
    for svg in (
        stacked_area_chart(hostile, [0.0, 1.0], {hostile: [1, 2]}),
        line_chart(hostile, {hostile: [(0.0, 1)]}, hostile),
        bar_chart(hostile, [(hostile, 1)], hostile),
    ):
        assert "<script" not in svg
        assert hostile in texts(svg)
    for svg in (stacked_area_chart("x", [], {}), line_chart("x", {}, "y")):
        assert "nothing was recorded" in texts(svg)
    assert bar_chart("x", [], "y")


def test_a_chart_of_a_tracker(tmp_path: Path) -> None:
    tracker = ClassTracker()
    tracker.create_snapshot()
    tracker_timespace(tmp_path / "chart.svg", tracker.stats)
    assert "Bytes of live instances" in texts((tmp_path / "chart.svg").read_text())


def test_a_png_needs_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.backends.backend_agg", None)
    with pytest.raises(ImportError, match="needs matplotlib: install it, or use a name that ends"):
        tracker_timespace(tmp_path / "chart.png", ClassTracker().stats)
