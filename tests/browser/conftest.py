"""One browser for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.browsing import launched, page_of


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """No longer than a module, since asyncio is not to be used beside it."""
    with launched() as made:
        yield made


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page of its own for each test."""
    with page_of(browser) as made:
        yield made
