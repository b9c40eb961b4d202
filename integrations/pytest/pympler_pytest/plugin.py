"""The hooks. Whatever they need is imported when a test asks for it."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from pympler_pytest.stash import WATCH

if TYPE_CHECKING:
    from pympler_pytest.fixture import LeakCheck

__all__ = ["MARKERS", "leak_check"]

MARKERS = {
    "no_leaks": "no_leaks: fail if the test, repeated, keeps ever more objects or memory.",
    "max_growth": 'max_growth("10 KB"): fail if each repetition of the test keeps more than this.',
    "max_memory": 'max_memory("50 MB"): fail if the test needs more than this at a time.',
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Called by pytest at its start."""
    group = parser.getgroup("pympler", "memory (pympler)")
    group.addoption(
        "--pympler",
        action="store_true",
        default=False,
        help="say at the end which tests kept most objects, and which",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Called by pytest when the options are known."""
    for text in MARKERS.values():
        config.addinivalue_line("markers", text)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Called by pytest for each file or class: a marker with wrong arguments is an error of it."""
    report = yield
    for node in report.result or ():
        if isinstance(node, pytest.Item) and _is_marked(node):
            from pympler_pytest.limits import limits_of

            try:
                limits_of(node)
            except ValueError as error:
                report.outcome = "failed"
                report.longrepr = f"{node.nodeid}: {error}"
                report.result = []
                break
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Called by pytest for each test: those with a marker go another way than the others."""
    if not item.config.getoption("pympler") and not _is_marked(item):
        return None
    from pympler_pytest.protocol import run_protocol

    return run_protocol(item, nextitem) or None


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Called by pytest to run the body of a test; innermost, within captures and patches."""
    watch = item.stash.get(WATCH, None)
    if watch is None:
        return (yield)
    with watch.all_runs():
        with watch.first_run():
            result = yield
        watch.repeat()
    return result


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Called by pytest for each report; with xdist in the process that prints."""
    kept = getattr(report, "pympler", None)
    if kept is not None:
        from pympler_pytest import summary

        summary.add(report.nodeid, kept)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Called by pytest at its end."""
    if config.getoption("pympler"):
        from pympler_pytest import summary

        summary.write(terminalreporter)


@pytest.fixture
def leak_check(request: pytest.FixtureRequest) -> LeakCheck:
    """A function that calls what it is given again and again, and fails if that leaks.

    ``leak_check(function, *args, **kwargs)``; coroutine functions run in one event loop.
    """
    from pympler_pytest.fixture import LeakCheck

    return LeakCheck(request.node)


def _is_marked(item: pytest.Item) -> bool:
    return any(mark.name in MARKERS for mark in item.iter_markers())
