"""A headless browser, and pages whose complaints fail what is done with them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.support import require

__all__ = ["launched", "page_of"]

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def launched() -> Iterator[Any]:
    """Headless Chromium, driven by Playwright."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    require("a browser", program, "chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        require("Playwright", False, "playwright")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield made
        made.close()


@contextmanager
def page_of(browser: Any) -> Iterator[Any]:
    """A page; what its console complains of, or could not be loaded, is an error at its end."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    made = context.new_page()
    made.set_default_timeout(30_000)
    faults: list[str] = []

    def note(request: Any) -> None:
        if request.failure != "net::ERR_ABORTED":  # a page that is left asks for nothing any more
            faults.append(f"{request.failure} {request.url}")

    made.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    made.on("pageerror", lambda error: faults.append(str(error)))
    made.on("requestfailed", note)
    yield made
    context.close()
    assert faults == []
