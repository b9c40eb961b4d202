"""Leaks: who holds what routes leave behind, how it grew, and the line that stores it."""

from __future__ import annotations

from collections.abc import Sequence

from pympler.render.pages.answers import Rendered, Site
from pympler.render.pages.errors import MissingError
from pympler.render.pages.merge import merge_routes, merge_suspects, worker_name
from pympler.render.pages.moments import length_curves, recent
from pympler.store.fleet import SPOKEN_OF

__all__ = ["show"]

_MOST_SHOWN = 50


def show(site: Site, rest: Sequence[str]) -> Rendered:
    """All suspects, or those of one route (``?route=``)."""
    if rest:
        raise MissingError("There is no such page.")
    summaries = site.store.summaries()
    only = site.request.query.get("route", "")
    suspects = [s for s in merge_suspects(summaries) if only in ("", s.route)]
    moments = recent(site)
    shown = suspects[:_MOST_SHOWN]
    holders = {each.suspect.holder for each in suspects}
    routes = merge_routes(summaries)
    unheld = [
        route
        for route in routes
        if route.verdict in SPOKEN_OF and not route.suspects and only in ("", route.route)
    ]
    return Rendered(
        "leaks.html",
        {
            "suspects": shown,
            "left_out": len(suspects) - len(shown),
            "curves": {holder: length_curves(moments, holder, worker_name) for holder in holders},
            "unheld": unheld,
            "only": only,
            "judged": any(route.verdict for route in routes),
            "summaries": summaries,
        },
    )
