"""``?pympler`` on a request of the application: each rule of access through each front end."""

from __future__ import annotations

from typing import Any

import pytest

from pympler.graph.snapshot import TypeRow
from pympler.leaks import comparison
from pympler.render.pages.access import PROXY_HEADERS
from tests.render.pages.front_ends import FRONT_ENDS, Visit, front_end

REMOTE = "203.0.113.9"
NAMES = [name for name in FRONT_ENDS if name != "alone"]  # which has no application

pytestmark = pytest.mark.parametrize("name", NAMES)


class FakeHeap:
    """What a walk finds: a little more each time."""

    walks = 0

    def __init__(self) -> None:
        type(self).walks += 1
        self.objects = self.total_bytes = self.walks

    def summary(self) -> list[Any]:
        return [TypeRow("list", self.walks, self.walks * 56)]


@pytest.fixture(autouse=True)
def heap(monkeypatch: pytest.MonkeyPatch) -> type[FakeHeap]:
    FakeHeap.walks = 0
    monkeypatch.setattr(comparison, "heap_snapshot", FakeHeap)
    return FakeHeap


def ask(visit: Visit, query: str = "pympler", **how: Any) -> bool:
    """Whether a request with this query was looked at; its answer shows that query in any case."""
    before = len(visit.store.jobs("snapshot"))
    answer = visit("/item/7", query=query, of_the_application=True, **how)
    assert (answer.status, answer.text) == (200, query)
    return len(visit.store.jobs("snapshot")) > before


def allow_all(request: Any) -> bool:
    return True


def test_the_result_is_on_the_page_of_the_request(name: str, heap: type[FakeHeap]) -> None:
    with front_end(name) as visit:
        assert ask(visit, "page=2&pympler&q=%C3%A9")
        assert heap.walks == 2
        (listed,) = visit.store.jobs("snapshot")
        job = visit.store.job(listed.id)
        assert job is not None
        assert job.state == "done"
        assert job.arguments["route"].startswith("/item/")
        assert job.result["changes"][0]["count_after"] == 2
        key = job.result["report"]
        visit.settle()
        report = visit.store.report(key)
        assert report is not None
        assert report.attribution == "exact"
        assert "1 objects before, 2 after" in visit(f"/requests/{key}").text


def test_another_query_costs_nothing(name: str, heap: type[FakeHeap]) -> None:
    with front_end(name) as visit:
        for query in ("", "page=2", "q=pympler", "pympler2=1", "xpympler"):
            assert not ask(visit, query), query
        assert heap.walks == 0


def test_off_unless_asked_for(name: str) -> None:
    with front_end(name, pages=False, debug=True) as visit:
        assert not ask(visit)
    with front_end(name, pages=None, debug=False) as visit:
        assert ask(visit) is (name in ("starlette", "prefix"))  # which have mounted them
    with front_end(name, pages=None, debug=True) as visit:
        assert ask(visit)


def test_only_local_and_configured_hosts(name: str) -> None:
    with front_end(name) as visit:
        for host in ("localhost:8000", "127.0.0.1", "[::1]:80"):
            assert ask(visit, host=host), host
        if not name.startswith("django"):  # which refuses them by itself
            assert not ask(visit, host="evil.example")
    origin = {"sec-fetch-site": "same-origin"}
    with front_end(name, allowed_hosts=("shop.example",)) as visit:
        assert ask(visit, host="shop.example:8443", headers=origin)


def test_only_visitors_from_this_machine(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with front_end(name) as visit:
        for peer in (REMOTE, "10.1.2.3", ""):
            assert not ask(visit, peer=peer), peer
        for header in PROXY_HEADERS:
            assert not ask(visit, headers={header: "127.0.0.1"}), header
    assert caplog.records == []


def test_others_with_the_cookie(name: str) -> None:
    with front_end(name, token="s3cret") as visit:
        assert not ask(visit, "pympler&token=s3cret", peer=REMOTE)
        answer = visit(peer=REMOTE, query="token=s3cret")
        cookie = answer.headers["set-cookie"].partition(";")[0]
        assert ask(visit, peer=REMOTE, headers={"cookie": cookie})
        assert not ask(visit, peer=REMOTE, headers={"cookie": cookie + "x"})


def test_others_whom_access_lets_in(name: str, heap: type[FakeHeap]) -> None:
    with front_end(name, access=allow_all) as visit:
        assert ask(visit, peer=REMOTE)
        assert ask(visit)
        assert heap.walks == 4
        visit.settle()
        # Django's steps are followed already when it knows who is signed in.
        known = {"exact", "none"} if name == "django-asgi" else {"exact"}
        assert {report.attribution for report in visit.store.reports()} <= known
        assert not ask(visit, headers={"sec-fetch-site": "cross-site"})
    with front_end(name, access=lambda request: None) as visit:
        assert not ask(visit, peer=REMOTE)


def test_a_link_on_another_site_does_nothing(name: str, heap: type[FakeHeap]) -> None:
    with front_end(name) as visit:
        for headers in (
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"origin": "http://evil.example"},
            {"origin": "null"},
        ):
            assert not ask(visit, headers=headers), headers
        assert heap.walks == 0
        for headers in ({"sec-fetch-site": "none"}, {"sec-fetch-site": "same-origin"}):
            assert ask(visit, headers=headers), headers
