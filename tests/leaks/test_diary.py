"""The diary: every worker is known to those who look at all of them."""

from __future__ import annotations

from pathlib import Path

from pympler.leaks import LeakMonitor, Settings
from pympler.leaks.diary import Diary
from pympler.process import private_bytes, resident_bytes
from pympler.store.memory import MemoryStore
from pympler.store.sqlite import SqliteStore
from tests.leaks.processes import run_alone
from tests.leaks.values import a_summary
from tests.store.stores import said_by


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_less_often_when_no_requests_come() -> None:
    clock = Clock()
    diary = Diary(MemoryStore(keep=1), clock)
    assert diary.is_due(idle=True)
    diary.write(a_summary(), {})
    clock.now_s += 4.9
    assert not diary.is_due(idle=False)
    clock.now_s += 0.2
    assert diary.is_due(idle=False)
    assert not diary.is_due(idle=True)
    clock.now_s += 55
    assert diary.is_due(idle=True)


def test_a_summary_each_time_and_the_memory_now_and_then() -> None:
    clock, store = Clock(), MemoryStore(keep=1)
    diary = Diary(store, clock)
    for number in range(5):
        diary.write(said_by(1, requests=number), {"shop.CACHE": number})
        clock.now_s += 5
    diary.write(said_by(1, requests=5), {"shop.CACHE": 5}, last=True)

    assert [summary.requests for summary in store.summaries()] == [5]
    assert [moment.requests for moment in store.moments()] == [0, 2, 4, 5]
    moment = store.moments()[-1]
    assert moment.worker == said_by(1).worker
    assert moment.lengths == {"shop.CACHE": 5}
    assert moment.blocks > 10_000
    assert 0 < moment.uss_bytes <= moment.rss_bytes or private_bytes() == 0 < resident_bytes()


def test_a_monitor_that_is_closed_has_written_its_last(tmp_path: Path) -> None:
    monitor = LeakMonitor(Settings(store=f"sqlite:///{tmp_path}/x.db", application="shop"))
    with monitor.request("job"):
        pass
    monitor.close()

    with SqliteStore(tmp_path / "x.db") as store:
        (summary,) = store.summaries()
        assert (summary.application, summary.requests, summary.dropped) == ("shop", 1, 0)
        assert len(store.moments()) == 1


def test_a_monitor_that_has_served_nothing_writes_nothing(tmp_path: Path) -> None:
    LeakMonitor(Settings(store=f"sqlite:///{tmp_path}/x.db")).close()

    assert list(tmp_path.iterdir()) == []


def test_the_end_of_the_process_is_the_last_that_is_written(tmp_path: Path) -> None:
    code = """
        import sys
        from pympler.leaks import LeakMonitor, Settings
        first = LeakMonitor(Settings(store="memory:"))
        monitor = LeakMonitor(Settings(store=f"sqlite:///{sys.argv[1]}", sample_rate=1.0))
        for number in range(3):
            with monitor.request("job"):
                pass
    """
    run_alone(code, tmp_path / "x.db")

    with SqliteStore(tmp_path / "x.db") as store:
        (summary,) = store.summaries()
        assert summary.requests == 3
        assert len(store.reports()) == 3
