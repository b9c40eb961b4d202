"""Verdicts in words."""

from __future__ import annotations

import pytest

from pympler.leaks.report import VERDICTS, Suspect, TypeCount
from pympler.leaks.verdict import headline, request_line, unattributed_line
from tests.leaks.values import a_report

CACHE = Suspect("shop.cart._CACHE", "dict", 1.0, 4301.0, stored_at="shop/cart.py:41", bound=None)


def said(verdict: str | None, *suspects: Suspect, **changes: object) -> str:
    values: dict[str, object] = {"bytes_per_request": 4301.0, "objects_per_request": 3.0}
    return headline(
        route="/cart/{id}",
        method="GET",
        verdict=verdict,
        suspects=suspects,
        **{**values, **changes},  # type: ignore[arg-type]
    )


def test_a_leak_is_said_in_the_words_of_the_design() -> None:
    assert said("leak", CACHE) == (
        "GET /cart/{id} leaks 4.2 KB and 3 objects per request, held by shop.cart._CACHE "
        "(dict, +1 entry per request), stored at shop/cart.py:41"
    )


def test_a_leak_without_a_line_or_a_holder_is_said_too() -> None:
    unknown = Suspect("shop.LAST", "shop.Node", 0.0, 48.0)

    assert said("leak", unknown).endswith(", held by shop.LAST (shop.Node)")
    assert said("leak").endswith(", held by something that no Python root leads to")


def test_a_bounded_holder_is_said_with_its_bound_and_the_size_of_an_entry() -> None:
    full = Suspect("shop.LRU", "dict", 0.5, 1024.0, bound=150)

    assert said("bounded", full) == (
        "GET /cart/{id} is bounded: shop.LRU (dict) stops growing at 150 entries of 2.0 KB"
    )
    assert said("bounded") == "GET /cart/{id} is bounded"


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_a_sentence_that_names_the_route(verdict: str) -> None:
    sentence = said(verdict, requests=10)

    assert sentence.startswith("GET /cart/{id} ")
    assert "no verdict" not in sentence


def test_no_verdict_says_why() -> None:
    assert said(None, reason="2 of at least 7 windows so far").endswith(
        "has no verdict yet: 2 of at least 7 windows so far"
    )
    assert said(None).endswith("has no verdict yet: too few requests")


def test_a_label_without_a_method_stands_alone() -> None:
    sentence = headline(route="job:nightly", method="", verdict="clean", requests=1)

    assert sentence == "job:nightly is clean: nothing left behind in 1 request"


def test_what_no_route_is_blamed_for() -> None:
    sentence = unattributed_line(CACHE)

    assert sentence.startswith("shop.cart._CACHE (dict) keeps growing by 1 entry per request")
    assert "stored at shop/cart.py:41" in sentence
    buffer = unattributed_line(Suspect("shop.OUT", "bytearray", 2048.0, 0.0))
    assert buffer.startswith("shop.OUT (bytearray) keeps growing by 2.0 KB per request")


def test_the_log_line_of_a_request() -> None:
    many = tuple(TypeCount(f"T{number}", 1, 10) for number in range(6))

    assert request_line(a_report()) == (
        "GET /cart/{id} 200 left 3.2 KB in 3 objects: 2 shop.Order, 1 dict"
    )
    assert request_line(a_report(survivors=())) == "GET /cart/{id} 200 left nothing behind"
    assert request_line(a_report(survivors=many)).endswith("1 T3 and 2 types more")
    assert "(gc has not run since)" in request_line(a_report(rechecked="alive"))
    assert request_line(a_report(attribution="shared", in_flight=4)).endswith(
        "(shared among 4 requests)"
    )
    assert request_line(a_report(attribution="none", note="gc is disabled")) == (
        "GET /cart/{id} was not watched: gc is disabled"
    )
    assert "could not be followed" in request_line(a_report(survivors=(), unfollowed=5))
