"""Verdicts in words: one headline for each, the same in every front end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pympler.leaks.report import ClassUse, RequestReport, Suspect
from pympler.util.sizes import format_bytes, format_number

__all__ = [
    "class_words",
    "gained",
    "headline",
    "overall",
    "plural",
    "request_line",
    "unattributed_line",
]

_MOST_TYPES = 4

# What has bytes or characters instead of entries.
_BUFFERS = ("str", "bytes", "bytearray", "_io.BytesIO", "int")


def headline(
    *,
    route: str,
    method: str,
    verdict: str | None,
    bytes_per_request: float = 0.0,
    objects_per_request: float = 0.0,
    suspects: Sequence[Suspect] = (),
    requests: int = 0,
    reason: str = "",
) -> str:
    """The verdict on a route in one sentence.

    Args:
        route: route template or label.
        method: HTTP method, empty where there is none.
        verdict: one of :data:`pympler.leaks.report.VERDICTS`, ``None`` while not known.
        bytes_per_request: flat bytes that a request leaves behind.
        objects_per_request: objects that a request leaves behind.
        suspects: the most probable first; only the first is named.
        requests: requests that the verdict rests on.
        reason: why there is no verdict yet, or what else the evidence says.

    Example:
        >>> headline(route="/x", method="GET", verdict="clean", requests=60)
        'GET /x is clean: nothing left behind in 60 requests'
    """
    name = f"{method} {route}".strip()
    suspect = suspects[0] if suspects else None
    left = f"{format_bytes(bytes_per_request)} and {plural(objects_per_request, 'object')}"
    if verdict == "leak" and suspect is not None and not objects_per_request:
        return f"{name} leaks{_held(suspect)}"
    if verdict == "leak":
        return f"{name} leaks {left} per request{_held(suspect)}"
    if verdict == "bounded":
        return f"{name} is bounded{_bounded(suspect)}"
    if verdict == "cyclic-garbage":
        return f"{name} leaves {left} per request as cyclic garbage, which gc collects later"
    if verdict == "native":
        return (
            f"{name} leaks {format_bytes(bytes_per_request)} per request "
            "that no Python object explains"
        )
    if verdict == "allocator":
        return f"{name} leaves memory to the allocator: Python freed it, the process keeps it"
    if verdict == "clean":
        return f"{name} is clean: nothing left behind in {plural(requests, 'request')}"
    return f"{name} has no verdict yet: {reason or 'too few requests'}"


def request_line(report: RequestReport) -> str:
    """What one request left behind, in one line."""
    name = f"{report.method} {report.route}".strip()
    chosen = "".join(f"; {class_words(use)}" for use in report.classes if use.stayed)
    if report.attribution == "none":
        return f"{name} was not watched: {report.note}{chosen}"
    if not report.survivors and report.unfollowed:
        left = f"made {plural(report.unfollowed, 'object')} that could not be followed"
    elif not report.survivors:
        left = "left nothing behind"
    else:
        rows = ", ".join(f"{row.count} {row.type}" for row in report.survivors[:_MOST_TYPES])
        more = len(report.survivors) - _MOST_TYPES
        rows += f" and {plural(more, 'type')} more" if more > 0 else ""
        left = (
            f"left {format_bytes(report.flat_bytes)} in {plural(report.objects, 'object')}: {rows}"
        )
    shared = (
        f" (shared among {report.in_flight} requests)" if report.attribution == "shared" else ""
    )
    status = f" {report.status}" if report.status is not None else ""
    seen = " (gc has not run since)" if report.survivors and report.rechecked == "alive" else ""
    return f"{name}{status} {left}{seen}{shared}{chosen}"


def class_words(use: ClassUse) -> str:
    """What stayed of a class in ``track_classes``, and where most of it was made.

    Example:
        >>> class_words(ClassUse("shop.Order", births=3, deaths=2, live=9, stayed_bytes=400))
        '1 of 3 shop.Order stayed (400 B)'
    """
    if not use.births:
        return f"made no {use.name}"
    if not use.stayed:
        return f"none of {format_number(use.births)} {use.name} stayed"
    made = f", made at {use.sites[0].place}" if use.sites else ""
    numbers = f"{format_number(use.stayed)} of {format_number(use.births)}"
    return f"{numbers} {use.name} stayed ({format_bytes(use.stayed_bytes)}){made}"


def unattributed_line(suspect: Suspect) -> str:
    """A suspect that no single route could be blamed for, in one sentence."""
    stored = f", stored at {suspect.stored_at}" if suspect.stored_at else ""
    return (
        f"{suspect.holder} ({suspect.type}) keeps growing by "
        f"{gained(suspect)} per request of any route{stored}: "
        f"{suspect.evidence}; the requests that feed it were never alone in flight, "
        "so none is blamed"
    )


def overall(verdict: str | None, routes: Iterable[str | None]) -> str:
    """The verdict on an application in words, which promise nothing of routes without one.

    Example:
        >>> overall("clean", ["clean", None]), overall("leak", ["leak", None])
        ('clean so far', 'leak')
    """
    if verdict is None:
        return "no verdict"
    if verdict in ("clean", "bounded") and None in list(routes):
        return f"{verdict} so far"
    return verdict


def plural(number: float, word: str) -> str:
    """A number with its noun.

    Example:
        >>> plural(1, "object"), plural(2.5, "object")
        ('1 object', '2.5 objects')
    """
    text = format_number(number)
    return f"{text} {word}" if text == "1" else f"{text} {word}s"


def _entries(number: float) -> str:
    text = format_number(number)
    return f"{text} entry" if text == "1" else f"{text} entries"


def gained(suspect: Suspect) -> str:
    """By how much a suspect grows, in entries, or bytes where it is a buffer.

    Example:
        >>> gained(Suspect("shop.OUT", "bytearray", 300.0, 0.0))
        '300 B'
    """
    growth = suspect.growth_per_request
    return format_bytes(growth) if suspect.type in _BUFFERS else _entries(growth)


def _held(suspect: Suspect | None) -> str:
    if suspect is None:
        return ", held by something that no Python root leads to"
    grows = f", +{gained(suspect)} per request" if suspect.growth_per_request else ""
    stored = f", stored at {suspect.stored_at}" if suspect.stored_at else ""
    return f", held by {suspect.holder} ({suspect.type}{grows}){stored}"


def _bounded(suspect: Suspect | None) -> str:
    if suspect is None:
        return ""
    at = f" at {_entries(suspect.bound)}" if suspect.bound is not None else ""
    each = (
        suspect.bytes_per_request / suspect.growth_per_request if suspect.growth_per_request else 0
    )
    size = f" of {format_bytes(each)}" if each else ""
    return f": {suspect.holder} ({suspect.type}) stops growing{at}{size}"
