"""Protocol: a marked test from its setup to its teardown, and the verdict after that."""

from __future__ import annotations

from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from pympler_pytest.kept import Census
from pympler_pytest.stash import WATCH
from pympler_pytest.watch import Watch

__all__ = ["run_protocol"]


def run_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run a test, check what its markers ask for, and report it.

    Returns:
        Whether it is done; a test that fails, and that another plugin runs again then, is left to
        that from the beginning, and not checked.
    """
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    census = Census() if item.config.getoption("pympler") else None
    watch = item.stash[WATCH] = Watch(item)
    try:
        reports = _run(item)
        if watch.accuses() and all(map(_is_fine, reports)):
            with watch.confirming():
                _run(item)
    finally:
        del item.stash[WATCH]
    if any(report.failed for report in reports) and _is_run_again(item):
        return False
    kept = census.kept(reports) if census is not None else None
    _tear_down_the_rest(item, nextitem, reports)
    for report in reports if all(map(_is_fine, reports)) else ():
        if report.when == "call":  # there is none with --setup-only
            _apply(watch, item, report)
    if kept is not None:
        # Plain data, which xdist brings to the process that prints.
        reports[-1].pympler = kept.for_runs(watch.runs).to_dict()  # type: ignore[attr-defined]
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _is_run_again(item: pytest.Item) -> bool:
    """Whether pytest-rerunfailures runs this test again if it fails."""
    plugin = item.config.pluginmanager.getplugin("rerunfailures")
    count = getattr(plugin, "get_reruns_count", None)
    return bool(count is not None and count(item))


def _run(item: pytest.Item) -> list[pytest.TestReport]:
    # The parent as the next one: only what belongs to this test alone is torn down. What a module
    # or a class shares must not be let go of after its last test and kept after the others.
    return runtestprotocol(item, log=False, nextitem=item.parent)  # type: ignore[arg-type]


def _tear_down_the_rest(
    item: pytest.Item, nextitem: pytest.Item | None, reports: list[pytest.TestReport]
) -> None:
    if item.session.shouldfail or item.session.shouldstop:
        return  # it is done already
    state: Any = item.session._setupstate
    call = pytest.CallInfo.from_call(
        lambda: state.teardown_exact(nextitem), when="teardown", reraise=(pytest.exit.Exception,)
    )
    if call.excinfo is not None:
        report = item.ihook.pytest_runtest_makereport(item=item, call=call)
        reports[-1 if reports[-1].passed else len(reports) :] = [report]


def _is_fine(report: pytest.TestReport) -> bool:
    """Whether a step went well; a test that was expected to fail and did not has gone well."""
    return report.passed or _is_unexpected_pass(report)


def _is_unexpected_pass(report: pytest.TestReport) -> bool:
    return isinstance(report.longrepr, str) and report.longrepr.startswith("[XPASS(strict)]")


def _apply(watch: Watch, item: pytest.Item, report: pytest.TestReport) -> None:
    """Let a test fail that did not keep to its markers; as expected, if it is marked so."""
    failures = list(watch.failures())
    if not failures:
        return
    report.longrepr = "\n".join(failures)
    report.outcome = "failed"
    reason = _expected_to_fail(item)
    if reason is not None:
        report.outcome = "skipped"
        report.wasxfail = reason


def _expected_to_fail(item: pytest.Item) -> str | None:
    from _pytest.skipping import xfailed_key

    expected = item.stash.get(xfailed_key, None)
    if expected is None or item.config.getoption("runxfail"):
        return None
    return str(expected.reason)
