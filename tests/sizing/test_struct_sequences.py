"""Tuples with named fields that are made in C, some of them out of sight of ``len``."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import pytest

from pympler import asizeof

HEADER = asizeof.basicsize(())


@pytest.mark.parametrize(
    "item",
    [os.stat_result(range(10)), time.localtime(), sys.version_info, sys.float_info],
    ids=lambda item: type(item).__name__,
)
def test_all_fields_count(item: Any) -> None:
    # Since 3.13 the fixed part has room for the fields out of sight, once more.
    assert asizeof.flatsize(item) == asizeof.basicsize(item) + 8 * type(item).n_fields


def test_a_class_of_the_program_may_have_a_name_like_it() -> None:
    class Mine(tuple[int, ...]):
        __slots__ = ()
        n_fields = 50

    assert asizeof.flatsize(Mine([1, 2])) < HEADER + 8 * 10
