"""Histories of routes and the suspects they feed, with values written by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pympler.leaks.attribution import OTHER_ROUTES, RouteHistory, Routes
from pympler.leaks.bounds import Declared
from pympler.leaks.evidence import WindowResult
from pympler.leaks.holders import Holder, HolderSearch
from pympler.leaks.investigation import Investigation, Search
from pympler.leaks.report import RouteSummary, TypeCount
from pympler.leaks.suspects import LiveSuspect
from tests.leaks.values import result

KEY = ("GET", "/cart")
OTHER = ("GET", "/other")


def history(*results: WindowResult, requests: int = 100) -> RouteHistory:
    """A history after its warm-up."""
    made = RouteHistory(KEY, requests=requests)
    for each in (result(), result(), *results):
        made.add(each, (TypeCount("Order", 1, 100),))
    return made


def suspect(
    *,
    length: int | None = 10,
    bound: int | None = None,
    exact: bool = True,
    path: str = "shop.CACHE",
) -> LiveSuspect:
    class Fixed:
        def __init__(self) -> None:
            self.items = [0] * 10

        def resolve(self) -> list[int]:
            return self.items

    holder = Holder(path, "dict", Fixed(), length, bound, 5, 5)  # type: ignore[arg-type]
    return LiveSuspect.watch(KEY, holder, [], 50, exact=exact, suspected_after=50)


ORDER = result({"Order": 1})
SHARED = result({"Order": 1}, exact=False)


def test_the_first_windows_are_warm_up() -> None:
    made = RouteHistory(KEY)
    for _ in range(2):
        made.add(ORDER, ())

    assert (made.windows, list(made.results)) == (2, [])


def test_results_are_bounded() -> None:
    assert len(history(*[ORDER] * 500).results) == 32


def test_exact_windows_are_preferred_once_there_are_five() -> None:
    assert len(history(*[SHARED] * 10, *[ORDER] * 4).usable()) == 14
    assert len(history(*[SHARED] * 10, *[ORDER] * 5).usable()) == 5


def test_what_no_collection_has_seen_is_ignored_where_collections_were_seen() -> None:
    unseen, cleared = result({"list": 3}, collected=False), result(collected=True)
    nothing = result(collected=False)

    assert len(history(*[unseen] * 10, *[cleared] * 4).usable()) == 14
    assert len(history(*[unseen] * 10, *[cleared] * 5, nothing).usable()) == 6


def test_windows_that_left_nothing_do_not_hide_a_leak_that_gc_has_not_seen() -> None:
    unseen, nothing = result({"Order": 1}, collected=False), result(collected=False)

    made = history(*[unseen, nothing] * 8)

    assert made.is_suspicious()
    assert made.judge([]).verdict is None


def test_a_search_puts_the_next_one_off() -> None:
    made = history(*[ORDER] * 6, requests=100)
    assert made.is_suspicious()

    made.back_off(released=True)

    assert not made.is_suspicious()
    made.requests = 200
    assert made.is_suspicious()


def test_verdicts_without_a_suspect() -> None:
    garbage = result({"list": 30}, collected=False)
    searched = history(*[garbage] * 8)
    searched.back_off(released=False)

    assert history(result()).judge([]).verdict is None
    assert history(*[result()] * 6).judge([]).verdict == "clean"
    assert "search" in history(*[ORDER] * 6).judge([]).headline
    assert "alone" in history(*[SHARED] * 6).judge([]).headline
    assert searched.judge([]).verdict == "cyclic-garbage"


def test_a_holder_that_let_go_again_makes_a_route_clean() -> None:
    made = history(*[ORDER] * 6)
    made.back_off(released=True)

    summary = made.judge([])

    assert (summary.verdict, summary.objects_per_request, summary.bytes_per_request) == (
        "clean",
        0,
        0,
    )


def test_a_suspect_is_watched_then_confirmed() -> None:
    one, route = suspect(), history(*[ORDER] * 6)
    waiting = route.judge([one])
    for _ in range(3):
        one.add_delta(KEY, 1)
    changed = [one.read(50 + number, 10 + number) for number in range(0, 450, 10)]
    summary = route.judge([one])

    assert waiting.verdict is None
    assert "watching whether it keeps growing" in waiting.headline
    assert changed.count(True) == 1
    assert summary.verdict == "leak"
    assert summary.suspects[0].growth_per_request == 1.0
    assert "shop.CACHE" in summary.headline


def test_a_suspect_that_stops_growing_is_bounded() -> None:
    one = suspect()
    for number in range(0, 450, 10):
        one.read(50 + number, min(10 + number, 60))

    summary = history(*[ORDER] * 6).judge([one])

    assert (summary.verdict, summary.suspects[0].bound) == ("bounded", 60)


def test_a_declared_bound_needs_no_watching() -> None:
    one = suspect(bound=128)

    assert one.verdict == "bounded"
    assert not one.read(1000, 10**6)
    assert history(*[ORDER] * 6).judge([one]).suspects[0].bound == 128


def test_a_suspect_that_is_gone_accuses_nobody() -> None:
    one = suspect()

    assert one.read(60, None)
    assert one.verdict == "gone"
    assert history(*[ORDER] * 6).judge([one]).verdict is None


def test_a_holder_without_a_length_is_judged_by_what_it_still_holds() -> None:
    leaking, cleared = suspect(length=None), suspect(length=None)

    leaking.confirm_held(8, 10)
    cleared.confirm_held(7, 10)

    assert (leaking.verdict, cleared.verdict) == ("leak", "bounded")


def test_who_feeds_a_suspect_is_known_from_requests_that_were_alone() -> None:
    one = suspect()
    one.verdict = "leak"
    for _ in range(5):
        one.add_delta(KEY, 0)
        one.add_delta(OTHER, 2)

    assert not one.is_fed_by(KEY)
    assert one.is_fed_by(OTHER)
    assert one.growth_per_request(OTHER) == 2.0


def test_no_route_is_accused_whose_requests_were_not_seen_to_add_to_it() -> None:
    # Its survivors are gone, and another route keeps objects that were given their ids.
    one = suspect()
    for number in range(0, 450, 10):
        one.read(50 + number, 10 + number)

    assert one.verdict is None
    assert not one.is_mistaken()


@pytest.mark.parametrize("own", [3, 0])
def test_who_adds_to_a_suspect_is_asked_anew_if_it_is_not_the_route_that_led_to_it(
    own: int,
) -> None:
    made = Investigation("evidence")
    one = suspect()
    made.suspects.append(one)
    made.routes.of(KEY).requests = 50
    for _ in range(own):
        made.read_lengths(KEY, {one: 10}, alone=True)
    requests = 0
    while made.suspects[0].verdict is None and requests < 4000:
        requests += 10
        made.suspects[0].holder.handle.items += [0] * 10  # type: ignore[union-attr]
        made.routes.of(OTHER).requests += 10
        made.routes.of(KEY).requests += 10
        (watched,) = made.suspects
        before = watched.length()
        assert before is not None
        made.read_lengths(OTHER, {watched: before - 1}, alone=True)

    (watched,) = made.suspects
    assert watched.verdict == "leak"
    assert [watched.is_fed_by(key) for key in (KEY, OTHER)] == [False, True]


def test_what_was_found_among_others_is_blamed_on_nobody() -> None:
    one = suspect(exact=False)
    one.verdict = "leak"

    assert not one.is_fed_by(KEY)


def test_the_number_of_routes_is_bounded() -> None:
    routes = Routes()
    for number in range(600):
        routes.of(("GET", f"/{number}")).requests += 1

    assert len(list(routes)) == 501
    assert routes.of(("GET", "/new")).key == ("", OTHER_ROUTES)
    assert routes.of(("GET", "/0")).key == ("GET", "/0")


def test_what_is_known_by_route_of_a_suspect_is_bounded_too() -> None:
    made = Investigation("never")
    one = suspect()
    made.suspects.append(one)

    for number in range(700):
        made.read_lengths(("", f"job:{number}"), {one: 9}, alone=True)

    assert len(one.deltas) <= 501


def test_a_search_that_failed_is_put_off() -> None:
    made = Investigation("never")
    route = made.routes.of(KEY)
    route.requests = 100
    for _ in range(8):
        route.add(ORDER, ())
    (search,) = made.next_searches()

    made.take_outcome(search, None)

    assert made.next_searches() == []


def test_an_outcome_becomes_a_suspect_once() -> None:
    made = Investigation("never")
    route = made.routes.of(KEY)
    outcome = HolderSearch((suspect().holder,), 10, 0, 10)
    for _ in range(2):
        made.take_outcome(Search(route, [], exact=True), outcome)

    assert [each.holder.path for each in made.suspects] == ["shop.CACHE"]
    assert not outcome.released
    assert HolderSearch((), 1, 1, 10).released


@pytest.mark.parametrize(
    ("path", "verdict"),
    [
        ("shop.Chain.head", "leak"),
        ("shop.Chain.head.prev.prev", "leak"),
        ("shop.Chain", "leak"),
        ("shop", "bounded"),
        ("shop.Chain.header", "bounded"),
        ("shop.LOG", "bounded"),
    ],
)
def test_a_chain_is_found_again_though_it_begins_with_other_links(path: str, verdict: str) -> None:
    made = Investigation("never")
    one = suspect(length=None, path="shop.Chain.head")
    made.suspects.append(one)
    again = suspect(length=None, path=path).holder
    again = replace(again, windows=10)
    made.take_outcome(
        Search(made.routes.of(KEY), [], exact=True, again=one),
        HolderSearch((again,), 10, 0, 10),
    )

    assert one.verdict == verdict


def test_a_share_of_zero_traces_nothing_and_a_share_of_one_everything() -> None:
    for deep, traced in ((0, 0), (0.0, 0), (1, 3), ("evidence", 3)):
        made = Investigation(deep)
        one = suspect()
        one.verdict = "leak"
        made.suspects.append(one)
        made._seek()

        assert sum(made.tracer() is not None for _ in range(3)) == traced


def test_requests_that_cannot_add_to_a_suspect_are_not_traced() -> None:
    made = Investigation("evidence")
    one = suspect()
    one.verdict = "leak"
    for _ in range(3):
        one.add_delta(KEY, 1)
    made.suspects.append(one)
    made._seek()

    assert [made.tracer("GET", path) is not None for path in ("/", "/cart/7", "/cart")] == [
        False,
        False,
        True,
    ]
    assert made.tracer("POST", "/cart") is None
    assert made.tracer() is not None  # nothing is known of what begins
    one.traces = 300  # the line was not where it should be
    assert one.may_be_fed_at("POST", "/elsewhere")


def test_requests_that_show_a_line_at_once_are_traced_first() -> None:
    made = Investigation("evidence")
    known, unknown = suspect(path="shop.KNOWN"), suspect(path="shop.UNKNOWN", exact=False)
    known.verdict = unknown.verdict = "leak"
    for _ in range(3):
        known.add_delta(KEY, 1)
    made.suspects += [known, unknown]
    made._seek()
    made._random.random = lambda: 0.15  # type: ignore[method-assign]

    assert made.tracer("GET", "/elsewhere") is None
    tracer = made.tracer("GET", "/cart")
    assert tracer is not None
    assert set(tracer.lines()) == {known, unknown}
    known.stored_at = "shop/cart.py:41"
    made._seek()
    assert made.tracer("GET", "/elsewhere") is not None


def confirmed(*, growth: float = 0.2) -> LiveSuspect:
    """A suspect that was found among others and grows by so many entries per request."""
    one = suspect(exact=False)
    assert one.lengths is not None
    for requests in range(0, 2500, 25):
        one.read(50 + requests, 10 + int(growth * requests))
    assert one.verdict == "leak"
    return one


def traced(one: LiveSuspect, route: str, *grown: int) -> None:
    for each in grown:
        one.add_likely(("GET", route), each)


def fed_by(one: LiveSuspect) -> list[str]:
    return [route for _, route in one.likely if one.is_fed_by(("GET", route))]


def test_traced_requests_name_the_route_that_feeds_a_suspect_at_any_overlap() -> None:
    one = confirmed()
    traced(one, "/leak", 1, 1, 1, 1)
    traced(one, "/cart", 0, 0, 0, 0, 0, 1, 0)  # another thread, just then
    traced(one, "/", *[0] * 8)

    assert fed_by(one) == ["/leak"]
    assert one.has_route
    assert one.growth_per_request(("GET", "/leak")) == 1.0


def test_two_routes_may_feed_a_suspect() -> None:
    one = confirmed(growth=0.6)
    traced(one, "/a", 1, 1, 1, 1)
    traced(one, "/b", 1, 0, 1, 1, 0)
    traced(one, "/c", 0, 0, 0, 0)

    assert fed_by(one) == ["/a", "/b"]


def test_coincidences_do_not_explain_what_the_route_that_was_not_traced_adds() -> None:
    one = confirmed(growth=0.5)
    traced(one, "/cart", *[0, 0, 0, 0, 0, 1] * 3)
    assert fed_by(one) == []

    traced(one, "/leak", *[1] * 18)
    assert fed_by(one) == ["/leak"]


def test_few_traces_name_nobody() -> None:
    one = confirmed()
    traced(one, "/leak", 1, 1)

    assert not one.has_route
    assert one.lacks_line
    one.stored_at = "shop.py:1"
    assert one.lacks_line  # and the route is looked for
    traced(one, "/leak", 1)
    assert not one.lacks_line


def test_a_suspect_wants_fewer_traces_the_longer_it_lasts() -> None:
    one = confirmed()
    chances = [one.wants_trace((number % 100) / 100) for number in range(3000)]

    assert all(chances[:3])
    assert 20 <= sum(chances[:100]) <= 30
    assert 80 <= sum(chances) <= 150
    assert not any(chances[2000:])


def test_a_leak_that_only_shared_windows_have_seen_claims_no_bytes() -> None:
    one = confirmed()
    traced(one, "/cart", 1, 1, 1)
    shared = history(*[result({"Order": 30}, exact=False)] * 6, requests=700)

    summary = shared.judge([one])

    assert (summary.verdict, summary.bytes_per_request, summary.objects_per_request) == (
        "leak",
        0.0,
        0.0,
    )
    assert summary.headline == ("GET /cart leaks, held by shop.CACHE (dict, +1 entry per request)")


def test_what_has_no_length_is_not_suspected_among_others() -> None:
    made = Investigation("evidence")
    shared, alone = (history(*[ORDER] * 6) for _ in range(2))
    found = HolderSearch((suspect(length=None).holder,), 6, 0, 6)

    made.take_outcome(Search(shared, [], exact=False), found)
    assert made.suspects == []
    made.take_outcome(Search(alone, [], exact=True), found)
    assert len(made.suspects) == 1


def test_while_a_suspect_found_among_others_is_undecided_no_shared_route_is_searched() -> None:
    made = Investigation("evidence")
    for route in ("/a", "/b"):
        for _ in range(8):
            made.record(("GET", route), SHARED, ())
        made.routes.of(("GET", route)).requests = 100
    first, _ = made.next_searches()  # one walk for both
    made.take_outcome(first, HolderSearch((suspect().holder,), 6, 0, 6))
    assert made.next_searches() == []

    (watched,) = made.suspects
    watched.verdict = "bounded"
    (second,) = made.next_searches()
    assert second.history is not first.history


def test_a_small_cache_of_one_route_among_many_is_given_the_time_to_fill() -> None:
    one = suspect(exact=False)
    for requests in range(0, 6000, 20):
        one.read(50 + requests, 10 + min(requests // 20, 250))
        assert one.verdict != "leak"

    assert one.verdict == "bounded"


def passing(one: LiveSuspect, route: str, added: int, removed: int) -> None:
    """Traced requests that add an entry and remove it again; some of that is not seen."""
    for number in range(max(added, removed)):
        seen = int(number < removed)
        one.add_likely(("GET", route), int(number < added) - seen, removed=seen)


def test_requests_that_remove_what_they_add_feed_nothing() -> None:
    one = confirmed()
    passing(one, "/cart", 12, 8)
    passing(one, "/", 5, 9)
    assert fed_by(one) == []

    passing(one, "/forgetful", 10, 0)
    assert fed_by(one) == ["/forgetful"]


@pytest.mark.parametrize("requests", [100, 2000])
def test_no_route_is_blamed_for_a_queue_that_others_work_off(requests: int) -> None:
    made = Investigation("never")
    one = confirmed(growth=0.2)
    made.suspects.append(one)
    routes = [("GET", route) for route in ("/a", "/b", "/c")]
    for key in routes:
        for _ in range(5):
            one.add_delta(key, 1, 10)
        made.routes.of(key).requests = 100_000  # those since its length was read tell nothing
        one.until[key] = 10 + requests

    blamed = {row.route for row in made.summaries() if row.verdict == "leak"}

    assert blamed == ({"/a", "/b", "/c"} if requests == 100 else set())
    assert [each.holder for each in made.unattributed()] == ["shop.CACHE"] * (requests == 2000)


def test_routes_whose_entries_stay_are_blamed_however_many() -> None:
    made = Investigation("never")
    one = confirmed(growth=1.0)
    made.suspects.append(one)
    for route in ("/a", "/b"):
        for _ in range(5):
            one.add_delta(("GET", route), 1, 10)
        made.routes.of(("GET", route)).requests = one.until["GET", route] = 1260

    assert [row.verdict for row in made.summaries()] == ["leak", "leak"]


@pytest.mark.parametrize("routes", [["/health"], ["/health", "/cart"]])
def test_a_route_that_is_ignored_is_accused_neither_aloud_nor_in_the_summary(
    routes: list[str],
) -> None:
    made = Investigation("never", ignores=lambda route: route == "/health")
    one = confirmed(growth=1.0)
    made.suspects.append(one)
    made.confirmed.append(one)
    for route in routes:
        for _ in range(5):
            one.add_delta(("GET", route), 1, 10)
        made.routes.of(("GET", route)).requests = one.until["GET", route] = 1260

    reported = routes[1:]
    accused = made.take_accusations(everything=True)
    assert [one.route for one in accused if isinstance(one, RouteSummary)] == reported
    assert [row.route for row in made.summaries()] == reported
    assert len(accused) == len(reported)
    assert made.unattributed() == ()


def test_bounds_of_the_parts_are_none_of_what_gets_more_and_more_parts() -> None:
    one = suspect(bound=110)
    one.holder = replace(one.holder, parts=5)
    assert one.verdict == "bounded"
    for _ in range(3):
        one.add_delta(KEY, 1)
    verdicts = []
    for requests in range(0, 900, 5):
        one.read(50 + requests, 10 + requests)
        verdicts.append(one.verdict)

    assert verdicts[20] == "bounded"
    assert verdicts[-1] == "leak"


@pytest.mark.parametrize(("parts", "verdict"), [(0, "leak"), (6, "leak"), (20, None)])
def test_the_last_few_of_each_of_several_things_are_no_leak(parts: int, verdict: str) -> None:
    one = suspect()
    one.holder = replace(one.holder, parts=parts)
    for _ in range(3):
        one.add_delta(KEY, 1)
    for requests in range(0, 450, 5):
        one.read(50 + requests, 10 + requests)

    assert one.verdict == verdict
    assert ("spread over 6 containers" in one.evidence) == (parts == 6)


def test_the_length_of_parts_is_read_at_once() -> None:
    one = suspect(length=3)
    shards = one.holder.handle.resolve()  # type: ignore[union-attr]
    shards[:] = [[1], [2]]
    one.holder = replace(one.holder, parts=2)
    read = one.reader()
    shards[0].append(3)

    assert (one.length(), read(), one.reads) == (5, 5, 3)
    one.holder = replace(one.holder, handle=None)
    assert one.reader()() is None


def test_a_bound_is_one_of_each_part() -> None:
    one = suspect()
    one.holder = replace(one.holder, parts=6, declared=Declared(owner=100))
    for _ in range(3):
        one.add_delta(KEY, 1)
    for requests in range(0, 450, 5):
        one.read(50 + requests, 10 + requests)

    assert one.verdict == "bounded"


def test_traces_and_windows_alone_tell_of_a_route_together() -> None:
    one = confirmed()
    traced(one, "/leak", 1, 1)
    one.add_delta(("GET", "/leak"), 1)

    assert fed_by(one) == ["/leak"]
    assert one.growth_per_request(("GET", "/leak")) == 1.0
