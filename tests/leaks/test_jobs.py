"""Jobs: what a person asks a worker for comes back, whatever the worker is doing."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pympler.errors import StoreError
from pympler.leaks import LeakMonitor, budget, comparison
from pympler.leaks.inspections import compare_types, inspect_garbage, inspect_process
from pympler.leaks.jobs import Jobs
from pympler.leaks.report import TypeCount
from pympler.leaks.templates import may_serve
from pympler.store import Job
from pympler.store.memory import MemoryStore
from pympler.store.results import ProcessResult, TypeChange
from tests.leaks.processes import run_alone
from tests.store.stores import a_job

WORKER = "web.4711.1"


@pytest.fixture
def monitor() -> Iterator[LeakMonitor]:
    monitor = LeakMonitor(sample_rate=1.0, max_overhead=1.0, deep="never")
    with monitor.request("first"):  # a worker is known once it has served something
        pass
    yield monitor
    monitor.close()


def asked(monitor: LeakMonitor, kind: str, **arguments: Any) -> Job:
    """The job when it has ended."""
    worker = monitor.summary().worker
    monitor.store.add_job(Job("1f", kind, worker, time.time(), arguments))
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        job = monitor.store.job("1f")
        assert job is not None
        if job.finished_at is not None:
            return job
        time.sleep(0.02)
    raise AssertionError(f"{kind} was not done in time")


def test_an_idle_worker_comes_for_its_job(monitor: LeakMonitor) -> None:
    job = asked(monitor, "process")

    assert (job.state, job.progress) == ("done", 1.0)
    result = ProcessResult.from_dict(job.result)
    assert any("pympler-leaks" in thread.name for thread in result.threads)


def test_a_job_that_nobody_knows_fails_with_a_reason(monitor: LeakMonitor) -> None:
    job = asked(monitor, "dance")

    assert (job.state, job.message) == ("failed", "this version knows no job 'dance'")


def test_the_process() -> None:
    result = inspect_process()

    assert result.python.startswith("CPython 3.")
    assert result.memory[0].bytes > 1_000_000
    (own,) = [thread for thread in result.threads if thread.name == "MainThread"]
    assert any("in test_the_process" in line for line in own.frames)
    assert len(result.generations) == 3
    assert result.gc_enabled == gc.isenabled()
    assert ProcessResult.from_dict(result.to_dict()) == result


class Node:
    def __init__(self) -> None:
        self.other: Any = None


def test_garbage_and_its_cycles() -> None:
    inspect_garbage()  # what others have left
    flags = gc.get_debug()
    one, two = Node(), Node()
    one.other, two.other = two, one
    two.payload = [0] * 1000  # type: ignore[attr-defined]
    del one, two

    result = inspect_garbage()

    node = f"{__name__}.Node"
    assert next(row.count for row in result.types if row.type == node) == 2
    cycle = next(each for each in result.cycles if any(x.type == node for x in each.nodes))
    labels = {edge.label for edge in cycle.edges}
    assert ".other" in labels or "['other']" in labels
    assert result.flat_bytes > 8000
    assert result.in_cycles < result.objects
    assert gc.get_debug() == flags
    assert gc.garbage == []
    again = inspect_garbage()
    assert all(row.type != node for row in again.types)


def test_what_changed_by_type() -> None:
    before = [TypeCount("a", 1, 10), TypeCount("b", 2, 20), TypeCount("gone", 3, 30)]
    after = [TypeCount("b", 2, 20), TypeCount("a", 3, 30), TypeCount("new", 1, 500)]

    assert compare_types(before, after) == (
        TypeChange("new", 0, 1, 0, 500),
        TypeChange("a", 1, 3, 10, 30),
        TypeChange("gone", 3, 0, 30, 0),
    )


def test_a_store_that_fails_is_not_asked_all_the_time() -> None:
    class Failing(MemoryStore):
        asked = 0

        def take_job(self, worker: str) -> Job | None:
            self.asked += 1
            raise StoreError("away")

    store = Failing(keep=1)
    jobs = Jobs(store, WORKER)

    assert not any(jobs.look() for _ in range(10))
    assert store.asked == 1


def test_a_route_that_nobody_asks_for_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore(keep=1)
    jobs = Jobs(store, WORKER)
    store.add_job(a_job(kind="snapshot", created_at=time.time()))
    assert jobs.look()
    jobs.work()
    assert jobs.armed is not None
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 601)

    assert not jobs.look()

    job = store.job("1f")
    assert job is not None
    assert (job.state, job.message) == ("failed", "no request came in 10 minutes")
    assert jobs.armed is None


def armed(store: MemoryStore, **arguments: str) -> Jobs:
    jobs = Jobs(store, WORKER)
    store.add_job(a_job(kind="snapshot", created_at=time.time(), arguments=arguments))
    assert jobs.look()
    jobs.work()
    return jobs


class Ended:
    id = 0

    def __init__(self, route: str, method: str = "GET") -> None:
        self.route, self.method = route, method


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What walks of the heap are counted in, in place of walking."""
    counted: list[int] = []

    class FakeHeap:
        objects = total_bytes = 1

        def __init__(self) -> None:
            counted.append(1)

        def summary(self) -> list[Any]:
            return []

    monkeypatch.setattr(comparison, "heap_snapshot", FakeHeap)
    return counted


def test_only_requests_that_may_be_of_the_route_are_walked_for(walks: list[int]) -> None:
    store = MemoryStore(keep=1)
    jobs = armed(store, route="/cart/{id}", method="GET")

    for number in range(1000):
        assert jobs.begin("GET", f"/products/{number}") is None
        assert jobs.begin("POST", f"/cart/{number}") is None
        assert jobs.begin("GET", f"/cart/{number}/items") is None
    assert walks == []
    before = jobs.begin("GET", "/cart/7")
    assert before is not None
    jobs.end(before, Ended("/cart/{id}"), 0)

    job = store.job("1f")
    assert job is not None
    assert (job.state, len(walks), jobs.armed) == ("done", 2, None)


def test_where_the_path_tells_nothing_a_few_are_tried(walks: list[int]) -> None:
    store = MemoryStore(keep=1)
    jobs = armed(store, route="/cart/{id}")

    for _ in range(100):
        jobs.end(jobs.begin("GET"), Ended("/products/{id}"), 0)

    job = store.job("1f")
    assert job is not None
    assert (job.state, len(walks)) == ("failed", 10)
    assert job.message == "the heap was walked for 10 requests of other routes"


def test_a_path_that_misleads_is_not_believed_again(walks: list[int]) -> None:
    store = MemoryStore(keep=1)
    jobs = armed(store, route="a name that is no path")

    assert jobs.begin("GET", "/cart/7") is None
    jobs.end(None, Ended("a name that is no path"), 0)
    jobs.end(jobs.begin("GET", "/cart/7"), Ended("a name that is no path"), 0)

    job = store.job("1f")
    assert job is not None
    assert (job.state, len(walks)) == ("done", 2)


@pytest.mark.parametrize(
    ("template", "path", "fits"),
    [
        ("/cart/{id}", "/cart/7", True),
        ("/cart/{id}", "/cart/7/", True),
        ("/cart/{id}", "/carts/7", False),
        ("/cart/<int:id>/", "/cart/7", True),
        ("/cart/(?P<pk>[0-9]+)/$", "/cart/7/", True),
        ("/cart/(?P<pk>[0-9]+)/$", "/products/7/", False),
        ("<unrouted>", "/any/thing", True),
        ("<mount>/{path}", "/a/b/c", True),
        ("/", "/", True),
        ("/", "/cart", False),
        ("/caf\xe9/{x}", "/caf\xc3\xa9/7", True),
        ("/{a}-{b}.json", "/1-2.json", True),
        ("/{a}-{b}.json", "/12.json", False),
        ("/static/<path:name>", "/static/js/shop.js", True),
        ("/a/{b}-{c}", "/a/" + "-" * 100_000 + "/", True),
        ("job:nightly", "job:nightly", True),
        ("job:nightly", "/", False),
    ],
)
def test_a_path_tells_of_what_route_it_may_be(template: str, path: str, fits: bool) -> None:
    assert may_serve(template, path) is fits


# In an interpreter of its own, whose heap is small.
HEAP = """
    import sys, time
    from pympler.graph import HeapSnapshot
    from pympler.leaks import LeakMonitor, Settings
    from pympler.leaks import jobs as jobs_module
    from pympler.store import Job
    from pympler.store.results import HeapResult

    class Order: pass
    ORDERS = [Order() for _ in range(5000)]
    monitor = LeakMonitor(Settings(store=f"sqlite:///{sys.argv[1]}", sample_rate=1.0))
    worker = monitor.summary().worker
    jobs = monitor._jobs
    jobs_module._MOST_FILES = 2
    for number in range(3):
        monitor.store.add_job(Job(f"{number:02}", "heap", worker, time.time()))
    while jobs.look():
        jobs.work()
    job = monitor.store.job("02")
    result = HeapResult.from_dict(job.result)
    orders = next(row for row in result.types if row.type == "__main__.Order")
    print(job.state, orders.count, job.pause_s > 0)
    snapshot = HeapSnapshot.load(result.path)
    print(snapshot.objects == result.objects, any("ORDERS" in r.label for r in result.retainers))
    folder = monitor.store.folder
    print(len(list(folder.iterdir())), oct(folder.stat().st_mode & 0o777))
    monitor.close()
"""

SNAPSHOT = """
    import asyncio, time
    from pympler.leaks import LeakMonitor, snapshot
    from pympler.store import Job
    from pympler.store.results import SnapshotResult

    class Order: pass
    ORDERS = []
    monitor = LeakMonitor(sample_rate=1.0, max_overhead=1.0, deep="never")
    worker = monitor.summary().worker
    jobs = monitor._jobs

    def serve(route, number=0):
        request = monitor.begin()
        ORDERS.extend(Order() for _ in range(number))
        request.finish(route, "GET", 200)

    def shown(result):
        change = next((c for c in result.changes if c.type == "__main__.Order"), None)
        return result.route, change and change.count_diff

    serve("/warm")
    arguments = {"route": "/pay", "method": "GET"}
    monitor.store.add_job(Job("1f", "snapshot", worker, time.time(), arguments))
    assert jobs.look()
    jobs.work()
    serve("/cart")
    assert monitor.store.job("1f").state == "running"
    serve("/pay", 7)
    job = monitor.store.job("1f")
    result = SnapshotResult.from_dict(job.result)
    print(job.state, *shown(result), job.pause_s > 0)
    monitor.summary()
    print(monitor.store.report(result.report).route)
    serve("/pay", 7)

    with monitor.snapshot("import") as taken:
        ORDERS.extend(Order() for _ in range(3))
        with monitor.snapshot("within") as within:
            pass
    print(*shown(taken.result), within.result)

    @snapshot
    def view(number):
        ORDERS.extend(Order() for _ in range(number))
        return number

    @snapshot
    async def later(number):
        return view(number)

    print(view(5), asyncio.run(later(4)))
    kept = [monitor.store.job(job.id) for job in monitor.store.jobs("snapshot")]
    print(*(shown(SnapshotResult.from_dict(job.result)) for job in kept), sep="; ")
    monitor.close()
    print(view(1), len(monitor.store.jobs()))
"""


def test_the_heap_is_summed_up_saved_and_the_oldest_file_makes_room(tmp_path: Any) -> None:
    assert run_alone(HEAP, tmp_path / "shop.db").splitlines() == [
        "done 5000 True",
        "True True",
        "2 0o700",
    ]


def test_snapshots_of_a_request_a_block_and_a_view() -> None:
    assert run_alone(SNAPSHOT).splitlines() == [
        "done /pay 7 True",
        "/pay",
        "import 3 None",
        "5 4",
        "('__main__.later', 4); ('__main__.view', 5); ('import', 3); ('/pay', 7)",
        "1 4",
    ]


def test_nothing_is_walked_where_memory_is_short(
    walks: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "memory_left", lambda: 2**20)
    store = MemoryStore(keep=1)
    store.add_job(a_job(kind="heap", worker=WORKER))
    jobs = Jobs(store, WORKER)

    assert jobs.look()
    jobs.work()
    (job,) = store.jobs()
    assert job.state == "failed"
    assert "1.0 MB of memory are left" in job.message

    jobs = armed(store, route="/cart/{id}", method="GET")
    assert jobs.begin("GET", "/cart/7") is None
    assert jobs.armed is None
    assert "memory" in store.jobs()[0].message
    assert jobs.begin("GET", "/cart/7", asked=True) is None
    assert walks == []
