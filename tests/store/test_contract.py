"""What every store promises, in memory or on a disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pympler.leaks.report import TypeCount
from pympler.store import Query, Store
from tests.leaks.values import a_report
from tests.store.stores import KINDS, a_job, a_moment, said_by, worker_report

KEEP = 40


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with request.param(request, tmp_path, KEEP) as opened:
        yield opened


@pytest.fixture
def filled(store: Store) -> Store:
    """Ten reports: even numbers of one route and status, odd ones of another."""
    for number in range(10):
        odd = number % 2
        survivors = (TypeCount("shop.Order", number, 100 * (5 - abs(number - 5))),)
        store.save(
            worker_report(
                number,
                number,
                route="/pay" if odd else "/cart/{id}",
                method="POST" if odd else "GET",
                status=500 if odd else 200,
                release="1.3" if number > 6 else "1.2",
                duration_s=number % 3 + number / 100,
                own_cost_s=1.0 / (number + 1),
                survivors=survivors,
            )
        )
    assert store.flush()
    return store


def numbers(store: Store, **query: Any) -> list[int]:
    return [report.id for report in store.find(Query(**query)).reports]


def test_a_report_comes_back_as_it_was(store: Store) -> None:
    odd = a_report(
        route="/caf\u00e9/\udcff\0", status=None, error="KeyError", survivors=(), host="web 1"
    )
    store.save(a_report(id=1))
    store.save(odd)
    store.flush()

    assert store.reports() == [a_report(id=1), odd]
    assert store.report(odd.key) == odd
    assert store.report("none such") is None
    assert store.report("\0\udcff") is None
    assert store.status().reports in (0, 2)  # the estimate of a server


def test_nothing_is_kept_at_first(store: Store) -> None:
    for read in (store.reports, store.summaries, store.moments, store.jobs):
        assert read() == []
    assert store.find(Query()).total == 0
    assert store.job("1f") is None
    assert store.take_job("web.4711.1") is None
    assert store.status().fault == ""


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        ({"limit": 3}, [9, 8, 7]),
        ({"limit": 3, "offset": 8}, [1, 0]),
        ({"offset": 99}, []),
        ({"route": "/pay"}, [9, 7, 5, 3, 1]),
        ({"route": "/PAY"}, []),
        ({"route": "/pay' OR '1'='1"}, []),
        ({"route": "/pay", "release": "1.2"}, [5, 3, 1]),
        ({"method": "GET"}, [8, 6, 4, 2, 0]),
        ({"status": 500, "limit": 1}, [9]),
        ({"status_class": 2, "limit": 2}, [8, 6]),
        ({"status_class": 4}, []),
        ({"worker": worker_report(3, 3).worker}, [3]),
        ({"host": "db"}, []),
        ({"since": 1_700_000_008.0}, [9, 8]),
        ({"sort": "bytes", "limit": 3}, [5, 6, 4]),
        ({"sort": "objects", "limit": 3}, [9, 8, 7]),
        ({"sort": "duration", "limit": 3}, [8, 5, 2]),
        ({"sort": "cost", "limit": 3}, [0, 1, 2]),
    ],
)
def test_what_a_query_finds(filled: Store, query: dict[str, Any], found: list[int]) -> None:
    page = filled.find(Query(**query))

    if query.get("sort") == "bytes":  # 6 and 4 have as many
        assert sorted(numbers(filled, **query)) == sorted(found)
    else:
        assert numbers(filled, **query) == found
    unlimited = {name: value for name, value in query.items() if name not in ("limit", "offset")}
    assert page.total == len(filled.find(Query(**unlimited, limit=500)).reports)


def test_pages_of_a_query_overlap_nowhere(filled: Store) -> None:
    for number in range(10, 20):  # all of the same moment
        filled.save(worker_report(number, 3))
    filled.flush()

    keys = [r.key for at in (0, 7, 14) for r in filled.find(Query(offset=at, limit=7)).reports]

    assert len(keys) == len(set(keys)) == 20


def test_the_oldest_reports_give_way(store: Store) -> None:
    for number in range(KEEP + 25):
        store.save(worker_report(1, number, started_at=time.time() + number))
    store.flush()
    if type(store).__name__ == "PostgresStore":
        pytest.skip("there the age decides, for all workers of all machines")
    if hasattr(store, "trim"):
        store.trim()

    assert [report.id for report in store.reports()] == list(range(25, KEEP + 25))
    assert store.status().reports == KEEP


def test_a_summary_replaces_the_one_before(store: Store) -> None:
    store.save_summary(said_by(1, requests=5, taken_at=10.0))
    store.flush()
    store.save_summary(said_by(1, requests=6, taken_at=11.0))
    store.flush()

    assert store.summaries() == [said_by(1, requests=6, taken_at=11.0)]


def test_moments_come_in_the_order_of_time(store: Store) -> None:
    now = time.time()
    moments = [a_moment(at=now + 100 * number) for number in range(3)]
    for moment in moments:
        store.save_moment(moment)
    store.flush()

    assert store.moments() == moments
    assert store.moments(since=now + 100) == moments[1:]


def test_moments_of_some_workers(store: Store) -> None:
    first, second = a_moment(), a_moment(worker="web.5.1")
    store.save_moment(first)
    store.save_moment(second)
    store.flush()

    assert store.moments(workers=[second.worker, "no such"]) == [second]
    assert store.moments(first.at + 1, {second.worker}) == []
    assert store.moments(workers=()) == store.moments(workers=["\0"]) == []


def test_reports_are_added_up_by_hour(store: Store) -> None:
    if not hasattr(store, "rollups"):
        pytest.skip("what is in memory is not added up")
    hour = 1_700_000_000 // 3600 * 3600.0
    for number in range(6):
        left = (TypeCount("shop.Order", 1, 100 * number), TypeCount("dict", 2, 64))
        status = 500 if number == 4 else None if number == 5 else 200
        when = hour + 1000 * number  # four of the first hour
        store.save(
            worker_report(number % 2, number, started_at=when, survivors=left, status=status)
        )
        store.flush()

    first, second = store.rollups()

    assert (first.hour, first.route, first.method) == (hour, "/cart/{id}", "GET")
    assert (first.release, first.host) == ("1.2", "web")
    assert (first.reports, first.errors, first.bytes, first.objects) == (4, 0, 600 + 256, 12)
    assert first.duration_s == pytest.approx(4 * 0.0125)
    assert (second.hour, second.reports, second.errors) == (hour + 3600, 2, 1)
    assert store.rollups(since=hour + 3700) == [second]


def test_the_life_of_a_job(store: Store) -> None:
    worker, now = "web.4711.1", time.time()
    store.add_job(a_job(id="other", worker="web.4712.1", created_at=now))
    store.add_job(a_job(id="first", created_at=now))
    store.add_job(a_job(id="second", created_at=now, kind="process", arguments={}))

    taken = store.take_job(worker)

    assert taken == a_job(id="first", created_at=now, state="running")
    store.update_job(replace(taken, progress=0.5, message="walking"))
    assert store.job("first") == replace(taken, progress=0.5, message="walking")
    done = replace(taken, state="done", progress=1.0, finished_at=now, result={"rows": [1, None]})
    store.update_job(done)
    assert store.job("first") == done
    second = store.take_job(worker)
    assert second is not None
    assert second.id == "second"
    assert store.take_job(worker) is None
    store.add_job(a_job(id="third", created_at=now))
    third = store.take_job(worker)
    assert third is not None
    assert third.id == "third"
    assert [job.id for job in store.jobs()] == ["third", "second", "first", "other"]
    assert [job.id for job in store.jobs("process")] == ["second"]
    assert store.jobs()[2] == replace(done, result=None)


def test_a_job_that_is_not_kept_stays_so(store: Store) -> None:
    store.update_job(a_job(id="gone", state="done"))

    assert store.job("gone") is None


def test_closing_twice(store: Store) -> None:
    store.save(a_report())
    store.close()
    store.close()

    assert store.reports() == [a_report()]
    store.close()
