"""What the pages show: each with everything, with nothing, and with what must not be there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from pympler.errors import StoreError
from pympler.leaks.report import ClassTotal, LeakSummary, Suspect, TypeCount
from pympler.render.pages import Access, PageRequest, PageResponse, Pages
from pympler.store import Job, Moment, StoreStatus
from pympler.store.memory import MemoryStore
from tests.leaks.values import a_route
from tests.render.pages.values import HOLDER, NOW, fill, fill_all, report, summary

PATHS = ("/", "/requests", "/leaks", "/fleet", "/classes", "/heap", "/garbage", "/process")
EVERY_PATH = (
    *PATHS,
    *("/heap/heap1", "/heap/compare?old=heap1&new=heap2", "/classes?name=shop.models.Item"),
    *("/requests?sort=bytes&page=2", "/leaks?route=/cart/{id}"),
    *("/fleet/growth", "/fleet/new", "/fleet/workers", f"/fleet/workers/{summary().worker}"),
)


class Visitor:
    """Somebody who looks at the pages of a store."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self._pages = Pages(lambda: store, Access(pages=True), clock=lambda: NOW)

    def ask(
        self, path: str, method: str = "GET", form: Mapping[str, str] | None = None
    ) -> PageResponse:
        path, _, query = path.partition("?")
        fields = dict(part.split("=", 1) for part in query.split("&") if part)
        asked = PageRequest(
            method if form is None else "POST",
            path,
            fields,
            form or {},
            {"host": "localhost"},
            prefix="/_pympler",
            peer="127.0.0.1",
        )
        return self._pages.respond(asked)

    def see(self, path: str, status: int = 200) -> str:
        response = self.ask(path)
        assert response.status == status, response.body[:300]
        return re.sub(r"\s+", " ", response.body.decode())


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(500)


@pytest.fixture
def visitor(store: MemoryStore) -> Visitor:
    """A visitor of pages with all there can be, of one worker: this store keeps no other."""
    fill_all(store, workers=1)
    return Visitor(store)


def test_every_page_without_reports_says_what_to_do_next() -> None:
    nobody = Visitor(MemoryStore(10))
    for path in PATHS:
        text = nobody.see(path)
        assert 'class="empty"' in text
        assert re.search(r"Send|Name classes|Take one", text), path


@pytest.mark.parametrize("path", EVERY_PATH)
def test_no_page_has_a_script_a_style_or_an_address_of_elsewhere(
    visitor: Visitor, path: str
) -> None:
    text = visitor.see(path)
    assert re.findall(r"<script[^>]*>", text) == [
        '<script src="/_pympler/static/pages.js" defer></script>'.partition("</")[0]
    ]
    assert "<style" not in text
    assert not re.search(r"""\s(style|on[a-z]+)\s*=\s*["']""", text)
    assert not re.search(r"""(href|src|action)=["'](?!/_pympler/|#)""", text)


def test_the_overview_tells_the_verdict_at_a_glance(visitor: Visitor) -> None:
    text = visitor.see("/")
    assert "1 of 5 routes leaks" in text
    assert "held by shop.cart._CACHE" in text
    assert text.index("/cart/{id}") < text.index("/products/{id}")
    assert 'aria-label="Resident memory of each worker: pid 4711 on web-1 from' in text
    assert "Only the worker that answers is shown" in text


def test_what_no_route_is_blamed_for_is_no_secret_of_another_page(store: MemoryStore) -> None:
    buffer = Suspect("shop.OUT", "bytearray", 2048.0, 0.0, evidence="no bound seen")
    route = replace(a_route(), objects_per_request=0.0, bytes_per_request=0.0)
    store.save_summary(replace(summary(), routes=(route,), unattributed=(buffer,)))
    visitor = Visitor(store)

    text = visitor.see("/")
    assert '<a href="/_pympler/leaks">1 container</a> keeps growing' in text
    assert '<td class="num">\N{EN DASH}</td>' in text  # how much a request leaves is not known

    text = visitor.see("/leaks")
    assert "<dd>2.0 KB per request</dd>" in text
    assert "<dt>Keeps</dt><dd>0 B" not in text


def test_requests_are_filtered_sorted_and_leafed_through(visitor: Visitor) -> None:
    assert "1 to 50 of 120 reports" in visitor.see("/requests")
    assert "101 to 120 of 120 reports" in visitor.see("/requests?page=3")
    assert "The list is not as long" in visitor.see("/requests?page=4")
    assert "of 24 reports" in visitor.see("/requests?route=/search")
    assert "of 7 reports" in visitor.see("/requests?status=5")
    assert "of 7 reports" in visitor.see("/requests?status=500")
    assert "No report fits" in visitor.see("/requests?status=418")
    assert "No report fits" in visitor.see("/requests?worker=nobody")


@pytest.mark.parametrize(
    "path",
    [
        *["/nothing", "/requests/1/2", "/requests/no-such", "/leaks/x", "/heap/no-such"],
        *["/heap/garbage1", "/heap/compare", "/heap/compare?old=heap1&new=x", "/jobs", "/jobs/x"],
        *["/requests?page=0", "/requests?page=-1", "/requests?page=9999999999999", "/x/y/z"],
        *["/requests?page=1e3", "/requests?status=abc", "/requests?sort=random", "/static/x.css"],
        *["/static/../site.py", "/static/", "/classes?name=none", "/garbage/x", "/process/1"],
        *["/fleet/x", "/fleet/workers/nobody", "/fleet/growth/x", "/fleet/workers/a/b"],
        *["/fleet?period=1y", "/fleet/growth?days=8", "/fleet/growth?days=x"],
        *["/heap/heap1/17", "/heap/heap1/x", "/requests?page=\N{SUPERSCRIPT TWO}"],
    ],
)
def test_what_is_not_there_is_said_in_words(visitor: Visitor, path: str) -> None:
    assert "<h1>Not found</h1>" in visitor.see(path, 404)


def test_a_request_shows_what_it_left_who_holds_it_and_the_cost(visitor: Visitor) -> None:
    exact = [r for r in visitor.store.reports() if r.attribution == "exact"]
    key = next(r.key for r in exact if r.route == "/cart/{id}")
    text = visitor.see(f"/requests/{key}")
    assert "shop.models.Item" in text
    assert "Exact figures" in text
    assert "shop/cart.py:41" in text
    assert "Arm the next request" in text
    shared = next(r.key for r in visitor.store.reports() if r.attribution == "shared")
    assert "3 requests were in flight" in visitor.see(f"/requests/{shared}")


def test_the_snapshot_around_a_request_is_on_its_page(visitor: Visitor) -> None:
    key = report(3).key
    assert "301,003 after (+4.2 KB)" in visitor.see(f"/requests/{key}")


def test_the_tracked_classes_of_a_request_are_on_its_page(visitor: Visitor) -> None:
    text = visitor.see(f"/requests/{report(3).key}")
    assert '<h2 id="classes">Tracked classes</h2>' in text
    assert '2 at <code class="line">shop/cart.py:38 in add</code>' in text


def test_snapshots_around_requests_are_listed(visitor: Visitor) -> None:
    text = visitor.see("/requests")
    assert "Snapshots around requests" in text
    assert "/_pympler/jobs/snapshot1" in text


def test_a_tracked_class_shows_its_history_and_where_it_comes_from(visitor: Visitor) -> None:
    text = visitor.see("/classes")
    assert "Live instances of each class: shop.models.Item from 40 to" in text
    assert '<td class="num">9,211</td><td class="num">8,457</td>' in text
    text = visitor.see("/classes?name=shop.models.Item")
    assert "Live instances: pid 4711 on web-1 from 40 to 754" in text
    assert '<code>GET /cart/{id}</code></th><td class="num">740' in text
    assert "<code>shop/cart.py:38 in add</code>" in text


def test_a_worker_that_has_ended_keeps_nothing_alive(store: MemoryStore) -> None:
    cart = ClassTotal("shop.Cart", 20, 13, 700)
    both = [
        replace(summary(pid, now=now), classes=(cart,)) for pid, now in ((2, NOW), (1, NOW - 1000))
    ]
    store.summaries = lambda: both  # type: ignore[method-assign]  # it keeps one worker's
    for said, at in zip(reversed(both), (NOW - 1000, NOW), strict=True):
        store.save_moment(Moment(at, said.worker, tracked={"shop.Cart": (7, 700)}))
    text = Visitor(store).see("/classes")
    assert "shop.Cart from 7 to 7" in text
    assert '<td class="num">7</td><td class="num">700 B</td>' in text


def test_a_request_without_a_window_says_why(store: MemoryStore) -> None:
    store.save(report(7, attribution="none", note="the garbage collector is disabled"))
    text = Visitor(store).see(f"/requests/{report(7).key}")
    assert "Not watched:</strong> the garbage collector is disabled." in text


def test_a_leak_shows_its_holder_its_line_and_its_history(visitor: Visitor) -> None:
    text = visitor.see("/leaks")
    for part in HOLDER.split("."):
        assert f"<code>{part}</code>" in text
    assert "shop/cart.py:41" in text
    assert f"Entries of {HOLDER}: pid 4711 on web-1 from 0 to 357" in text
    assert "128 entries" in text


def test_two_snapshots_are_compared_the_older_first(visitor: Visitor) -> None:
    for query in ("old=heap1&new=heap2", "old=heap2&new=heap1"):
        text = visitor.see(f"/heap/compare?{query}")
        assert "+4,897" in text
        assert "+690<" in text
        assert "function" not in text


def test_a_cycle_is_drawn_and_told(visitor: Visitor) -> None:
    text = visitor.see("/garbage")
    assert "A cycle of 4 objects: shop.report.Section, dict, shop.report.Document, list" in text
    assert "<code>shop.report.Section</code> __dict__ → <code>dict</code>" in text


def test_a_job_is_started_one_at_a_time(store: MemoryStore) -> None:
    worker = fill(store)
    visitor = Visitor(store)
    assert visitor.ask("/jobs", form={"kind": "heap", "worker": "nobody"}).status == 404
    assert visitor.ask("/jobs", form={"kind": "format-disk", "worker": worker}).status == 404
    assert visitor.ask("/jobs", form={"kind": "snapshot", "worker": worker}).status == 404
    assert store.jobs() == []

    assert visitor.ask("/jobs", form={"kind": "heap", "worker": worker}).status == 303
    (job,) = store.jobs()
    assert visitor.ask("/jobs", form={"kind": "garbage", "worker": worker}).status == 409
    armed = {"kind": "snapshot", "worker": worker, "route": "/cart/{id}", "method": "GET"}
    assert visitor.ask("/jobs", form=armed).status == 303
    assert visitor.ask("/jobs", form=armed).status == 409
    assert store.jobs()[0].arguments == {"route": "/cart/{id}", "method": "GET"}

    store.update_job(replace(job, state="running", progress=0.4, message="looking at types"))
    text = visitor.see(f"/jobs/{job.id}")
    assert 'value="40"' in text
    assert "looking at types" in text
    assert visitor.ask(f"/jobs/{job.id}/cancel", form={}).status == 303
    assert (store.job(job.id) or job).state == "failed"
    assert visitor.ask("/jobs", form={"kind": "garbage", "worker": worker}).status == 303


def test_a_job_whose_worker_has_gone_is_given_up(store: MemoryStore) -> None:
    worker = fill(store)
    store.add_job(Job("old", "heap", worker, NOW - 3600))
    visitor = Visitor(store)
    assert "Given up" in visitor.see("/jobs/old")
    assert "given up: its worker did not answer" in visitor.see("/heap")
    assert visitor.ask("/jobs", form={"kind": "heap", "worker": worker}).status == 303


def test_a_worker_that_has_ended_is_not_asked(store: MemoryStore) -> None:
    class Shared(MemoryStore):
        def summaries(self) -> list[LeakSummary]:
            return [summary(), replace(summary(9, now=NOW - 900))]

    shared = Shared(10)
    for path in ("/heap", "/garbage", "/process"):
        text = Visitor(shared).see(path)
        assert summary().worker in text
        assert summary(9).worker not in text
    assert "pid 9 " in Visitor(shared).see("/")
    assert "pid 9 " in Visitor(shared).see(f"/process?worker={summary(9).worker}")


def test_a_job_that_is_done_leads_to_its_result(visitor: Visitor) -> None:
    for job, target in (("heap1", "/heap/heap1"), ("process1", "/process?worker=")):
        response = visitor.ask(f"/jobs/{job}")
        assert response.status == 303
        assert dict(response.headers)["Location"].startswith(f"/_pympler{target}")


NASTY = "\"'><script>alert(1)</script>{{7*7}}</script>&amp;\x00\ud800"


def test_nothing_is_shown_as_it_came(store: MemoryStore) -> None:
    nasty = TypeCount(NASTY, 1, 100)
    store.save(report(1, route=NASTY, error=NASTY, note=NASTY, release=NASTY, survivors=(nasty,)))
    told = summary()
    suspect = replace(told.routes[0].suspects[0], holder=NASTY, type=NASTY, stored_at=NASTY)
    route = replace(told.routes[0], route=NASTY, headline=NASTY, suspects=(suspect,))
    store.save_summary(replace(told, application=NASTY, notes=(NASTY,), routes=(route,)))
    result: dict[str, Any] = {
        "taken_at": 1.0,
        "objects": 1,
        "flat_bytes": 100,
        "in_cycles": 1,
        "types": [{"type": NASTY, "count": 1, "flat_bytes": 100}],
        "cycles": [
            {
                "nodes": [{"type": NASTY, "flat_bytes": 1}],
                "objects": 1,
                "flat_bytes": 1,
                "edges": [{"source": 0, "target": 0, "label": NASTY}],
            }
        ],
    }
    for kind in ("heap", "garbage"):
        store.add_job(Job(kind, kind, told.worker, NOW, state="done", result=result))
    store.add_job(Job("bad", "heap", told.worker, NOW, state="failed", message=NASTY))
    visitor = Visitor(store)
    key = store.reports()[0].key
    seen = 0
    for path in ("/", "/requests", f"/requests/{key}", "/leaks", "/heap", "/heap/heap", "/garbage"):
        text = visitor.see(path)
        assert "<script>alert" not in text, path
        assert "{{7*7}}" in text
        seen += text.count("&lt;script&gt;alert(1)")
    assert seen > 15


class Broken:
    """A store that cannot be read, as its protocol allows."""

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def status(self) -> StoreStatus:
        return StoreStatus("/var/lib/shop.db", shared=True, fault=self.fault)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def failing(*_: Any, **__: Any) -> Any:
            raise StoreError("it is locked; end the process that holds it")

        return failing


@pytest.mark.parametrize("fault", ["", "the disk is full; make room"])
def test_a_store_that_fails_is_said_in_words(fault: str) -> None:
    visitor = Visitor(Broken(fault))
    for path in PATHS:
        text = visitor.see(path, 503)
        assert (fault or "it is locked; end the process that holds it") in text


def test_a_result_of_another_version_is_said_in_words(store: MemoryStore) -> None:
    fill(store)
    results: list[Any] = [{"schema": 99}, {}, None, [], "x"]
    for result in results:
        store.add_job(Job("h", "heap", summary().worker, NOW, state="done", result=result))
        assert "cannot be read" in Visitor(store).see("/heap/h", 503)
