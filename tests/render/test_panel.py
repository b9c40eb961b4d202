"""What the panels of both toolbars show, from values written out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jinja2
import pytest
from django.template import Context, Engine

from pympler.errors import StoreError
from pympler.leaks import LeakMonitor
from pympler.leaks.report import ClassUse, Place, RequestReport, RouteSummary, Suspect, TypeCount
from pympler.render.panel import TEMPLATES, subtitle, view
from pympler.store.memory import MemoryStore
from tests.django_app import conftest as django_project

assert django_project  # configures Django

HOSTILE = "</td><script>alert('1')</script>\"&"

REPORT = RequestReport(
    id=7,
    application="shop",
    release="",
    pid=1,
    route="/cart/{id}",
    method="GET",
    status=200,
    error=None,
    started_at=0.0,
    duration_s=0.01,
    attribution="exact",
    in_flight=1,
    survivors=(TypeCount("shop.Basket", 2, 112), TypeCount("dict", 1, 64)),
    rechecked="collected",
    unfollowed=0,
    own_cost_s=0.00025,
    host="web",
    worker_started_at=1.0,
)


class Known(LeakMonitor):
    """A monitor that says what it is told to say."""

    def __init__(self, *reports: RequestReport, routes: tuple[RouteSummary, ...] = ()) -> None:
        store = MemoryStore(keep=10)
        for report in reports:
            store.save(report)
        super().__init__(store=store, sample_rate=0.0)
        self._routes = routes

    def summary(self) -> Any:
        return replace(super().summary(), routes=self._routes)


def with_jinja(values: dict[str, Any]) -> str:
    made = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
    return made.get_template("panel.html").render(values)


def with_django(values: dict[str, Any]) -> str:
    return str(Engine(dirs=[str(TEMPLATES)]).get_template("panel.html").render(Context(values)))


BOTH = pytest.mark.parametrize("render", [with_jinja, with_django])


@BOTH
def test_everything_is_escaped(render: Callable[[dict[str, Any]], str]) -> None:
    suspect = Suspect(HOSTILE, HOSTILE, 1.0, 64.0, HOSTILE, HOSTILE)
    route = RouteSummary(HOSTILE, "GET", "leak", HOSTILE, 9, 9, 9, 1.0, 64.0, (), (suspect,))
    other = replace(route, route="/other", headline=f"other {HOSTILE}")
    report = replace(
        REPORT,
        route=HOSTILE,
        survivors=(TypeCount(HOSTILE, 1, 1),),
        classes=(ClassUse(HOSTILE, 2, 1, 5, 100, 0, (Place(HOSTILE, 1),)),),
    )
    monitor = Known(report, routes=(route, other))
    html = render({**view({"key": report.key}, monitor), "page": "/x", "style": "", "script": ""})
    monitor.close()
    assert "<script" not in html
    assert html.count("alert(") >= 9


@BOTH
def test_a_request_that_left_nothing_and_one_that_could_not_be_followed(
    render: Callable[[dict[str, Any]], str],
) -> None:
    clean = replace(REPORT, survivors=())
    lost = replace(REPORT, id=8, survivors=(), unfollowed=40)
    unwatched = replace(REPORT, id=9, survivors=(), attribution="none", note="gc is disabled")
    monitor = Known(clean, lost, unwatched)
    assert "It left nothing behind." in render(view({"key": clean.key}, monitor))
    html = render(view({"key": lost.key}, monitor))
    assert "40 objects could not be followed" in html
    assert "nothing behind" not in html
    assert "It was not watched: gc is disabled." in render(view({"key": unwatched.key}, monitor))
    monitor.close()


def test_many_types_are_cut() -> None:
    report = replace(REPORT, survivors=tuple(TypeCount(f"t{n}", 1, 1) for n in range(300)))
    monitor = Known(report)
    shown = view({"key": report.key}, monitor)["request"]
    monitor.close()
    assert (len(shown["rows"]), shown["more"]) == (50, "and 250 types more")


def test_shared_figures_are_said_to_be() -> None:
    report = replace(REPORT, attribution="shared", in_flight=3)
    monitor = Known(report)
    shown = view({"key": report.key}, monitor)["request"]
    monitor.close()
    assert shown["attribution"].startswith("3 requests were in flight")


def test_a_store_that_cannot_be_read_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(key: str) -> None:
        raise StoreError("the disk is full; make room")

    monitor = Known(REPORT)
    monkeypatch.setattr(monitor.store, "report", fails)
    shown = view({"key": REPORT.key}, monitor)
    monitor.close()
    assert shown == {"message": "The reports cannot be read: the disk is full; make room"}


@pytest.mark.parametrize(
    "stats",
    [
        {},
        {"verdict": None},
        {"verdict": ["leak"], "rss_bytes": "many"},
        {"rss_bytes": -5, "rss_before_bytes": 10**30},
        {"rss_bytes": None, "verdict": "rain"},
    ],
)
def test_nothing_that_a_toolbar_has_kept_breaks_the_button(stats: dict[str, Any]) -> None:
    assert "leaks" not in subtitle(stats)


def test_the_button() -> None:
    stats = {"rss_bytes": 3 << 20, "rss_before_bytes": 4 << 20, "verdict": "native"}
    assert subtitle(stats) == "native growth · 3.0 MB (-1.0 MB)"
