"""Pages of the fleet get the same answers from every store that many workers share."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pympler.leaks.report import ClassTotal, Counters, Suspect, worst
from pympler.store import Store
from pympler.store.fleet import Fleet, FleetRoute
from pympler.store.fleet_reader import FleetReader, reader_of
from pympler.store.heard import MOST_ACCUSERS, MOST_TOLD, FleetClass, Heard
from pympler.store.memory import MemoryStore
from tests.leaks.values import a_report, a_route, a_summary
from tests.store.stores import KINDS, a_moment, worker_report

NOW = time.time()
HOUR = 3600.0
DAY = 86400.0
CACHE = Suspect("shop.CACHE", "dict", 1.0, 100.0)


def route(verdict: str | None, path: str, **changes: Any) -> Any:
    suspects = (CACHE,) if verdict == "leak" else ()
    values = {"verdict": verdict, "headline": f"{path} {verdict}", "suspects": suspects}
    return a_route(route=path, **{**values, **changes})


def worker(pid: int, *routes: Any, **changes: Any) -> Any:
    values = {
        "routes": routes,
        "verdict": worst(each.verdict for each in routes),
        "host": f"web-{pid % 2}",
        "started_at": NOW - 1000 * pid,
        "taken_at": NOW - 10 * pid,
        "requests": 100 * pid,
        "counters": Counters(rss_bytes=10**8 + pid, rss_growth_bytes=10**6 * pid),
    }
    return a_summary(pid=pid, **{**values, **changes})


SAID = [
    worker(1, route("leak", "/cart", windows=40), route("clean", '/a "b" \\ {c}, NULL')),
    worker(2, route("leak", "/cart", windows=60, bytes_per_request=9.5), route("leak", "/new")),
    worker(3, route(None, "/cart"), route("bounded", "/new"), release="1.1", dropped=4),
    worker(4, route("clean", "/cart"), release="1.1", taken_at=NOW - 2 * DAY),
    worker(5, route("native", "/caf\u00e9"), application="jobs", release=""),
    worker(6),
]


@pytest.fixture(params=KINDS[1:])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with request.param(request, tmp_path, 100) as opened:
        yield opened


@pytest.fixture
def reader(store: Store) -> FleetReader:
    for said in SAID:
        store.save_summary(said)
    assert store.flush()
    return reader_of(store)


def in_one_order(fleet: Fleet) -> Fleet:
    """Without what is only in one order by chance, or only said where it is bad."""
    routes = [dataclasses.replace(row, headline="") for row in fleet.routes]
    routes.sort(key=lambda row: (row.method, row.route))
    return dataclasses.replace(
        fleet,
        routes=tuple(dataclasses.replace(row, bytes_per_request=round(row.bytes_per_request, 6),
                     objects_per_request=round(row.objects_per_request, 6)) for row in routes),
    )  # fmt: skip


def paths(rows: list[FleetRoute] | tuple[FleetRoute, ...]) -> list[str]:
    return [row.route for row in rows]


def test_the_fleet_as_all_workers_see_it(reader: FleetReader) -> None:
    fleet = reader.fleet(alive_since=NOW - 35)

    assert fleet.applications == ("jobs", "shop")
    assert fleet.verdict == "leak"
    assert paths(fleet.routes)[:3] == ["/cart", "/new", "/caf\u00e9"]
    cart = fleet.routes[0]
    assert (cart.verdict, cart.accusing, cart.workers) == ("leak", 2, 4)
    assert cart.accusers == (SAID[1].worker, SAID[0].worker)
    assert (cart.releases, cart.hosts) == (("1.2",), ("web-0", "web-1"))
    assert (cart.headline, cart.suspects) == ("/cart leak", (CACHE,))
    assert cart.windows == 200
    assert cart.bytes_per_request == pytest.approx((140 * 3232 + 60 * 9.5) / 200)
    assert [life.pid for life in fleet.workers] == [2, 1, 5, 3, 4, 6]
    old = next(group for group in fleet.groups if (group.release, group.host) == ("1.1", "web-1"))
    assert (old.workers, old.alive, old.requests, old.dropped) == (1, 1, 300, 4)
    assert sum(group.alive for group in fleet.groups) == 3


def test_each_worker_and_when_it_was_heard_of(reader: FleetReader, store: Store) -> None:
    assert reader.workers() == [(said.worker, said.taken_at) for said in store.summaries()]
    assert len(reader.workers()) == len(SAID)


def test_a_part_of_the_fleet(reader: FleetReader) -> None:
    assert len(reader.fleet(since=NOW - DAY).workers) == 5
    assert [life.pid for life in reader.fleet(release="1.1").workers] == [3, 4]
    assert [life.pid for life in reader.fleet(release="").workers] == [5]
    assert reader.fleet(release="1.1' OR ''='") == Fleet((), None, (), (), ())
    assert reader.fleet(release="\0").routes == ()


def test_what_is_new_in_a_release(reader: FleetReader) -> None:
    assert reader.routes()[0] == ("GET", "/cart", "leak")
    assert [name for _, name, _ in reader.routes(since=NOW - 15)] == [
        "/cart",
        '/a "b" \\ {c}, NULL',
    ]
    assert reader.releases() == ["1.1", "", "1.2"]
    assert sorted(paths(reader.new_since("1.2"))) == ["/cart", "/new"]
    assert reader.new_since("1.1") == []
    assert reader.new_since("no such") == []


def test_the_workers_of_a_host(reader: FleetReader) -> None:
    assert [life.pid for life in reader.lives("web-1")] == [1, 3, 5]
    assert [life.pid for life in reader.lives("web-1", most=1)] == [1]
    assert reader.lives("nowhere") == []


def test_one_worker(reader: FleetReader) -> None:
    assert reader.summary(SAID[2].worker) == SAID[2]
    assert reader.summary("\0") is None


ITEM = ClassTotal("shop.Item", births=100, deaths=60, live_bytes=4000)
LINE = dataclasses.replace(CACHE, stored_at="shop/cart.py:41", evidence="grew")
LOST = Suspect("shop.LOST", "list", 0.5, 70.0)


def test_what_all_workers_say(store: Store) -> None:
    assert reader_of(store).heard() == Heard(0, 0, 0, None, 0.0, (), 0, ())
    for said in SAID:
        store.save_summary(said)
    noted = dataclasses.replace(
        SAID[2], overhead=0.02, notes=("gc is disabled", 'a "b" \\, NULL'), unattributed=(LOST,)
    )
    store.save_summary(noted)
    assert store.flush()

    heard = reader_of(store).heard()

    assert (heard.workers, heard.requests) == (6, 2100)
    assert heard.windows == sum(said.windows for said in SAID)
    assert (heard.verdict, heard.overhead, heard.unattributed) == ("leak", 0.02, 1)
    assert heard.notes == tuple(sorted({*noted.notes, *SAID[0].notes}))
    assert heard.latest == (*SAID[:2], noted, *SAID[4:], SAID[3])


def test_more_workers_than_are_told_of(store: Store) -> None:
    for number in range(MOST_TOLD + 10):
        store.save_summary(worker(number, route("leak", "/cart"), taken_at=NOW - number))
    assert store.flush()
    heard = reader_of(store).heard()
    assert (heard.workers, len(heard.latest)) == (MOST_TOLD + 10, MOST_TOLD)
    assert [said.pid for said in heard.latest] == list(range(MOST_TOLD))
    (suspect,) = reader_of(store).suspects()
    assert suspect.workers == MOST_TOLD + 10
    assert len(suspect.accusers) == MOST_ACCUSERS


def test_suspects_of_all_workers(store: Store) -> None:
    cached = Suspect("shop.seen", "lru_cache", 0.1, 9000.0, bound=128)
    for said in (
        *SAID,
        worker(7, route("leak", "/cart", suspects=(LINE,)), unattributed=(LOST,)),
        worker(8, route("bounded", "/new", suspects=(cached,)), route(None, "/cart")),
    ):
        store.save_summary(said)
    assert store.flush()
    reader = reader_of(store)

    found = reader.suspects()

    assert [(each.route, each.suspect.holder) for each in found] == [
        ("/cart", "shop.CACHE"), ("/new", "shop.CACHE"), ("", "shop.LOST"), ("/new", "shop.seen"),
    ]  # fmt: skip
    cart, _, lost, new = found
    assert (cart.suspect, cart.verdict, cart.workers) == (LINE, "leak", 3)
    assert [name.split(".")[1] for name in cart.accusers] == ["7", "1", "2"]
    assert (lost.suspect, lost.method, lost.verdict) == (LOST, "", "leak")
    assert (new.suspect, new.verdict) == (cached, "bounded")
    assert reader.suspects("GET", "/new") == [found[1], new]
    assert reader.suspects("POST", "/new") == []
    assert reader.suspects(route="\0") == []


def test_no_suspect_is_left_out(store: Store) -> None:
    routes = [route("leak", f"/{number}") for number in range(201)]
    store.save_summary(worker(1, *routes))
    assert store.flush()
    found = reader_of(store).suspects()
    assert {each.route for each in found} == {each.route for each in routes}


def test_one_route_of_all_workers(reader: FleetReader) -> None:
    (cart,) = reader.routes_seen("GET", "/cart")
    assert (cart.verdict, cart.workers, cart.headline) == ("leak", 4, "/cart leak")
    (plain,) = reader.routes_seen("GET", '/a "b" \\ {c}, NULL')
    assert (plain.verdict, plain.headline) == ("clean", '/a "b" \\ {c}, NULL clean')
    assert reader.routes_seen("POST", "/cart") == []
    assert sorted(paths(reader.routes_seen())) == sorted(
        {row.route for s in SAID for row in s.routes}
    )
    assert paths(reader.routes_seen(route="/new")) == ["/new"]


def test_a_job_has_no_method_and_is_none_of_the_requests(store: Store) -> None:
    job = route("clean", "nightly", method="", headline="nightly leaves nothing")
    held = dataclasses.replace(job, suspects=(LOST,))
    store.save_summary(worker(1, held, route("leak", "nightly")))
    assert store.flush()
    reader = reader_of(store)

    (only,) = reader.routes_seen("", "nightly")
    assert (only.method, only.verdict, only.headline) == ("", "clean", "nightly leaves nothing")
    assert [each.suspect for each in reader.suspects("", "nightly")] == [LOST]
    assert len(reader.routes_seen(route="nightly")) == len(reader.suspects(route="nightly")) == 2


def test_tracked_classes_of_all_workers(store: Store) -> None:
    other = dataclasses.replace(ITEM, births=70, live_bytes=500)
    gone = ClassTotal("shop.Cart", births=5, deaths=5)
    for pid, taken_at, rows in (
        (1, NOW, (ITEM,)),
        (2, NOW - 1, (other,)),
        (3, NOW - HOUR, (ITEM, gone)),
    ):
        store.save_summary(worker(pid, taken_at=taken_at, classes=rows))
    assert store.flush()
    reader = reader_of(store)

    assert reader.classes(NOW - 60) == [
        FleetClass("shop.Item", 270, 180, 50, 4500, least=10, most=40, workers=2),
        FleetClass("shop.Cart", 5, 5, 0, 0, least=0, most=0, workers=0),
    ]
    silent = reader.classes(NOW + 60)
    assert [(each.live, each.workers) for each in silent] == [(90, 3), (0, 1)]


def test_growth_by_day_and_release(store: Store) -> None:
    hour = NOW // DAY * DAY
    for number, (at, release) in enumerate(
        [(hour - DAY, "1.1"), (hour - DAY + HOUR, "1.1"), (hour + 60, "1.1"), (hour + 70, "1.2")]
    ):
        store.save(worker_report(1, number, started_at=at, release=release))
    store.save(worker_report(1, 9, started_at=hour, route="/other"))
    assert store.flush()
    reader = reader_of(store)

    days = reader.growth("/cart/{id}", "GET")

    assert [(each.day, each.release, each.reports) for each in days] == [
        (hour - DAY, "1.1", 2),
        (hour, "1.1", 1),
        (hour, "1.2", 1),
    ]
    assert {(each.bytes_per_request, each.objects_per_request) for each in days} == {(3232, 3)}
    assert days[0].first_hour == hour - DAY
    assert len(reader.growth("/cart/{id}", since=hour)) == 2
    assert reader.growth("/cart/{id}", "POST") == []
    assert reader.growth("\0") == []


def test_readings_of_a_worker_are_thinned(store: Store) -> None:
    for number in range(100):
        store.save_moment(a_moment(at=NOW - 6000 + 60 * number))
        store.save_moment(a_moment(at=NOW - 6000 + 60 * number, worker="web.5.1"))
    assert store.flush()
    reader = reader_of(store)

    assert len(reader.moments("web.4711.1")) == 100
    few = reader.moments("web.4711.1", most=20)
    assert 15 <= len(few) <= 21
    assert {moment.worker for moment in few} == {"web.4711.1"}
    assert [moment.at for moment in few] == sorted(moment.at for moment in few)
    assert reader.moments("nobody") == []


def test_memory_shows_what_it_has() -> None:
    store = MemoryStore(10)
    store.save_summary(SAID[0])
    store.save(a_report(started_at=NOW))
    reader = reader_of(store)

    assert paths(reader.fleet().routes)[0] == "/cart"
    assert [each.reports for each in reader.growth("/cart/{id}")] == [1]
    assert reader.growth("/cart/{id}", since=NOW + 1) == []


def test_the_database_adds_up_what_python_would(reader: FleetReader, store: Store) -> None:
    from pympler.store.fleet_reader import SummaryReader

    for release in (None, "1.2"):
        ours, theirs = reader.fleet(release=release), SummaryReader(store).fleet(release=release)
        assert in_one_order(ours) == in_one_order(theirs)
