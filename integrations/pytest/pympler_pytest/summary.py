"""The summary at the end: which tests kept most, and what."""

from __future__ import annotations

from typing import Any

from pympler.util.sizes import format_bytes
from pympler_pytest.kept import Kept

__all__ = ["add", "write"]

_MOST_TESTS = 10
_LEAST_OBJECTS = 10

_found: dict[str, Kept] = {}


def add(nodeid: str, data: dict[str, Any]) -> None:
    """Take what one test kept, as its report brings it."""
    _found[nodeid] = Kept.from_dict(data)


def write(terminal: Any) -> None:
    """Write the summary to pytest's terminal reporter, and begin anew."""
    kept = sorted(_found.items(), key=lambda pair: (-pair[1].bytes, pair[0]))
    _found.clear()
    worst = [pair for pair in kept if pair[1].objects >= _LEAST_OBJECTS]
    terminal.section("pympler: what tests kept")
    for nodeid, each in worst[:_MOST_TESTS]:
        types = ", ".join(f"{number:,} {name}" for name, number in each.types)
        runs = f" in {each.runs:,} runs" if each.runs > 1 else ""
        terminal.write_line(
            f"{format_bytes(each.bytes):>9} in {each.objects:,} objects  {nodeid}{runs}: {types}"
        )
    more = len(worst) - _MOST_TESTS
    if more > 0:
        terminal.write_line(f"          and {more} tests more")
    if not worst:
        terminal.write_line(f"none of {len(kept)} tests kept {_LEAST_OBJECTS} objects or more")
    else:
        terminal.write_line(
            "What a test keeps once may be an import or a cache; @pytest.mark.no_leaks tells."
        )
