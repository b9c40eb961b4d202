"""A child begins anew, whoever made it."""

from __future__ import annotations

import os

import pytest

from pympler.util import forks
from tests.leaks.processes import run_alone


def test_a_child_that_python_does_not_know_of_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[int] = []
    monkeypatch.setattr(forks, "_callbacks", [])
    monkeypatch.setattr(forks, "_pid", os.getpid())
    forks.in_child(lambda: called.append(1))
    forks.in_child(lambda: called.append(2))
    forks.notice_fork()
    assert called == []
    monkeypatch.setattr(forks, "_pid", -1)

    forks.notice_fork()
    forks.notice_fork()

    assert called == [1, 2]


FORK = """
    import ctypes, os, sys
    from pympler.leaks import LeakMonitor, Settings

    monitor = LeakMonitor(Settings(store=f"sqlite:///{sys.argv[1]}", sample_rate=1.0))
    with monitor.request("job"):
        pass
    assert monitor.write_down(20)
    child = ctypes.PyDLL(None).fork()  # as uWSGI does: nothing is called afterwards
    if not child:
        with monitor.request("job"):
            pass
        assert monitor.write_down(20)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    print(len({report.worker for report in monitor.store.reports()}), len(monitor.store.reports()))
    monitor.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_monitor_in_a_child_of_c_code_is_one_of_its_own(tmp_path: object) -> None:
    assert run_alone(FORK, f"{tmp_path}/shop.db") == "2 2"
