"""Where the hooks and the protocol find what is known of a test; loads nothing of what it keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pympler_pytest.watch import Watch

__all__ = ["WATCH"]

WATCH: pytest.StashKey[Watch] = pytest.StashKey()
"""Where an item keeps what is known of it while it runs."""
