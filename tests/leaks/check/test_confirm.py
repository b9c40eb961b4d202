"""Confirmation, with lengths written out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pympler.errors import ApplicationError
from pympler.leaks.bounds import Declared
from pympler.leaks.check.candidates import Candidate
from pympler.leaks.check.confirm import Limits, confirm

LIMITS = Limits(least_s=0.0)


class Requests:
    """Counts the requests that are sent."""

    def __init__(self, fail_at: int | None = None) -> None:
        self.sent = 0
        self.waited_s = 0.0
        self.fail_at = fail_at

    def wait(self, seconds: float) -> None:
        self.waited_s += seconds

    def send(self, count: int) -> None:
        self.sent += count
        if self.fail_at is not None and self.sent >= self.fail_at:
            raise ApplicationError("raised OSError")


def candidate(length: Callable[[], int | None], growth: float = 1.0) -> Candidate:
    return Candidate(
        path="shop.CACHE",
        type="dict",
        application=True,
        length=length,
        entries=list,
        table_bytes=int,
        growth=growth,
    )


def judge(
    length: Callable[[int], int | None],
    growth: float = 1.0,
    fail_at: int | None = None,
    limits: Limits = LIMITS,
) -> tuple[Candidate, int]:
    requests = Requests(fail_at)
    one = candidate(lambda: length(requests.sent), growth)
    sent = confirm([one], requests.send, requests.wait, lambda done, of: None, limits)
    return one, sent


def test_what_keeps_growing_is_a_leak() -> None:
    one, sent = judge(lambda sent: sent)
    assert (one.verdict, one.evidence, sent) == ("leak", "no bound seen in 1,500 requests", 1500)
    assert one.growth == 1.0


def test_a_leak_of_one_request_in_ten() -> None:
    assert judge(lambda sent: sent // 10, growth=0.1)[0].verdict == "leak"


@pytest.mark.parametrize("bound", [100, 700, 1100])
def test_what_stops_growing_is_bounded(bound: int) -> None:
    one, sent = judge(lambda sent: min(sent, bound))
    assert (one.verdict, one.evidence) == ("bounded", f"stopped growing at {bound}")
    assert sent <= 1500


def test_what_is_emptied_at_times_is_bounded() -> None:
    one, sent = judge(lambda sent: sent % 400)
    assert (one.verdict, one.evidence, one.seen_bound) == ("bounded", "was emptied at 399", 399)
    assert sent == 400


def test_what_half_empties_itself_is_bounded() -> None:
    one, _ = judge(lambda sent: 300 + sent % 300)
    assert one.verdict == "bounded"


def test_a_few_entries_that_go_at_once_are_no_bound() -> None:
    one, _ = judge(lambda sent: sent + (5 if sent % 2 else 0))
    assert one.verdict == "leak"


def test_what_is_gone_is_bounded() -> None:
    one, _ = judge(lambda sent: sent if sent < 50 else None)
    assert (one.verdict, one.evidence) == ("bounded", "is no longer where it was")


def test_a_declared_bound_needs_no_requests() -> None:
    requests = Requests()
    one = candidate(lambda: requests.sent)
    one.bound = 10_000
    assert confirm([one], requests.send, requests.wait, lambda done, of: None, LIMITS) == 0
    assert (one.verdict, one.evidence) == ("bounded", "declares a bound of 10000")


@pytest.mark.parametrize(("declared", "verdict"), [(5000, "bounded"), (1000, "leak")])
def test_the_bound_that_an_owner_declares_counts_while_it_is_kept(
    declared: int, verdict: str
) -> None:
    requests = Requests()
    one = candidate(lambda: requests.sent)
    one.declared = Declared(declared)
    confirm([one], requests.send, requests.wait, lambda done, of: None, LIMITS)
    assert one.verdict == verdict


def test_what_is_emptied_by_the_clock_is_given_time() -> None:
    requests = Requests()
    one = candidate(lambda: requests.sent if not requests.waited_s else 1)
    sent = confirm([one], requests.send, requests.wait, lambda done, of: None, Limits())
    assert (one.verdict, one.evidence, sent) == ("bounded", "was emptied at 1250", 1260)
    assert requests.waited_s == pytest.approx(Limits().least_s, abs=1)


def test_no_more_requests_are_sent_than_are_left() -> None:
    requests = Requests()
    one = candidate(lambda: requests.sent)
    assert confirm([one], requests.send, requests.wait, lambda done, of: None, LIMITS, 907) == 900


def test_what_slows_down_is_watched_longer() -> None:
    one, sent = judge(lambda sent: min(sent, 1400))
    assert (one.verdict, sent) == ("bounded", 1750)


def test_what_grows_in_turns_is_judged_at_the_end() -> None:
    requests = Requests()
    one = candidate(lambda: requests.sent if requests.sent % 500 > 250 else requests.sent // 500)
    one.length = lambda: (requests.sent // 500) * 400
    one.patient = True
    confirm([one], requests.send, requests.wait, lambda done, of: None, LIMITS)
    assert one.verdict == "leak"


def test_what_fills_in_turns_is_bounded() -> None:
    requests = Requests()
    one = candidate(lambda: min(requests.sent, 1300))
    one.patient = True
    sent = confirm([one], requests.send, requests.wait, lambda done, of: None, LIMITS)
    assert (one.verdict, one.evidence, sent) == ("bounded", "stopped growing at 1300", 2000)


def test_a_failure_long_after_the_start_does_not_hide_the_leak() -> None:
    one, sent = judge(lambda sent: sent, fail_at=605)
    assert one.verdict == "leak"
    assert one.evidence == (
        f"no bound seen in {sent:,} requests, then the application failed: raised OSError"
    )


def test_a_failure_at_the_start_is_one() -> None:
    with pytest.raises(ApplicationError):
        judge(lambda sent: sent, fail_at=50)
