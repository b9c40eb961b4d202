"""Results of jobs survive being written and read as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pympler.store.results import RESULTS
from tests.store.results_by_hand import (
    garbage_result,
    heap_result,
    process_result,
    snapshot_result,
)

EXAMPLES: list[Any] = [
    heap_result(1.5),
    garbage_result(1.5),
    process_result(1.5),
    snapshot_result(1.5),
]


@pytest.mark.parametrize("result", EXAMPLES, ids=lambda result: type(result).__name__)
def test_a_result_is_the_same_after_json(result: Any) -> None:
    written = json.dumps(result.to_dict())
    assert type(result).from_dict(json.loads(written)) == result


def test_each_kind_of_job_has_a_class() -> None:
    assert set(RESULTS.values()) == {type(result) for result in EXAMPLES}
