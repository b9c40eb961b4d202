"""What a check says: frozen plain data, and its JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pympler.leaks.plain import SCHEMA
from pympler.leaks.report import VERDICTS, Suspect, worst

__all__ = ["CheckResult", "RouteResult"]


@dataclass(frozen=True, slots=True)
class RouteResult:
    """The verdict on one path.

    Attributes:
        route: the path as it was given, ``{n}`` included.
        status: the last status that it answered with, ``None`` if it never answered.
        requests: requests sent.
        verdict: one of :data:`pympler.leaks.report.VERDICTS`, ``None`` if the route failed.
        bytes_per_request: flat sizes of the objects that a request leaves behind and of the
            tables that hold them; of native growth what the allocators gave. 0 if nothing stays.
        objects_per_request: objects left behind, those included that gc does not track.
        error: why the route failed.
        suspects: what holds it, the most probable first.
    """

    route: str
    method: str
    status: int | None
    requests: int
    verdict: str | None
    headline: str
    bytes_per_request: float = 0.0
    objects_per_request: float = 0.0
    error: str | None = None
    suspects: tuple[Suspect, ...] = ()

    def is_bad(self, fail_on: str = "native") -> bool:
        """Whether the verdict is this one or a worse one."""
        return self.verdict in VERDICTS[: VERDICTS.index(fail_on) + 1]

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON-ready data."""
        return {
            "route": self.route,
            "method": self.method,
            "status": self.status,
            "requests": self.requests,
            "verdict": self.verdict,
            "headline": self.headline,
            "bytes_per_request": self.bytes_per_request,
            "objects_per_request": self.objects_per_request,
            "error": self.error,
            "suspects": [
                {
                    "holder": suspect.holder,
                    "type": suspect.type,
                    "growth_per_request": suspect.growth_per_request,
                    "bytes_per_request": suspect.bytes_per_request,
                    "stored_at": suspect.stored_at,
                }
                for suspect in self.suspects
            ],
        }


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The verdicts on all paths.

    Attributes:
        error: why nothing could be checked, ``None`` if something was.

    Example:
        >>> CheckResult(error="no module named 'shop'").exit_code
        2
    """

    routes: tuple[RouteResult, ...] = ()
    error: str | None = None

    @property
    def verdict(self) -> str | None:
        """The worst verdict of the routes, ``None`` if there is none."""
        return worst(route.verdict for route in self.routes)

    @property
    def exit_code(self) -> int:
        """0 if nothing leaks, 1 for a leak or native growth, 2 if something failed."""
        if self.error is not None or any(route.error is not None for route in self.routes):
            return 2
        return int(any(route.is_bad() for route in self.routes))

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON-ready data."""
        return {
            "schema": SCHEMA,
            "error": self.error,
            "verdict": self.verdict,
            "routes": [route.to_dict() for route in self.routes],
        }
