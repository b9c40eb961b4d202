"""Growth, by lengths written out by hand."""

from __future__ import annotations

import pytest

from pympler.leaks.growth import advance, growing, start_tracks


def test_what_stands_still_twice_or_shrinks_is_dropped() -> None:
    tracks = start_tracks({1: 5, 2: 5, 3: 5, 4: 5})
    tracks = advance(tracks, {1: 6, 2: 5, 3: 6, 4: 6})
    tracks = advance(tracks, {1: 7, 2: 5, 3: 5})
    assert tracks == {1: (5, 6, 7)}


def test_growth_must_be_in_all_rounds_but_one() -> None:
    tracks = {1: (0, 20, 40, 60), 2: (0, 0, 20, 40), 3: (0, 0, 0, 60), 4: (0, 1, 2, 3)}
    assert growing(tracks, 20) == {1: 1.0, 2: pytest.approx(2 / 3), 4: 0.05}
    assert growing(tracks, 20, least=0.06) == {1: 1.0, 2: pytest.approx(2 / 3)}
