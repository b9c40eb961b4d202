"""The ways that the compiled walk finds are those of the walk in Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pympler.sizing.compiled import extension
from tests.support import require

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.skipif(sys.version_info < (3, 11), reason="not used there")
def test_both_walks_find_the_same_ways_to_everything() -> None:
    require("the compiled walk", extension() is not None, "a C compiler, then Pympler again")
    child = [sys.executable, "-m", "tests.graph.ways_child"]
    done = subprocess.run(child, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
