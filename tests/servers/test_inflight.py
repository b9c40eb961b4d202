"""Fifty requests in flight, and the right route is named, under each kind of server."""

from __future__ import annotations

import importlib.util

import pytest

from tests.servers.inflight import KINDS, LIFTED, run
from tests.support import require

pytestmark = [pytest.mark.integration, pytest.mark.long]


@pytest.mark.parametrize("kind", KINDS)
def test_the_route_that_leaks_is_named_and_no_other(kind: str) -> None:
    name = KINDS[kind][0]
    require(name, importlib.util.find_spec(name), name)

    found = run(kind, LIFTED, most=8_000, tick_s=0.1)

    assert [name.partition("/<")[0].partition("/{")[0] for name in found["leaking"]] == ["/leak"]
    (headline,) = [text for what, text in found["routes"].values() if what == "leak"]
    assert "held by tests.servers.inflight_app.LEAKED (list, +" in headline
    assert found["unattributed"] == []
    assert ("exact" if kind == "uvicorn, async" else "shared") in found["attributions"]
