"""What tests share."""

from __future__ import annotations

import os

import pytest

__all__ = ["require"]


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
