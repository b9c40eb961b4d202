"""A baseline: the leaks that are known already, as an earlier check has written them down."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from pathlib import Path

from pympler.errors import UsageError
from pympler.leaks.check.result import RouteResult
from pympler.leaks.plain import SCHEMA

__all__ = ["Baseline", "read_baseline"]

Known = tuple[str, str, str]
"""Method, route and holder; the verdict in place of the holder where there is none."""

_LINE = re.compile(r":\d+")


class Baseline:
    """What is known, from :func:`read_baseline`."""

    def __init__(self, known: Collection[Known] = ()) -> None:
        self._known = frozenset(known)

    def knows(self, route: RouteResult) -> bool:
        """Whether all that a route is accused of is known: each holder, or growth without one.

        Numbers of lines in the name of a holder may have changed meanwhile.
        """
        holders = [suspect.holder for suspect in route.suspects] or [route.verdict or ""]
        return all(
            (route.method, route.route, _without_lines(holder)) in self._known for holder in holders
        )


def read_baseline(file: str) -> Baseline:
    """Read what ``pympler check --json`` has written.

    Raises:
        UsageError: if the file cannot be read or is something else.
    """
    how = "make it with: pympler check ... --json > FILE"
    try:
        data = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"baseline {file!r} cannot be read: {error.strerror}; {how}") from None
    except ValueError:
        raise UsageError(f"baseline {file!r} is no JSON; {how}") from None
    try:
        if data["schema"] > SCHEMA:
            raise UsageError(f"baseline {file!r} is of a newer version; upgrade pympler")
        known = [
            (route["method"], route["route"], _without_lines(holder))
            for route in data["routes"]
            for holder in [
                *(suspect["holder"] for suspect in route["suspects"]),
                *([route["verdict"]] if route["verdict"] else []),
            ]
        ]
    except (KeyError, TypeError):
        raise UsageError(f"baseline {file!r} is not the result of a check; {how}") from None
    return Baseline(known)


def _without_lines(holder: str) -> str:
    return _LINE.sub("", holder)
