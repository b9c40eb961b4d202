"""Requests that allocate so much that garbage collections happen within them."""

from __future__ import annotations

from pympler.leaks import LeakMonitor
from pympler.leaks.verdict import request_line

KEPT: list[list[int]] = []


def make_rows(number: int) -> int:
    rows = [[place] for place in range(number)]
    return len(rows)


def test_addresses_that_are_used_again_are_not_taken_for_survivors() -> None:
    monitor = LeakMonitor(sample_rate=1.0, max_overhead=1.0, deep="never")
    for _ in range(60):
        with monitor.request("report"):
            make_rows(9000)
            KEPT.append([1])
            make_rows(2000)
    monitor.summary()
    reports = [report for report in monitor.store.reports() if report.survivors]
    monitor.close()
    KEPT.clear()
    # The rows are made at the same addresses again and again; one list is what really stays.
    assert len(reports) > 20
    # What other threads make while a request runs may be among it once.
    more = [report.objects for report in reports[5:] if report.objects > 5]
    assert len(more) <= 2, more


def test_objects_out_of_sight_are_not_said_to_be_gone() -> None:
    monitor = LeakMonitor(sample_rate=1.0, max_overhead=1.0, deep="never")
    for _ in range(60):
        with monitor.request("export"):
            KEPT.append([1])
            make_rows(30_000)  # what is kept is in the oldest generation when the request ends
    summary = monitor.summary()
    blind = [report for report in monitor.store.reports() if not report.survivors]
    monitor.close()
    KEPT.clear()
    assert len(blind) > 20
    assert all(report.unfollowed for report in blind)
    assert "could not be followed" in request_line(blind[-1])
    assert summary.routes[0].verdict != "clean"
