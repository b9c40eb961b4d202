"""The helpers of the suite do what they promise."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading

import pytest

from tests.conftest import child_processes, hooks_and_settings, new_threads
from tests.support import require


def test_require_passes_when_the_thing_is_there() -> None:
    require("python", sys.executable, "python3")


@pytest.mark.parametrize(
    ("in_ci", "outcome"), [("0", pytest.skip.Exception), ("1", pytest.fail.Exception)]
)
def test_require_names_the_package(
    monkeypatch: pytest.MonkeyPatch, in_ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("PYMPLER_REQUIRE_ALL", in_ci)
    with pytest.raises(outcome, match="gunicorn is missing: install python3-gunicorn"):
        require("gunicorn", False, "python3-gunicorn")


def test_a_changed_threshold_hook_or_callback_is_seen() -> None:
    before = hooks_and_settings()
    thresholds = gc.get_threshold()

    def callback(phase: str, info: dict[str, int]) -> None:
        del phase, info

    def profiler(*arguments: object) -> None:
        del arguments

    gc.set_threshold(thresholds[0] + 1)
    gc.callbacks.append(callback)
    threading.setprofile(profiler)
    try:
        changed = hooks_and_settings()
    finally:
        gc.set_threshold(*thresholds)
        gc.callbacks.remove(callback)
        threading.setprofile(None)
    assert {key for key in before if before[key] != changed[key]} == {
        "gc thresholds",
        "gc callbacks",
        "profile function of threads",
    }
    assert hooks_and_settings() == before


def test_a_thread_left_behind_is_seen() -> None:
    before, ended = set(threading.enumerate()), threading.Event()
    thread = threading.Thread(target=ended.wait, name="pympler-test", daemon=True)
    thread.start()
    try:
        assert new_threads(before) == ["pympler-test"]
    finally:
        ended.set()
        thread.join()
    assert new_threads(before) == []


@pytest.mark.skipif(sys.platform != "linux", reason="children are listed from /proc")
def test_a_child_left_behind_is_seen() -> None:
    before = child_processes()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child_processes() - before == {child.pid}
    assert child_processes() == before
