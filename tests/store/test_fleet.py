"""What all workers together say, from summaries written out by hand."""

from __future__ import annotations

from typing import Any

from pympler.leaks.report import Counters, LeakSummary, Suspect
from pympler.store.fleet import (
    DayGrowth,
    Rollup,
    fleet_of,
    growth_by_day,
    new_since,
    selected,
    worst_workers,
)
from tests.leaks.values import a_route
from tests.store.stores import said_by

DAY = 86400.0


def worker(pid: int, *routes: Any, **changes: Any) -> LeakSummary:
    verdicts = [route.verdict for route in routes]
    verdict = "leak" if "leak" in verdicts else "clean" if verdicts else None
    return said_by(pid, routes=routes, **{"verdict": verdict, "taken_at": 100.0 * pid, **changes})


def route(verdict: str | None, path: str = "/cart", **changes: Any) -> Any:
    values = {"route": path, "verdict": verdict, "headline": f"{path} {verdict}", "suspects": ()}
    return a_route(**{**values, **changes})


def test_the_worst_verdict_wins_and_who_saw_most_speaks() -> None:
    cache = Suspect("shop.CACHE", "dict", 1.0, 100.0)
    fleet = fleet_of(
        [
            worker(1, route("clean", windows=90, requests=900, bytes_per_request=0.0)),
            worker(2, route("leak", windows=10, requests=100, bytes_per_request=100.0)),
            worker(
                3,
                route(
                    "leak",
                    windows=20,
                    requests=200,
                    bytes_per_request=200.0,
                    headline="three says it",
                    suspects=(cache,),
                ),
                release="1.3",
            ),
        ]
    )

    (row,) = fleet.routes
    assert (fleet.verdict, row.verdict, row.headline) == ("leak", "leak", "three says it")
    assert (row.requests, row.windows, row.workers) == (1200, 120, 3)
    assert row.bytes_per_request == (10 * 100 + 20 * 200) / 120
    assert row.releases == ("1.2", "1.3")
    assert (row.accusing, row.accusers[0]) == (2, said_by(3).worker)
    assert row.suspects == (cache,)


def test_releases_on_hosts_the_latest_first() -> None:
    fleet = fleet_of(
        [
            worker(1, started_at=10.0, dropped=2),
            worker(2, route("leak"), started_at=20.0, dropped=3),
            worker(3, started_at=500.0, release="1.3"),
            worker(4),
        ],
        alive_since=200.0,
    )

    newest, *_ = sorted(fleet.groups, key=lambda group: group.release, reverse=True)
    assert (newest.release, newest.workers, newest.verdict) == ("1.3", 1, None)
    older = next(group for group in fleet.groups if group.release == "1.2")
    assert (older.workers, older.dropped, older.verdict) == (3, 5, "leak")
    assert (older.alive, older.last_seen) == (2, 400.0)
    assert fleet.applications == ("shop",)


def test_nothing_said_is_no_verdict() -> None:
    fleet = fleet_of([])

    assert (fleet.verdict, fleet.routes, fleet.workers) == (None, (), ())


def test_which_workers_are_meant() -> None:
    said = [worker(1), worker(2, release="1.3"), worker(3, release="")]

    assert [s.pid for s in selected(said, since=150.0)] == [2, 3]
    assert [s.pid for s in selected(said, release="1.3")] == [2]
    assert [s.pid for s in selected(said, release="")] == [3]


def test_what_is_new_in_a_release() -> None:
    said = [
        worker(1, route("leak", "/old"), route("clean", "/new"), started_at=10.0),
        worker(
            2,
            *(route("leak", path) for path in ("/old", "/new", "/only")),
            route("bounded", "/cache"),
            release="1.3",
            started_at=20.0,
        ),
        worker(3, route("leak", "/only"), release="1.4", started_at=30.0),
    ]

    assert sorted(row.route for row in new_since(said, "1.3")) == ["/new", "/only"]
    assert new_since(said, "1.4") == []
    assert new_since(said, "9") == []


def test_the_worst_workers_first() -> None:
    said = [
        worker(1, route("clean"), counters=Counters(rss_growth_bytes=900)),
        worker(2, route("leak"), counters=Counters(rss_growth_bytes=10)),
        worker(3, counters=Counters(rss_growth_bytes=5000)),
        worker(4, route("leak"), counters=Counters(rss_growth_bytes=20)),
    ]

    assert [life.pid for life in worst_workers(said)] == [4, 2, 1, 3]


def test_growth_by_day_and_release() -> None:
    def hour(at: float, release: str, path: str = "/cart", **sums: int) -> Rollup:
        return Rollup(at, path, "GET", release, "web", errors=0, duration_s=0.0, **sums)

    rollups = [
        hour(3600.0, "1.2", reports=2, bytes=100, objects=2),
        hour(7200.0, "1.2", reports=2, bytes=300, objects=6),
        hour(DAY + 3600, "1.3", reports=1, bytes=900, objects=9),
        hour(DAY + 3600, "1.3", "/other", reports=1, bytes=5, objects=5),
    ]

    assert growth_by_day(rollups, "/cart") == [
        DayGrowth(0.0, "1.2", 4, 100.0, 2.0, 3600.0),
        DayGrowth(DAY, "1.3", 1, 900.0, 9.0, DAY + 3600),
    ]
    assert growth_by_day(rollups, "/cart", "POST") == []
