"""The store in memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pympler.store.memory import MemoryStore
from tests.leaks.values import a_report


def test_the_oldest_report_gives_way() -> None:
    store = MemoryStore(keep=2)

    for number in (1, 2, 3):
        store.save(a_report(id=number))

    assert [report.id for report in store.reports()] == [2, 3]


def test_the_list_is_the_callers_own() -> None:
    store = MemoryStore(keep=2)
    store.save(a_report(id=1))

    store.reports().clear()

    assert [report.id for report in store.reports()] == [1]


def test_a_store_keeps_a_number_of_reports() -> None:
    with pytest.raises(ValueError, match="maxlen"):
        MemoryStore(keep=-1)


FIRST = [
    *("pympler.store.memory", "pympler.store.sqlite", "pympler.store.open", "pympler.store.rows"),
    *("pympler.render.text", "pympler.graph"),
]


@pytest.mark.parametrize("first", FIRST)
def test_any_package_may_be_imported_first(first: str) -> None:
    code = f"import {first}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stderr == ""
