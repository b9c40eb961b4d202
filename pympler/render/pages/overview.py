"""The overview: the verdict on each route at a glance, and the memory of each worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pympler.render.pages.answers import Rendered, Site
from pympler.render.pages.errors import MissingError
from pympler.render.pages.moments import memory_curves, recent
from pympler.render.pages.workers import worker_name, worst_first
from pympler.store.fleet import FleetRoute
from pympler.store.fleet_reader import reader_of
from pympler.store.heard import Heard

__all__ = ["show"]


def show(site: Site, rest: Sequence[str]) -> Rendered:
    """The first page."""
    if rest:
        raise MissingError("There is no such page.")
    reader = reader_of(site.store)
    heard = reader.heard()
    routes = worst_first(reader.routes_seen())
    shown = heard.latest
    moments = recent(site, [said.worker for said in shown], shown[0].taken_at) if shown else []
    return Rendered(
        "overview.html",
        {
            "heard": heard,
            "routes": routes,
            "sentence": _sentence(routes, heard),
            "latest": {moment.worker: moment for moment in moments},
            "rss": memory_curves(moments, "rss_bytes", worker_name),
            "uss": memory_curves(moments, "uss_bytes", worker_name),
        },
    )


def _sentence(routes: Sequence[FleetRoute], heard: Heard) -> str:
    """The state of the application in one sentence."""
    if not heard.workers:
        return "Nothing has been reported yet"
    found = Counter(route.verdict for route in routes)
    leaking = found["leak"] + found["native"]
    if leaking:
        return f"{leaking} of {_routes(len(routes))} {'leaks' if leaking == 1 else 'leak'}"
    if heard.unattributed:
        return "Something leaks, and no single route can be blamed"
    judged = len(routes) - found[None]
    if not judged:
        return "No route has a verdict yet"
    return f"No leak found in {_routes(judged)}"


def _routes(number: int) -> str:
    return f"{number} route{'' if number == 1 else 's'}"
