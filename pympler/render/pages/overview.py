"""The overview: the verdict on each route at a glance, and the memory of each worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pympler.leaks.report import LeakSummary, worst
from pympler.render.pages.answers import Rendered, Site
from pympler.render.pages.errors import MissingError
from pympler.render.pages.merge import merge_routes, worker_name
from pympler.render.pages.moments import memory_curves, recent
from pympler.store.fleet import FleetRoute, unattributed_in

__all__ = ["show"]

_MOST_WORKERS = 50


def show(site: Site, rest: Sequence[str]) -> Rendered:
    """The first page."""
    if rest:
        raise MissingError("There is no such page.")
    summaries = site.store.summaries()
    routes = merge_routes(summaries)
    moments = recent(site)
    return Rendered(
        "overview.html",
        {
            "summaries": summaries,
            "shown": summaries[:_MOST_WORKERS],
            "routes": routes,
            "verdict": worst(summary.verdict for summary in summaries),
            "sentence": _sentence(routes, summaries),
            "unattributed": len(unattributed_in(summaries)),
            "requests": sum(summary.requests for summary in summaries),
            "windows": sum(summary.windows for summary in summaries),
            "overhead": max((summary.overhead for summary in summaries), default=0.0),
            "notes": sorted({note for summary in summaries for note in summary.notes}),
            "latest": {moment.worker: moment for moment in moments},
            "rss": memory_curves(moments, "rss_bytes", worker_name),
            "uss": memory_curves(moments, "uss_bytes", worker_name),
        },
    )


def _sentence(routes: Sequence[FleetRoute], summaries: Sequence[LeakSummary]) -> str:
    """The state of the application in one sentence."""
    if not summaries:
        return "Nothing has been reported yet"
    found = Counter(route.verdict for route in routes)
    leaking = found["leak"] + found["native"]
    if leaking:
        return f"{leaking} of {_routes(len(routes))} {'leaks' if leaking == 1 else 'leak'}"
    if any(summary.unattributed for summary in summaries):
        return "Something leaks, and no single route can be blamed"
    judged = len(routes) - found[None]
    if not judged:
        return "No route has a verdict yet"
    return f"No leak found in {_routes(judged)}"


def _routes(number: int) -> str:
    return f"{number} route{'' if number == 1 else 's'}"
