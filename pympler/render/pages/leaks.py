"""Leaks: who holds what routes leave behind, how it grew, and the line that stores it."""

from __future__ import annotations

from collections.abc import Sequence

from pympler.render.pages.answers import Rendered, Site
from pympler.render.pages.errors import MissingError
from pympler.render.pages.moments import length_curves, recent
from pympler.render.pages.workers import worker_name, worst_first
from pympler.store.fleet import SPOKEN_OF
from pympler.store.fleet_reader import reader_of
from pympler.store.heard import MOST_TOLD

__all__ = ["show"]


def show(site: Site, rest: Sequence[str]) -> Rendered:
    """All suspects, or those of one route (``?route=``)."""
    if rest:
        raise MissingError("There is no such page.")
    reader = reader_of(site.store)
    only = site.request.query.get("route", "")
    suspects = reader.suspects(route=only or None)
    shown = suspects[:MOST_TOLD]
    workers = reader.workers()
    drawn = list(dict.fromkeys(worker for each in shown for worker in each.accusers))[:MOST_TOLD]
    moments = recent(site, drawn, workers[0][1]) if workers else []
    routes = worst_first(reader.routes_seen(route=only or None))
    held = {(each.method, each.route) for each in suspects}
    return Rendered(
        "leaks.html",
        {
            "suspects": shown,
            "left_out": len(suspects) - len(shown),
            "curves": {
                holder: length_curves(moments, holder, worker_name)
                for holder in {each.suspect.holder for each in shown}
            },
            "unheld": [
                row
                for row in routes
                if row.verdict in SPOKEN_OF and (row.method, row.route) not in held
            ],
            "only": only,
            "judged": any(row.verdict for row in routes),
            "workers": len(workers),
        },
    )
