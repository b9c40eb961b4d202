"""Around every test: the interpreter is left as it was found."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import threading
import time
import tracemalloc
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("PYMPLER_REQUIRE_ALL") == "1" else "dev")

# Whatever a test starts must not write where the developer's own programs do, and tests that share
# the name of an application must not see each other's reports.
_STATE = tempfile.TemporaryDirectory(prefix="pympler-tests-")
_NUMBERS = count()
os.environ["XDG_STATE_HOME"] = _STATE.name
os.environ["PYMPLER_STORE"] = "memory:"

GRACE_S = 30.0
# Pools that frameworks start for synchronous code and keep for the life of the process.
POOLS = ("ThreadPoolExecutor-", "asyncio_", "AnyIO worker thread")


@pytest.hookimpl(trylast=True)  # in random order, and without what is left out
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let long tests come first in the share of each worker, so that none is left for the end."""
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    share = -(-len(items) // workers) or 1
    shares = [items[start : start + share] for start in range(0, len(items), share)]
    items[:] = [
        item
        for each in shares
        for item in sorted(each, key=lambda item: item.get_closest_marker("long") is None)
    ]


@pytest.fixture(autouse=True)
def state_of_its_own() -> None:
    os.environ["XDG_STATE_HOME"] = os.path.join(_STATE.name, str(next(_NUMBERS)))


@pytest.fixture(autouse=True)
def interpreter_as_before() -> Iterator[None]:
    """Fail a test that leaves a setting, hook, thread or child process of its own behind."""
    hooks, threads, children = hooks_and_settings(), set(threading.enumerate()), child_processes()
    yield
    left = [
        f"{name} was {hooks[name]}, is {now}"
        for name, now in hooks_and_settings().items()
        if now != hooks[name]
    ]
    deadline = time.monotonic() + GRACE_S
    while (new_threads(threads) or child_processes() - children) and time.monotonic() < deadline:
        time.sleep(0.01)
    left += [f"thread {name} is alive" for name in new_threads(threads)]
    left += [f"child process {pid} is not gone" for pid in child_processes() - children]
    if left:
        pytest.fail("The test leaves behind: " + "; ".join(left), pytrace=False)


def hooks_and_settings() -> dict[str, object]:
    """Everything global that a memory tool may touch, in a form that compares by identity."""
    state: dict[str, object] = {
        "gc enabled": gc.isenabled(),
        "gc thresholds": gc.get_threshold(),
        "gc debug flags": gc.get_debug(),
        "gc frozen objects": gc.get_freeze_count(),
        "gc callbacks": [identity(hook) for hook in gc.callbacks if not foreign(hook)],
        "tracemalloc": tracemalloc.is_tracing() and tracemalloc.get_traceback_limit(),
        "trace function": identity(sys.gettrace()),
        "profile function": identity(sys.getprofile()),
        "trace function of threads": identity(threading.gettrace()),
        "profile function of threads": identity(threading.getprofile()),
    }
    if sys.version_info >= (3, 12):
        state["monitoring tools"] = [sys.monitoring.get_tool(tool) for tool in range(6)]
    return state


def foreign(callback: object) -> bool:
    """Hypothesis times collections with a callback that stays once the first test has run."""
    return str(getattr(callback, "__module__", "")).startswith("hypothesis.")


def identity(function: object) -> str | None:
    """A name with an id: two hooks may be equal in name, and one may be a hostile object."""
    return None if function is None else f"{type(function).__name__} at {id(function):#x}"


def new_threads(before: set[threading.Thread]) -> list[str]:
    """The names of the threads that live now and did not before, without the frameworks' pools."""
    names = [thread.name for thread in threading.enumerate() if thread not in before]
    return [name for name in names if not name.startswith(POOLS)]


def child_processes() -> set[int]:
    """The ids of this process's children, zombies included; empty where there is no ``/proc``."""
    children: set[int] = set()
    for task in Path("/proc/self/task").glob("*/children"):
        try:
            children.update(map(int, task.read_text().split()))
        except OSError:  # the thread has ended since it was listed
            continue
    return children
