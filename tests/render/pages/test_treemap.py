from __future__ import annotations

import re

import pytest

from pympler.render.pages.treemap import Area, laid_out, treemap
from pympler.store.results import Retainer


@pytest.mark.parametrize("sizes", [[1.0], [6, 6, 4, 3, 2, 2, 1], [1000, 1, 1], [5.0] * 30])
def test_areas_are_in_proportion_and_fill_the_rectangle(sizes: list[float]) -> None:
    within = Area(10, 20, 600, 400)
    areas = laid_out(sizes, within)
    assert len(areas) == len(sizes)
    for size, area in zip(sizes, areas, strict=True):
        assert area.width * area.height == pytest.approx(size / sum(sizes) * 600 * 400)
        assert area.x >= 10 - 1e-6
        assert area.x + area.width <= 610 + 1e-6
        assert area.y >= 20 - 1e-6
        assert area.y + area.height <= 420 + 1e-6
    for place, one in enumerate(areas):
        for other in areas[place + 1 :]:
            apart = (
                one.x + one.width <= other.x + 1e-6
                or other.x + other.width <= one.x + 1e-6
                or one.y + one.height <= other.y + 1e-6
                or other.y + other.height <= one.y + 1e-6
            )
            assert apart


def test_what_a_retainer_holds_is_within_its_area() -> None:
    rows = [
        Retainer(2, "dict", "shop._CACHE", 100, 6000),
        Retainer(5, "list", "<b>", 100, 3000, within=2),
        Retainer(9, "set", "", 100, 1000),
    ]
    text = str(treemap(rows, 10_000))
    assert "&lt;b&gt;" in text
    assert "<b>" not in text
    boxes = re.findall(r'x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', text)
    rest, outer, inner, other = (Area(*map(float, box)) for box in boxes)
    assert rest.width * rest.height == pytest.approx(960 * 360 * 0.3, rel=0.01)
    assert outer.width * outer.height == pytest.approx(960 * 360 * 0.6, rel=0.01)
    assert other.width * other.height == pytest.approx(960 * 360 * 0.1, rel=0.01)
    assert outer.x < inner.x
    assert inner.x + inner.width < outer.x + outer.width
    assert outer.y < inner.y
    assert inner.y + inner.height < outer.y + outer.height
    assert "<title>set, 1000 B</title>" in text
    assert "shop._CACHE" in text


def test_there_is_no_picture_of_nothing() -> None:
    assert treemap([], 100) == ""
