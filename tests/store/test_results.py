"""Results of jobs survive being written and read as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pympler.leaks.report import TypeCount
from pympler.store.results import (
    RESULTS,
    Cycle,
    CycleEdge,
    CycleNode,
    Figure,
    GarbageResult,
    Generation,
    HeapResult,
    ProcessResult,
    Retainer,
    SnapshotResult,
    ThreadStack,
    TypeChange,
)

EXAMPLES: list[Any] = [
    HeapResult(1.5, 3, 400, (TypeCount("dict", 1, 64),), 2, (Retainer(7, "dict", "a.b", 64, 99),)),
    GarbageResult(
        1.5,
        *(2, 128, 2),
        (TypeCount("list", 2, 128),),
        (Cycle((CycleNode("list", 64),), (CycleEdge(0, 0, "[0]"),), 1, 64),),
    ),
    ProcessResult(
        1.5,
        "3.11.7",
        (Figure("Resident", 4096),),
        threads=(ThreadStack("MainThread", 1, False, ("a.py:3 in f",)),),
        generations=(Generation(700, 1, 2, 3, 4),),
    ),
    SnapshotResult(1.5, "/cart", "GET", changes=(TypeChange("dict", 1, 3, 64, 192),)),
]


@pytest.mark.parametrize("result", EXAMPLES, ids=lambda result: type(result).__name__)
def test_a_result_is_the_same_after_json(result: Any) -> None:
    written = json.dumps(result.to_dict())
    assert type(result).from_dict(json.loads(written)) == result


def test_each_kind_of_job_has_a_class() -> None:
    assert set(RESULTS.values()) == {type(result) for result in EXAMPLES}
