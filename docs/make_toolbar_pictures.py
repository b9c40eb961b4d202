"""Takes a picture of the panel in both debug toolbars: ``make screenshots``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.browser.browsing import launched, page_of  # noqa: E402
from tests.browser.test_toolbars import serving  # noqa: E402

IMAGES = ROOT / "docs" / "images"


def main(folder: Path = IMAGES) -> None:
    folder.mkdir(exist_ok=True)
    for kind, path, panel in (
        ("django", "/cart/{}/", "#MemoryPanel"),
        ("flask", "/cart/{}", "#flDebugMemoryPanel-content"),
    ):
        with serving(f"toolbar_{kind}") as address, launched() as browser, page_of(browser) as page:
            page.set_viewport_size({"width": 1180, "height": 620})
            for number in (40, 41, 42):  # the first ones fill caches
                page.goto(address + path.format(number))
            page.get_by_role("link", name=re.compile("^Memory")).click()
            page.locator(panel).get_by_role("table", name="Survivors").wait_for()
            picture = folder / f"toolbar-{kind}.png"
            page.screenshot(path=picture)
            print(picture.relative_to(ROOT) if picture.is_relative_to(ROOT) else picture)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
