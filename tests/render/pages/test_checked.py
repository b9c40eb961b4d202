"""The page of a check: one file that needs nothing else."""

from __future__ import annotations

import re

from pympler.leaks.check.result import CheckResult, RouteResult
from pympler.leaks.report import Suspect
from pympler.render.pages import render_check
from tests.render.pages.test_pages import NASTY

LEAK = RouteResult(
    "/cart/{n}",
    "GET",
    200,
    400,
    "leak",
    "GET /cart/{n} leaks 4.2 KB per request",
    *(4300.0, 3.0, None),
    (Suspect("shop.cart._CACHE", "dict", 1.0, 4300.0, "shop/cart.py:41", "grew in 9 rounds"),),
)
CLEAN = RouteResult("/", "GET", 200, 400, "clean", "GET / leaves nothing")


def test_the_worst_path_comes_first_with_its_holder() -> None:
    text = render_check(CheckResult((CLEAN, LEAK)), "shop:app", now=0.0)
    assert "1 of 2 paths leaks" in text
    assert text.index("/cart/{n}") < text.index("GET / leaves nothing")
    assert "shop/cart.py:41" in text
    assert "1970-01-01 00:00:00 UTC" in text
    assert "No leak in 1 path" in render_check(CheckResult((CLEAN,)))


def test_what_failed_says_why() -> None:
    failed = RouteResult("/x", "GET", 500, 1, None, "", error="it raised ValueError")
    text = render_check(CheckResult((CLEAN, failed)))
    assert "1 of 2 paths failed" in text
    assert "it raised ValueError" in text
    assert "no such module" in render_check(CheckResult(error="no such module"))


def test_the_file_needs_nothing_and_escapes_everything() -> None:
    suspect = Suspect(NASTY, NASTY, 1.0, 1.0, NASTY, NASTY)
    nasty = RouteResult(NASTY, "GET", 200, 1, "leak", NASTY, suspects=(suspect,))
    failed = RouteResult(NASTY, "GET", 200, 1, None, "", error=NASTY)
    text = render_check(CheckResult((nasty, failed), error=NASTY), NASTY)
    assert "<script" not in text
    assert not re.search(r"""(href|src)=""", text)
