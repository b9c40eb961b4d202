"""What the views of the benchmarks do: the same three things under each framework."""

from __future__ import annotations

import json
from collections import OrderedDict

__all__ = ["clean", "fill_cache", "leak"]

DICTS = 200  # the view of reference measurements of other tools: a page of two hundred rows
CACHE_ENTRIES = 256

LEAKED: list[dict[str, object]] = []
CACHED: OrderedDict[int, dict[str, object]] = OrderedDict()


def clean(number: int) -> bytes:
    """A page of rows; nothing of it stays."""
    rows = [{"id": number + row, "tags": [row]} for row in range(DICTS // 2)]
    return json.dumps(rows).encode()


def leak(number: int) -> bytes:
    """The same, and one dict more in a list that nobody empties."""
    LEAKED.append({"id": number, "tags": [number]})
    return clean(number)


def fill_cache(number: int) -> bytes:
    """The same, and an entry in a cache that keeps the last ones."""
    CACHED[number] = {"id": number, "tags": [number]}
    if len(CACHED) > CACHE_ENTRIES:
        CACHED.popitem(last=False)
    return clean(number)
