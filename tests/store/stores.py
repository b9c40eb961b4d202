"""Stores of every kind, for the one suite that all of them have to pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pympler.leaks.report import LeakSummary
from pympler.store import Job, Moment, Store
from pympler.store.memory import MemoryStore
from pympler.store.sqlite import SqliteStore
from tests.leaks.values import a_report, a_summary

__all__ = ["KINDS", "a_job", "a_moment", "said_by", "worker_report"]

FAR_S = 40 * 365 * 86400.0

Opener = Callable[[pytest.FixtureRequest, Path, int], AbstractContextManager[Store]]


@contextmanager
def memory(request: pytest.FixtureRequest, folder: Path, keep: int) -> Iterator[Store]:
    yield MemoryStore(keep)


@contextmanager
def postgresql(request: pytest.FixtureRequest, folder: Path, keep: int) -> Iterator[Store]:
    from pympler.store.postgres import PostgresStore

    url = request.getfixturevalue("postgres_url")
    with PostgresStore(url, spool=folder, max_age_s=FAR_S) as store:
        yield store


@contextmanager
def sqlite(request: pytest.FixtureRequest, folder: Path, keep: int) -> Iterator[Store]:
    with SqliteStore(folder / "store.db", keep, max_age_s=math.inf) as store:
        yield store


KINDS = [
    pytest.param(memory, id="memory"),
    pytest.param(sqlite, id="sqlite"),
    pytest.param(postgresql, id="postgresql", marks=pytest.mark.integration),
]


def a_moment(**changes: Any) -> Moment:
    values: dict[str, Any] = {
        "at": 1_700_000_000.0,
        "worker": "web.4711.1",
        "requests": 12,
        "rss_bytes": 50_000_000,
        "uss_bytes": 40_000_000,
        "blocks": 300_000,
        "lengths": {"shop.CACHE": 7},
        "tracked": {"shop.Order": (3, 4096)},
    }
    return Moment(**{**values, **changes})


def a_job(**changes: Any) -> Job:
    values: dict[str, Any] = {
        "id": "1f",
        "kind": "heap",
        "worker": "web.4711.1",
        "created_at": 1_700_000_000.0,
        "arguments": {"route": "/cart/{id}"},
    }
    return Job(**{**values, **changes})


def said_by(pid: int, **changes: Any) -> LeakSummary:
    """A summary of this worker."""
    return a_summary(pid=pid, host="web", **changes)


def worker_report(pid: int, number: int, **changes: Any) -> Any:
    """A report of this worker, a second after the one before."""
    values = {"id": number, "pid": pid, "host": "web", "started_at": 1_700_000_000.0 + number}
    return a_report(**{**values, **changes})
