"""Reports: plain data that makes the round trip."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pympler.leaks.report import (
    VERDICTS,
    Counters,
    LeakSummary,
    RequestReport,
    RouteSummary,
    Suspect,
    TypeCount,
    worst,
)
from tests.leaks.values import a_report, a_route, a_summary


def through_json(data: Any) -> Any:
    return json.loads(json.dumps(data))


def test_a_report_makes_the_round_trip() -> None:
    report = a_report(error="KeyError", status=None, note="odd")

    assert RequestReport.from_dict(through_json(report.to_dict())) == report


def test_a_summary_makes_the_round_trip() -> None:
    summary = a_summary(
        routes=(a_route(), a_route(verdict=None, suspects=())),
        unattributed=(Suspect("shop.Q", "list", 1.0, 0.0, bound=3),),
        counters=Counters(1.5, 10, 2, 3),
    )

    assert LeakSummary.from_dict(through_json(summary.to_dict())) == summary


def test_a_route_makes_the_round_trip_by_itself() -> None:
    route = a_route()

    assert RouteSummary.from_dict(through_json(route.to_dict())) == route


@given(st.lists(st.builds(TypeCount, st.text(), st.integers(0), st.integers(0)), max_size=5))
def test_any_survivors_make_the_round_trip(rows: list[TypeCount]) -> None:
    report = a_report(survivors=tuple(rows))

    assert RequestReport.from_dict(through_json(report.to_dict())) == report


def test_the_totals_are_of_all_types() -> None:
    assert a_report().objects == 3
    assert a_report().flat_bytes == 3232


@pytest.mark.parametrize("schema", [2, 99, "1", None])
def test_a_newer_schema_is_refused(schema: object) -> None:
    data = {**a_report().to_dict(), "schema": schema}

    with pytest.raises(ValueError, match="cannot be read, this version reads up to 1"):
        RequestReport.from_dict(data)


def test_an_unknown_field_is_passed_over() -> None:
    data = {**a_summary().to_dict(), "mood": "fine"}

    assert LeakSummary.from_dict(data) == a_summary()


def test_a_missing_field_is_named() -> None:
    data = a_report().to_dict()
    del data["route"]

    with pytest.raises(ValueError, match="route"):
        RequestReport.from_dict(data)


def test_fields_with_a_default_may_be_missing() -> None:
    data = a_summary().to_dict()
    for name in ("schema", "notes", "counters", "unattributed"):
        del data[name]

    assert LeakSummary.from_dict(data) == a_summary(notes=())


def test_the_worst_verdict_is_that_of_the_whole() -> None:
    assert [worst(VERDICTS[place:]) for place in range(len(VERDICTS))] == list(VERDICTS)
    assert worst(["clean", None]) == "clean"
    assert worst([None]) is None
    assert worst([]) is None
