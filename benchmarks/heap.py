"""A heap of a given size."""

from __future__ import annotations

import gc

__all__ = ["fill", "live_objects"]


def live_objects() -> int:
    """Number of objects that the collector tracks."""
    return len(gc.get_objects())


def fill(total: int) -> list[object]:
    """Make objects until so many are live, tracked by the collector and in its oldest generation.

    Returns:
        What is to be kept; empty if there are as many already.
    """
    gc.collect()
    missing = max(total - live_objects(), 0)
    kept: list[object] = [{"id": number, "tags": [number]} for number in range(missing // 2)]
    gc.collect()
    return kept
