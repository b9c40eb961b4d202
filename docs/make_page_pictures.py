"""Takes a picture of each page with a browser: ``make screenshots``.

What they show is written out by hand, for a shop of three workers, so that pictures stay the same.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page, sync_playwright  # noqa: E402

from pympler.render.pages import Access, Pages  # noqa: E402
from pympler.store.memory import MemoryStore  # noqa: E402
from pympler.web import PagesServer  # noqa: E402
from tests.render.pages.values import NOW, fill_all  # noqa: E402

IMAGES = ROOT / "docs" / "images"
PAGES = {
    "overview": "",
    "requests": "requests",
    "leaks": "leaks",
    "classes": "classes",
    "class": "classes?name=shop.models.Item",
    "heap": "heap",
    "heap-snapshot": "heap/heap2",
    "heap-compared": "heap/compare?old=heap1&new=heap2",
    "garbage": "garbage",
    "process": "process?worker={worker}",
}


def main(folder: Path = IMAGES) -> None:
    folder.mkdir(exist_ok=True)
    store = SharedMemory(500)
    worker = fill_all(store)
    pages = Pages(lambda: store, Access(pages=True), clock=lambda: NOW)
    server = PagesServer(pages, port=0)
    server.start()
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=browser_path, args=["--no-sandbox"]
            )
            page = browser.new_page(viewport={"width": 1180, "height": 800}, device_scale_factor=1)
            for name, path in PAGES.items():
                take(page, f"{server.url}{path.format(worker=worker)}", folder / f"page-{name}.png")
            page.goto(f"{server.url}requests")
            key = page.get_by_role("rowheader").nth(4).get_by_role("link").get_attribute("href")
            take(page, f"{server.url.rstrip('/')}{key}", folder / "page-request.png")
            page.emulate_media(color_scheme="dark")
            take(page, server.url, folder / "page-overview-dark.png")
            page.set_viewport_size({"width": 390, "height": 780})
            page.emulate_media(color_scheme="light")
            take(page, server.url, folder / "page-overview-phone.png")
            browser.close()
    finally:
        server.close()


class SharedMemory(MemoryStore):
    """A store that keeps what several workers say, as a file of SQLite does."""

    def save_summary(self, summary):  # type: ignore[no-untyped-def]
        self._summaries[summary.worker] = summary

    def status(self):  # type: ignore[no-untyped-def]
        from dataclasses import replace

        return replace(super().status(), location="sqlite:///shop.db", shared=True)


def take(page: Page, address: str, path: Path) -> None:
    page.goto(address)
    page.screenshot(path=path, full_page=True)
    print(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else IMAGES)
