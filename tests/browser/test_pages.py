"""The pages in a real browser, on each framework: from the overview down to the holder, and back.

The shop runs as a user would run it, in a process of its own with a store in a file. Its leak is
found by the monitor itself; everything is looked for by role and text, as a reader would.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 120.0

pytestmark = pytest.mark.integration


@dataclass
class Shop:
    """An application that runs, and how many requests it has been sent."""

    framework: str
    address: str
    sent: int = 0
    pages: str = field(init=False)

    def __post_init__(self) -> None:
        self.pages = f"{self.address}/_pympler/"

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"{self.address}{path}", timeout=60) as response:
            text: str = response.read().decode()
            return text

    def work(self, rounds: int) -> None:
        for number in range(self.sent, self.sent + rounds):
            self.get(f"/cart/{number}")
            self.get(f"/products/{number}")
            if number % 4 == 0:
                self.get(f"/report/{number}")
        self.sent += rounds

    def work_until(self, path: str, wanted: str) -> None:
        """Send requests until a page shows this."""
        deadline = time.monotonic() + LONGEST_S
        while wanted not in self.get(path):
            assert time.monotonic() < deadline, self.get(path)
            self.work(25)


@pytest.fixture(params=["django", "flask", "starlette"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    store = tmp_path / "shop.db"
    command = [sys.executable, "-m", "tests.browser.shop", request.param, f"sqlite:///{store}"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield Shop(request.param, f"http://127.0.0.1:{int(process.stdout.readline())}")
        process.communicate(timeout=60)
    assert process.returncode == 0


class Reader:
    """A browser's page, with what its console said and what could not be loaded."""

    def __init__(self, page: Any, *, thorough: bool) -> None:
        self.page = page
        self._thorough = thorough
        self.faults: list[str] = []
        page.on("console", lambda message: self.faults.append(message.text))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("response", self._note)
        page.set_default_timeout(30_000)

    def _note(self, response: Any) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.status} {response.url}")

    def heading(self, name: str | re.Pattern[str]) -> None:
        self.page.get_by_role("heading", level=1, name=name).wait_for()

    def go(self, name: str) -> None:
        navigation = self.page.get_by_role("navigation")
        navigation.get_by_role("link", name=name).click()
        navigation.locator('[aria-current="page"]', has_text=name).wait_for()

    def check_accessibility(self) -> None:
        """No serious fault by the rules of axe-core, on either ground; once is enough for all."""
        if not self._thorough:
            return
        from axe_playwright_python.sync_playwright import Axe

        for scheme, rules in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
            self.page.emulate_media(color_scheme=scheme)
            options = {"resultTypes": ["violations"], **rules}
            found = Axe().run(self.page, options=options).response["violations"]
            serious = [each for each in found if each["impact"] in ("serious", "critical")]
            assert [(each["id"], each["nodes"][0]["html"]) for each in serious] == []
        # On a phone nothing but what is meant to scroll sideways does.
        self.page.set_viewport_size({"width": 360, "height": 740})
        assert self.page.evaluate("document.documentElement.scrollWidth") <= 360
        self.page.set_viewport_size({"width": 1200, "height": 800})


@pytest.mark.long
def test_a_reader_walks_through_all_pages(shop: Shop, browser: Any) -> None:
    """One test for each framework, since all its parts need the same shop at work."""
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    reader = Reader(context.new_page(), thorough=shop.framework == "flask")
    gets_from_the_overview_to_the_holder(shop, reader)
    takes_snapshots_compares_them_and_follows_an_object(shop, reader)
    looks_at_garbage_the_process_and_one_armed_request(shop, reader)
    asks_for_a_snapshot_by_the_address(shop, reader)
    goes_through_the_fleet(shop, reader)
    if shop.framework == "flask":
        reaches_everything_by_keyboard(shop, reader)
        does_without_a_script(shop, browser)
    context.close()
    assert reader.faults == []


def gets_from_the_overview_to_the_holder(shop: Shop, reader: Reader) -> None:
    page = reader.page
    page.goto(shop.pages)
    page.get_by_role("heading", name="No worker has reported yet").wait_for()
    reader.check_accessibility()

    # The page keeps itself fresh while the shop is at work.
    shop.work_until("/_pympler/", "leaks</span>")
    reader.heading(re.compile("^1 of . routes leaks$"))
    reader.check_accessibility()
    row = page.get_by_role("row").filter(has_text="leaks").filter(has_text="cart")
    row.get_by_role("link", name="Who holds it").click()
    reader.heading(re.compile("Who holds what"))
    path = page.get_by_role("list", name="Path to the holder")
    assert path.get_by_role("listitem").all_inner_texts() == ["tests", "browser", "shop", "CARTS"]
    assert page.get_by_text("1 entry per request").is_visible()
    reader.check_accessibility()

    page.get_by_role("link", name=re.compile("GET .*cart")).click()
    reader.heading("Requests")
    reader.check_accessibility()
    # Others may have met a walk of the heap, which searched for the holder.
    exact = page.get_by_role("row").filter(has=page.get_by_role("cell", name="exact"))
    exact.first.get_by_role("link").click()
    reader.heading(re.compile("GET .*cart"))
    left = page.get_by_role("table").filter(has_text="Flat size")
    assert left.get_by_role("rowheader", name="tests.browser.shop.Cart").is_visible()
    assert page.get_by_text("Exact figures").is_visible()
    reader.check_accessibility()

    reader.go("Classes")
    page.get_by_role("link", name="tests.browser.shop.Cart").click()
    page.get_by_role("img", name=re.compile("^Live instances: pid")).wait_for()
    reader.check_accessibility()


def takes_snapshots_compares_them_and_follows_an_object(shop: Shop, reader: Reader) -> None:
    page = reader.page
    page.goto(shop.pages)
    reader.go("Heap")
    for _ in range(2):
        page.get_by_role("button", name="Take a snapshot").click()
        # The job's page leads to the snapshot when it is done.
        page.get_by_text("The worker stood still").wait_for()
        shop.work(40)
        reader.go("Heap")
    reader.check_accessibility()
    page.get_by_role("button", name="Compare the two").click()
    reader.heading("Two snapshots compared")
    row = page.get_by_role("row").filter(has_text="tests.browser.shop.Cart")
    gained = row.get_by_role("cell").nth(1).inner_text()  # the last one may still be in use
    assert 38 <= int(gained) <= 42
    reader.check_accessibility()

    page.get_by_role("link", name="UTC").last.click()
    reader.heading("Heap snapshot")
    reader.check_accessibility()
    page.get_by_role("link", name="tests.browser.shop.Cart", exact=True).click()
    reader.heading("tests.browser.shop.Cart")
    page.get_by_role("row").nth(1).get_by_role("link").click()
    page.get_by_role("heading", name="Who refers to it").wait_for()
    assert (
        "CARTS" in page.get_by_role("heading", level=1).inner_text()
        or page.get_by_role("region", name="Who refers to it")
        .get_by_text("dict")
        .first.is_visible()
    )
    reader.check_accessibility()
    page.get_by_role("region", name="Who refers to it").get_by_role("link").first.click()
    page.get_by_role("heading", name="What it refers to").wait_for()


def looks_at_garbage_the_process_and_one_armed_request(shop: Shop, reader: Reader) -> None:
    page = reader.page
    page.goto(shop.pages)
    reader.go("Process")
    page.get_by_role("button", name="Read it now").click()
    page.get_by_role("heading", name="Garbage collector").wait_for()
    assert page.get_by_text("MainThread").is_visible()
    reader.check_accessibility()

    reader.go("Garbage")
    shop.work(100)
    page.get_by_role("button", name="Look for garbage").click()
    page.get_by_role("img", name=re.compile(r"A cycle of \d+ objects: .*Section")).first.wait_for()
    reader.check_accessibility()

    reader.go("Requests")
    page.get_by_role("rowheader").filter(has_text="cart").first.get_by_role("link").click()
    page.get_by_role("button", name="Arm the next request").click()
    reader.heading("Snapshot around a request")
    page.get_by_text("waits for the next request").wait_for()
    found = page.get_by_role("heading", name="Before and after")
    deadline = time.monotonic() + LONGEST_S
    while not found.count():
        assert time.monotonic() < deadline
        shop.work(1)
        page.wait_for_timeout(500)
    changes = page.get_by_role("table").filter(has_text="Difference")
    assert changes.get_by_role("rowheader", name="tests.browser.shop.Cart").is_visible()


def asks_for_a_snapshot_by_the_address(shop: Shop, reader: Reader) -> None:
    page = reader.page
    listed = page.get_by_role("region", name="Snapshots around requests").get_by_role("rowheader")
    reader.go("Requests")
    page.reload()  # it may have been there already
    before = listed.count()
    elsewhere = page.context.new_page()
    elsewhere.set_content(f'<a href="{shop.address}/cart/7?pympler">Win a cart</a>')
    elsewhere.get_by_role("link").click()
    elsewhere.get_by_text("cart 7").wait_for()
    elsewhere.close()
    page.reload()
    assert listed.count() == before
    assert page.evaluate("fetch('/cart/7?pympler').then(answer => answer.text())") == "cart 7"
    deadline = time.monotonic() + LONGEST_S
    while listed.count() == before:  # the heap is walked again when the answer has been sent
        assert time.monotonic() < deadline
        page.reload()
    assert listed.count() == before + 1
    listed.first.get_by_role("link").click()
    page.get_by_role("heading", name="Before and after").wait_for()


def does_without_a_script(shop: Shop, browser: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(30_000)
    page.goto(shop.pages)
    page.get_by_role("navigation").get_by_role("link", name="Process").click()
    page.get_by_role("button", name="Read it now").click()
    deadline = time.monotonic() + LONGEST_S
    while not page.get_by_role("heading", name="Garbage collector").count():
        assert time.monotonic() < deadline
        page.reload()
    context.close()


def goes_through_the_fleet(shop: Shop, reader: Reader) -> None:
    page = reader.page
    page.goto(shop.pages)
    reader.go("Fleet")
    reader.heading("Fleet")
    reader.check_accessibility()
    page.get_by_role("table").first.get_by_role("link", name="/cart/").click()
    reader.heading("Growth over days")
    page.get_by_role("img", name=re.compile("Bytes that a request leaves: ")).wait_for()
    reader.check_accessibility()
    page.get_by_role("link", name="Fleet").last.click()
    page.get_by_role("region", name="Worst workers").get_by_role("link").first.click()
    reader.heading(re.compile(r"pid \d+ on "))
    page.get_by_role("heading", name="Memory over its life").wait_for()
    reader.check_accessibility()


def reaches_everything_by_keyboard(shop: Shop, reader: Reader) -> None:
    page = reader.page
    page.goto(shop.pages)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    for _ in range(3):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Requests"
    page.keyboard.press("Enter")
    reader.heading("Requests")
