"""Reports as text and as JSON."""

from __future__ import annotations

import json

import pytest

from pympler.leaks.report import LeakSummary, RequestReport, Suspect, TypeCount
from pympler.render.json import JsonRenderer
from pympler.render.text import TextRenderer
from tests.leaks.values import a_report, a_route, a_summary


def test_a_report_as_text() -> None:
    assert TextRenderer().render(a_report()).splitlines() == [
        "request 7: GET /cart/{id} 200",
        "  exact: no other request was in flight; took 12.5 ms, watching it 123 us",
        "  left 3 objects behind, 3.2 KB flat (outlived a garbage collection):",
        "         2  shop.Order  2.9 KB",
        "         1  dict  232 B",
    ]


def test_a_shared_report_says_among_how_many() -> None:
    text = TextRenderer().render(a_report(attribution="shared", in_flight=3, rechecked="alive"))

    assert "shared: 3 requests were in flight, any of them may have left this" in text
    assert "gc has not run since" in text


def test_a_report_without_a_window_says_why() -> None:
    report = a_report(attribution="none", survivors=(), note="gc is disabled", status=None)

    assert TextRenderer().render(report).splitlines() == [
        "request 7: GET /cart/{id}",
        "  not watched: gc is disabled",
    ]


def test_an_exception_stands_in_place_of_the_status() -> None:
    assert "request 7: GET /cart/{id} KeyError\n" in TextRenderer().render(
        a_report(error="KeyError", status=500)
    )


def test_nothing_left_and_nothing_known_are_told_apart() -> None:
    clean = TextRenderer().render(a_report(survivors=()))
    unknown = TextRenderer().render(a_report(survivors=(), unfollowed=900))

    assert "left nothing behind" in clean
    assert "left nothing behind" not in unknown
    assert "900 objects that could not be followed" in unknown


def test_only_the_largest_types_are_listed() -> None:
    rows = tuple(TypeCount(f"Type{number}", 1, 100) for number in range(5))

    text = TextRenderer(most_types=2).render(a_report(survivors=rows))

    assert "Type1" in text
    assert "Type2" not in text
    assert "and 3 types more" in text


def test_a_summary_as_text() -> None:
    clean = a_route(verdict="clean", headline="GET /ok is clean", suspects=())
    waiting = a_route(verdict=None, headline="GET /new has no verdict yet", suspects=())

    text = TextRenderer().render(a_summary(routes=(a_route(), clean, waiting)))

    assert text.splitlines()[0] == "shop 1.2 (pid 4711): leak"
    assert "own CPU time 0.25% of at most 1.00%" in text
    assert "  note: gc is disabled" in text
    assert "  !! GET /cart/{id} leaks" in text
    assert "shop.cart._CACHE: +1 per request, no bound seen in 500 requests" in text
    assert "  ok GET /ok is clean" in text
    assert "  ?? GET /new has no verdict yet" in text


def test_a_summary_names_what_no_route_could_be_blamed_for() -> None:
    suspect = Suspect("shop.QUEUE", "list", 1.0, 0.0, evidence="no bound seen in 800 requests")

    text = TextRenderer().render(a_summary(routes=(), unattributed=(suspect,), verdict=None))

    assert "shop 1.2 (pid 4711): no verdict" in text
    assert "shop.QUEUE (list) keeps growing" in text


def test_clean_routes_promise_nothing_of_those_without_a_verdict() -> None:
    clean = a_route(verdict="clean", headline="GET /ok is clean", suspects=())
    waiting = a_route(verdict=None, headline="GET /new has no verdict yet", suspects=())

    heads = [
        TextRenderer().render(a_summary(verdict="clean", routes=routes)).splitlines()[0]
        for routes in ((clean,), (clean, waiting))
    ]

    assert [head.rpartition(": ")[2] for head in heads] == ["clean", "clean so far"]


@pytest.mark.parametrize("indent", [None, 2])
def test_json_reads_back_to_the_same_value(indent: int | None) -> None:
    renderer = JsonRenderer(indent)

    assert RequestReport.from_dict(json.loads(renderer.render(a_report()))) == a_report()
    assert LeakSummary.from_dict(json.loads(renderer.render(a_summary()))) == a_summary()


def test_json_is_one_line_unless_asked_otherwise() -> None:
    assert "\n" not in JsonRenderer().render(a_report(route='/"quoted"\n'))
    assert "\n  " in JsonRenderer(2).render(a_report())


def test_a_summary_is_wrapped_between_words_and_its_paths_stay_whole() -> None:
    holder = "shop." + "a" * 90
    summary = a_summary(routes=(a_route(headline=f"GET /x leaks 1 KB, held by {holder} (dict)"),))

    lines = TextRenderer(width=60).render(summary).splitlines()

    assert f"       {holder}" in lines
    assert all(len(line) <= 60 for line in lines if "GET /x" in line)
