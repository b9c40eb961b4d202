"""What tests share."""

from __future__ import annotations

import os
import signal

import pytest

__all__ = ["let_be_interrupted", "require"]


def let_be_interrupted() -> None:
    """For ``preexec_fn``: what runs in the background of a shell ignores SIGINT, children too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def require(name: str, available: object, package: str) -> None:
    """Skip the test if something it needs is missing; in CI, where nothing may be, fail it.

    Args:
        name: What the test needs, for a reader: ``"gunicorn"``, ``"a PostgreSQL server"``.
        available: True, or anything that counts as true, if it is there.
        package: What to install to get it.
    """
    if available:
        return
    message = f"{name} is missing: install {package}"
    if os.environ.get("PYMPLER_REQUIRE_ALL") == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
