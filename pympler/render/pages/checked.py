"""The result of ``pympler check`` as one page in one file, to keep or to send."""

from __future__ import annotations

import time
from collections import Counter

from markupsafe import Markup

from pympler.leaks.check.result import CheckResult
from pympler.leaks.report import VERDICTS
from pympler.render.pages.environment import FOLDER, environment

__all__ = ["render_check"]


def render_check(result: CheckResult, title: str = "", now: float | None = None) -> str:
    """A page of its own with the verdict on each path: style within, nothing loaded, no script.

    Args:
        result: what :func:`pympler.leaks.check.check` gave.
        title: what was checked, such as ``"shop.app:app"``.
        now: when, in seconds since the epoch.

    Example:
        >>> "no module named shop" in render_check(CheckResult(error="no module named shop"))
        True
    """
    style = (FOLDER / "static" / "pages.css").read_text(encoding="utf-8")
    found = Counter(route.verdict for route in result.routes if route.error is None)
    order = {verdict: place for place, verdict in enumerate(VERDICTS)}
    return (
        environment()
        .get_template("check.html")
        .render(
            title=title,
            when=time.time() if now is None else now,
            result=result,
            routes=sorted(
                result.routes,
                key=lambda route: (route.error is None, order.get(route.verdict or "", 99)),
            ),
            leaking=found["leak"] + found["native"],
            failed=sum(route.error is not None for route in result.routes),
            style=Markup(style),
        )
    )
