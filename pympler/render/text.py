"""Reports as text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from pympler.leaks.report import (
    ClassTotal,
    ClassUse,
    LeakSummary,
    Place,
    RequestReport,
    RouteSummary,
    Suspect,
)
from pympler.leaks.verdict import class_words, overall, plural, unattributed_line
from pympler.util.sizes import format_bytes, format_number

__all__ = ["TextRenderer"]


class TextRenderer:
    """Renders reports and summaries as plain text.

    Args:
        most_types: rows of survivors shown per request.
        width: columns at which the sentences of a summary are wrapped.
    """

    def __init__(self, most_types: int = 8, width: int = 100) -> None:
        self._most_types = most_types
        self._width = width

    def render(self, report: RequestReport | LeakSummary) -> str:
        """The report in lines, without a newline at the end."""
        if isinstance(report, RequestReport):
            return "\n".join([*self._request(report), *map(self._class_use, report.classes)])
        return "\n".join(self._summary(report))

    def _request(self, report: RequestReport) -> list[str]:
        name = f"{report.method} {report.route}".strip()
        outcome = report.error or ("" if report.status is None else str(report.status))
        lines = [f"request {report.id}: {name} {outcome}".rstrip()]
        if report.attribution == "none":
            return [*lines, f"  not watched: {report.note}"]
        lines.append(
            f"  {_attribution(report)}; took {report.duration_s * 1000:.1f} ms, "
            f"watching it {report.own_cost_s * 1e6:.0f} us"
        )
        if not report.survivors and report.unfollowed:
            made = plural(report.unfollowed, "object")
            return [*lines, f"  made {made} that could not be followed to the re-check"]
        if not report.survivors:
            return [*lines, "  left nothing behind"]
        proof = (
            "outlived a garbage collection"
            if report.rechecked == "collected"
            else "alive after it, gc has not run since"
        )
        lines.append(
            f"  left {plural(report.objects, 'object')} behind, "
            f"{format_bytes(report.flat_bytes)} flat ({proof}):"
        )
        for row in report.survivors[: self._most_types]:
            lines.append(f"  {row.count:>8}  {row.type}  {format_bytes(row.flat_bytes)}")
        more = len(report.survivors) - self._most_types
        if more > 0:
            lines.append(f"            and {plural(more, 'type')} more")
        return lines

    def _class_use(self, use: ClassUse) -> str:
        lines = [f"  {class_words(use)}; {plural(use.live, 'instance')} alive in the process"]
        lines += _places("made at ", use.sites[1:])
        if use.elsewhere:
            made = plural(use.elsewhere, "instance")
            lines.append(f"         {made} made meanwhile by no request that is known")
        return "\n".join(lines)

    def _class_total(self, total: ClassTotal) -> list[str]:
        made, gone = format_number(total.births), format_number(total.deaths)
        size = format_bytes(total.live_bytes)
        head = (
            f"  {total.name}: {made} made, {gone} gone, {format_number(total.live)} alive ({size})"
        )
        return [head, *_places("of ", total.routes), *_places("made at ", total.sites)]

    def _summary(self, summary: LeakSummary) -> list[str]:
        release = f" {summary.release}" if summary.release else ""
        verdict = overall(summary.verdict, (route.verdict for route in summary.routes))
        lines = [
            f"{summary.application}{release} (pid {summary.pid}): {verdict}",
            f"  {plural(summary.requests, 'request')}, {plural(summary.windows, 'window')}; "
            f"own CPU time {summary.overhead:.2%} of at most {summary.max_overhead:.2%}",
        ]
        lines += [f"  note: {note}" for note in summary.notes]
        for route in summary.routes:
            lines += self._route(route)
        for suspect in summary.unattributed:
            lines += self._wrap(f"  !! {unattributed_line(suspect)}")
        for total in summary.classes:
            lines += self._class_total(total)
        return lines

    def _route(self, route: RouteSummary) -> list[str]:
        mark = {"leak": "!!", "native": "!!", None: "??"}.get(route.verdict, "ok")
        lines = self._wrap(f"  {mark} {route.headline}")
        for suspect in route.suspects:
            if suspect.evidence:
                lines += self._wrap(f"       {_evidence(suspect)}")
        return lines

    def _wrap(self, text: str) -> list[str]:
        # Paths and routes stay whole, so that they can be pasted.
        return textwrap.wrap(
            text,
            self._width,
            subsequent_indent=" " * 7,
            break_long_words=False,
            break_on_hyphens=False,
        )


def _attribution(report: RequestReport) -> str:
    if report.attribution == "exact":
        if report.in_flight > 1:  # in an event loop
            return "exact: told apart from the other requests in flight"
        return "exact: no other request was in flight"
    return f"shared: {report.in_flight} requests were in flight, any of them may have left this"


def _places(word: str, places: Sequence[Place]) -> list[str]:
    return [f"{each.count:>12}  {word}{each.place}" for each in places]


def _evidence(suspect: Suspect) -> str:
    growth = format_number(suspect.growth_per_request)
    return f"{suspect.holder}: +{growth} per request, {suspect.evidence}"
