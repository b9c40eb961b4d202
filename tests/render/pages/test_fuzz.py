"""Requests made up at random: never a fault, never what came in unescaped, never access gained."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pympler.render.pages import Access, PageRequest, Pages
from pympler.render.pages.access import PROXY_HEADERS, wants_snapshot
from pympler.store.memory import MemoryStore
from tests.render.pages.values import NOW, fill_all

pytestmark = pytest.mark.one_python

EXAMPLES = int(os.environ.get("PYMPLER_FUZZ", "100"))
MARK = "<i data-fuzz>\"'"

KNOWN = (
    *("", "requests", "leaks", "classes", "heap", "garbage", "process", "jobs", "static"),
    *("fleet", "growth", "new", "workers"),
    *("heap1", "heap2", "garbage1", "compare", "objects", "cancel", "pages.css", "..", "1", "0"),
)
texts = st.one_of(st.text(max_size=30), st.text(max_size=12).map(lambda text: MARK + text))
segments = st.one_of(st.sampled_from(KNOWN), texts)
paths = st.lists(segments, max_size=4).map(lambda parts: "/" + "/".join(parts))
names = st.one_of(
    st.sampled_from(
        ["route", "method", "worker", "release", "status", "sort", "page", "name", "old", "new"]
    ),
    st.sampled_from(["kind", "token", "worker", "period", "days"]),
    texts,
)
values = st.one_of(
    texts,
    st.integers().map(str),
    st.sampled_from(["heap1", "heap2", "heap", "snapshot", "garbage", "/cart/{id}", "bytes", "2"]),
    st.sampled_from(["24h", "30d", "90", "2026.11"]),
)
fields = st.dictionaries(names, values, max_size=5)
headers = st.dictionaries(
    st.one_of(
        st.sampled_from(["cookie", "origin", "sec-fetch-site", "content-type", *PROXY_HEADERS]),
        st.just("referer"),
        texts.map(str.lower),
    ),
    texts,
    max_size=3,
)
methods = st.sampled_from(["GET", "GET", "POST", "HEAD", "PUT", "", "<b>"])
hosts = st.one_of(st.just("localhost"), texts)
peers = st.one_of(st.just("127.0.0.1"), st.none(), texts, st.ip_addresses().map(str))

requests = st.builds(
    PageRequest,
    method=methods,
    path=st.one_of(paths, texts),
    query=fields,
    form=fields,
    headers=st.builds(lambda host, more: {**more, "host": host}, hosts, headers),
    prefix=st.sampled_from(["", "/_pympler", "/a b/<i>"]),
    peer=peers,
)


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    made = MemoryStore(200)
    fill_all(made, workers=1)
    return made


@given(request=requests)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_asked_is_answered(store: MemoryStore, request: PageRequest) -> None:
    faults: list[logging.LogRecord] = []
    handler = Noting(faults)
    logger = logging.getLogger("pympler")
    logger.addHandler(handler)
    try:
        pages = Pages(lambda: store, Access(pages=True, token="right"), clock=lambda: NOW)
        response = pages.respond(request)
    finally:
        logger.removeHandler(handler)
    assert response.status in (200, 303, 403, 404, 405, 409), faults
    body = response.body.decode("utf-8")
    assert MARK not in body
    assert "<i data-fuzz" not in body
    for name, value in response.headers:
        assert name.isascii()
        assert value.isascii()
        assert "\n" not in value
        assert "\r" not in value
    location = dict(response.headers).get("Location", "/")
    assert location.startswith("/")
    assert not location.startswith("//")
    if response.status not in (403, 404):
        assert may_come_in(request)


@given(request=requests)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_asks_for_a_snapshot_could_have_sent_a_form(request: PageRequest) -> None:
    asked = replace(request, query={**request.query, "pympler": ""})
    if wants_snapshot(Access(pages=True, token="right"), asked):
        assert may_come_in(replace(asked, query={}))
        assert asked.headers.get("sec-fetch-site", "none") in ("none", "same-origin")


def may_come_in(request: PageRequest) -> bool:
    """The rules in short, written again."""
    host = request.headers["host"].strip().lower()
    local_host = host.startswith(("localhost", "127.0.0.1", "[::1]")) or ".localhost" in host
    local = (request.peer or "").startswith(("127.", "::1", "::ffff:127."))
    proxied = any(name in request.headers for name in PROXY_HEADERS)
    return local_host and ((local and not proxied) or request.query.get("token") == "right")


class Noting(logging.Handler):
    def __init__(self, faults: list[Any]) -> None:
        super().__init__(logging.ERROR)
        self._faults = faults

    def emit(self, record: logging.LogRecord) -> None:
        self._faults.append(record)
