"""Reports as JSON."""

from __future__ import annotations

import json

from pympler.leaks.report import LeakSummary, RequestReport

__all__ = ["JsonRenderer"]


class JsonRenderer:
    """Renders reports and summaries as JSON, which their ``from_dict`` reads back.

    Args:
        indent: spaces per level, ``None`` for one line.
    """

    def __init__(self, indent: int | None = None) -> None:
        self._indent = indent

    def render(self, report: RequestReport | LeakSummary) -> str:
        """The report as a JSON object."""
        return json.dumps(report.to_dict(), indent=self._indent, ensure_ascii=False)
