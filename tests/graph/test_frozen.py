"""A heap is frozen by the application, and not by the interpreter."""

from __future__ import annotations

import gc
import subprocess
import sys
import textwrap

import pytest

from pympler.graph.frozen import is_frozen

BEFORE_US = """
    gc.freeze()
    from pympler.graph.frozen import is_frozen
    assert is_frozen()
    gc.collect()
    assert is_frozen()
"""
AFTER_US = """
    from pympler.graph.frozen import is_frozen
    gc.collect()
    assert not is_frozen()
    gc.freeze()
    assert is_frozen()
    gc.collect()
    assert is_frozen()
    gc.unfreeze()
    assert not is_frozen()
    gc.collect()
    assert not is_frozen()
    gc.freeze()
    assert is_frozen()
"""
IN_A_FORKED_CHILD = """
    import os
    gc.freeze()
    from pympler.graph.frozen import is_frozen
    pid = os.fork()
    if not pid:
        os._exit(0 if is_frozen() else 1)
    assert os.waitpid(pid, 0)[1] == 0
"""


@pytest.mark.parametrize("code", [BEFORE_US, AFTER_US, IN_A_FORKED_CHILD])
def test_what_the_application_has_frozen(code: str) -> None:
    # In processes of their own: what gc.unfreeze() thaws is more than the test has frozen.
    source = textwrap.dedent(f"    import gc{code}")
    subprocess.run([sys.executable, "-c", source], check=True, timeout=300)


def test_what_the_interpreter_puts_out_of_sight_is_no_frozen_heap() -> None:
    gc.collect()
    assert not is_frozen()
    if sys.version_info[:2] == (3, 12):
        assert gc.get_freeze_count() > 0
