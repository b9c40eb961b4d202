"""The pages of the fleet, over a file that the workers of several releases have written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pympler.leaks.report import Counters, LeakSummary
from pympler.store import Moment
from pympler.store.memory import MemoryStore
from pympler.store.sqlite import SqliteStore
from tests.render.pages.front_ends import FRONT_ENDS, front_end
from tests.render.pages.test_pages import Visitor
from tests.render.pages.values import CLEAN, LEAKING, NOW, fill_all, report, summary

DAY = 86400.0
HOUR = 3600.0


def worker(pid: int, host: str, release: str, age_s: float, *, leaks: bool) -> LeakSummary:
    cart = replace(LEAKING, verdict="leak" if leaks else "clean", suspects=())
    return replace(
        summary(pid, host=host),
        release=release,
        started_at=NOW - age_s,
        verdict=cart.verdict,
        routes=(cart, CLEAN),
        counters=Counters(rss_bytes=90_000_000, rss_growth_bytes=pid * 1_000_000),
    )


OLD = replace(worker(1, "web-1", "1.0", 3 * DAY, leaks=False), taken_at=NOW - HOUR)
RECYCLED = replace(worker(2, "web-1", "1.1", DAY, leaks=True), taken_at=NOW - 1000)
ALIVE = worker(3, "web-2", "1.1", 900.0, leaks=True)


@pytest.fixture
def visitor(tmp_path: Path) -> Iterator[Visitor]:
    with SqliteStore(tmp_path / "shop.db", max_age_s=1e12) as store:
        for said in (OLD, RECYCLED, ALIVE):
            store.save_summary(said)
        for days in range(4):
            at, release = NOW - days * DAY, "1.1" if days < 2 else "1.0"
            store.save(report(days, 1, started_at=at, release=release, method="GET"))
        for step in range(400):
            at = RECYCLED.started_at + step * 60
            store.save_moment(Moment(at, RECYCLED.worker, rss_bytes=80_000_000 + step * 1000))
        assert store.flush()
        yield Visitor(store)


def test_the_overview_by_route_release_and_host(visitor: Visitor) -> None:
    text = visitor.see("/fleet")
    assert '<a href="/_pympler/fleet" aria-current="page">Fleet</a>' in text
    assert "<small>1 alive</small>" in text
    assert "2 of 3 workers</small>" in text
    assert text.index("/cart/{id}") < text.index("/products/{id}")
    assert text.index(">1.1</a></th><td>web-2<") < text.index(">1.0</a></th><td>web-1<")
    assert text.index("pid 3 on web-2") < text.index("pid 1 on web-1")


def test_the_overview_of_a_part(visitor: Visitor) -> None:
    text = visitor.see("/fleet?release=1.0")
    assert "pid 1 on web-1" in text
    assert "pid 2 on web-1" not in text
    text = visitor.see("/fleet?period=1h&release=1.2")
    assert "Within 1h, of release 1.2." in text
    assert "pid 1 on web-1" not in visitor.see("/fleet?period=1h&release=1.1")


def test_growth_over_days_with_the_releases_marked(visitor: Visitor) -> None:
    text = visitor.see("/fleet/growth?route=/cart/{id}&method=GET&days=7")
    assert 'aria-label="Bytes that a request leaves: 1.1 from 344 B to 344 B' in text
    assert text.count('<line class="mark"') == 2  # in both charts
    assert ">1.1</text>" in text
    assert text.count("<td>1.0</td>") == 2
    assert "No report within 30 days" in visitor.see("/fleet/growth?route=/nothing")
    assert "/cart/{id}" in visitor.see("/fleet/growth")  # the worst one


def test_what_is_new_in_a_release(visitor: Visitor) -> None:
    assert "New since 1.1" in visitor.see("/fleet/new")
    text = visitor.see("/fleet/new?release=1.1")
    assert "/cart/{id}" in text
    assert "/products/{id}" not in text
    assert "Nothing to compare with" in visitor.see("/fleet/new?release=1.0")
    assert "No worker of this release" in visitor.see("/fleet/new?release=2")


def test_nothing_is_new_where_it_was_there_before(visitor: Visitor) -> None:
    visitor.store.save_summary(replace(ALIVE, pid=9, release="1.2", started_at=NOW - 10))
    visitor.store.flush()
    assert "Nothing is new" in visitor.see("/fleet/new")


def test_the_worst_workers(visitor: Visitor) -> None:
    text = visitor.see("/fleet/workers?period=7d")
    assert "3 of 3 workers" in text
    assert text.index("pid 3 ") < text.index("pid 2 ") < text.index("pid 1 ")


def test_the_life_of_a_worker_and_of_those_beside_it(visitor: Visitor) -> None:
    text = visitor.see(f"/fleet/workers/{RECYCLED.worker}")
    assert "ended <time" in text
    assert 'aria-label="Memory of the worker: resident (RSS) from 76.' in text
    assert ">end</text>" in text
    assert text.count(f"/fleet/workers/{OLD.worker}") == 1  # of the same host
    assert ALIVE.worker not in text
    assert "Its process" not in text
    assert "Its process" in visitor.see(f"/fleet/workers/{ALIVE.worker}")


def test_without_a_release_it_says_how_to_name_one(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "shop.db") as store:
        store.save_summary(replace(ALIVE, release=""))
        assert store.flush()
        assert "PYMPLER_RELEASE=1.3" in Visitor(store).see("/fleet/new")


def test_a_process_by_itself_has_no_link_but_what_there_is() -> None:
    store = MemoryStore(500)
    fill_all(store, workers=1)
    visitor = Visitor(store)
    assert "/_pympler/fleet" not in visitor.see("/")
    assert "pid 4711 on web-1" in visitor.see("/fleet")
    assert "Bytes that a request leaves" in visitor.see("/fleet/growth")
    assert "Memory of the worker" in visitor.see(f"/fleet/workers/{summary().worker}")
    empty = Visitor(MemoryStore(10)).see("/fleet")
    assert "With a shared <code>store</code>" in empty


@pytest.mark.parametrize("name", FRONT_ENDS)
def test_every_front_end_leads_there(name: str) -> None:
    with front_end(name) as visit:
        fill_all(visit.store, workers=1)
        for path in ("/fleet", "/fleet/growth", "/fleet/new", "/fleet/workers"):
            assert visit(path).status == 200
        assert visit(f"/fleet/workers/{summary().worker}").status == 200


def test_names_of_releases_and_hosts_are_escaped(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "shop.db", max_age_s=1e12) as store:
        evil = '</script><b>"1'
        said = replace(ALIVE, release=evil, host=evil)
        store.save_summary(said)
        store.save_summary(replace(OLD, release="0", taken_at=NOW))
        store.save(report(1, release=evil))
        store.save(report(2, release="0", started_at=NOW - 2 * DAY))
        assert store.flush()
        visitor = Visitor(store)
        for path in ("/fleet", "/fleet/growth", "/fleet/new", f"/fleet/workers/{said.worker}"):
            text = visitor.see(path)
            assert "&lt;/script&gt;" in text
            assert "<b>" not in text.replace("<b>344 B", "").replace("<b>3<", "")
