"""How a test is repeated, confirmed and reported; the procedure that judges it is a short one."""

from __future__ import annotations

import inspect
import logging
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import pytest
from pympler_pytest import repetition
from pympler_pytest.django_client import ClientFinalizers
from pympler_pytest.growth import growth_lines, growth_of
from pympler_pytest.limits import parse_bytes
from pympler_pytest.repetition import NotRepeatableError, Repetition, judge
from pympler_pytest.watch import Confirmation

from pympler.errors import ApplicationError
from pympler.leaks.check.candidates import Key
from pympler.leaks.check.findings import Findings
from pympler.leaks.report import Suspect
from tests.pytest_plugin.runs import run_here
from tests.support import require

SUSPECT = Suspect("shop.KEPT", "list", 1.0, 64.0, "shop.py:3", "no bound seen in 5 requests")
LEAK = Findings("leak", 64.0, 1.0, (SUSPECT,))
CLEAN = Findings("clean")


@pytest.fixture(autouse=True)
def levels_as_before() -> Iterator[None]:
    """A run of pytest within pytest takes the handlers of the one around it off and on."""
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Findings]:
    """What the procedure is going to say, in place of its own; it repeats five times."""
    answer = [CLEAN]

    def examine(driven: Any, rounds: int, progress: Any, limits: Any) -> Findings:
        progress("a few runs")
        driven.send(5)
        driven.settle()
        return answer[0]

    monkeypatch.setattr(repetition, "examine", examine)
    return answer


REPEATED = """
import logging
import os
import sys
import unittest
import warnings

import pytest

pytestmark = pytest.mark.no_leaks
RUNS = []


@pytest.fixture
def patched(monkeypatch, tmp_path):
    monkeypatch.setenv("SHOP", "before")
    (tmp_path / "before").touch()
    return monkeypatch


class Order:
    pass


def test_what_pytest_gathers(patched, caplog, capsys, monkeypatch, tmp_path, recwarn):
    RUNS.append("gathers")
    assert os.environ["SHOP"] == "before" and os.listdir(tmp_path) == ["before"]
    logging.warning("hello")
    assert len(caplog.records) == 1 and caplog.text.count("hello") == 1
    print("hello")
    assert capsys.readouterr().out == "hello\\n"
    print("left")
    assert not hasattr(Order, "price") and "/shop" not in sys.path
    monkeypatch.setattr(Order, "price", 1, raising=False)
    monkeypatch.setenv("SHOP", "after")
    monkeypatch.syspath_prepend("/shop")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path / "folder")
    (tmp_path / "file").write_text("x")
    warnings.warn("hello")
    assert len(recwarn) == 1


@pytest.mark.parametrize("number", [1, 2])
def test_arguments(number, request):
    RUNS.append(number)
    warnings.warn("again")
    print(f"printed {number}")
    logging.warning("again")
    assert request.node.name == f"test_arguments[{number}]"


@pytest.mark.usefixtures("patched")
class TestMethods:
    @pytest.fixture(autouse=True)
    def prepare(self):
        self.orders = []

    def test_method(self):
        assert not hasattr(self, "seen")
        self.seen = True
        RUNS.append("method")


class TestOfUnittest(unittest.TestCase):
    def setUp(self):
        self.orders = [1]
        RUNS.append("set up")

    def tearDown(self):
        del self.orders
        RUNS.append("torn down")

    def test_method(self):
        assert not hasattr(self, "seen")
        self.seen = True
        with self.subTest("one"):
            self.orders.append(1)
        self.assertEqual(len(self.orders), 2)


class TestAsync(unittest.IsolatedAsyncioTestCase):
    async def test_method(self):
        RUNS.append("async")


@pytest.mark.no_leaks
def test_skipped():
    pytest.skip("not today")


@pytest.mark.xfail(strict=True)
def test_expected():
    RUNS.append("expected")
    raise ValueError


def teardown_module():
    names = ["gathers", 1, 2, "method", "set up", "torn down", "async", "expected"]
    print("\\nruns:", [RUNS.count(name) for name in names], file=sys.__stdout__)
"""


@pytest.mark.usefixtures("found")
def test_a_body_finds_each_time_what_it_found_first(
    pytester: pytest.Pytester, capfd: pytest.CaptureFixture[str]
) -> None:
    pytester.makepyfile(test_repeated=REPEATED)

    result = run_here(pytester, "-rA")

    found = result.parseoutcomes()
    assert (found["passed"], found["skipped"], found["xfailed"]) == (6, 1, 1)
    assert "failed" not in found
    # One of pytest's own may be there too: ours is imported, and its assertions not rewritten.
    _, _, summary = result.stdout.str().partition("warnings summary")
    listed = summary.partition("-- Docs")[0].splitlines()
    warned = [line for line in listed if line.startswith("test_repeated.py::")]
    assert warned == ["test_repeated.py::test_arguments[1]", "test_repeated.py::test_arguments[2]"]
    assert sum("UserWarning: again" in line for line in listed) == 1
    # Once as ever, and five times more; what raises is not repeated.
    assert "runs: [6, 6, 6, 6, 6, 6, 6, 1]" in capfd.readouterr().out + result.stdout.str()
    assert result.stdout.str().count("printed 1") == 1


ACCUSED = """
import unittest

import pytest

KEPT = []


class Order:
    pass


@pytest.mark.no_leaks
def test_leak():
    KEPT.append(Order())


@pytest.fixture
def bag():
    return []


@pytest.mark.no_leaks
@pytest.mark.max_growth(10)
def test_bag(bag):
    bag.append(Order())


@pytest.mark.xfail(strict=True)
@pytest.mark.no_leaks
def test_expected():
    KEPT.append(Order())


@pytest.mark.xfail
@pytest.mark.no_leaks
def test_expected_too():
    KEPT.append(Order())


class TestOfUnittest(unittest.TestCase):
    @pytest.mark.no_leaks
    def test_leak(self):
        KEPT.append(Order())


@pytest.mark.max_growth("1 KB")
def test_growth():
    KEPT.append("x" * 5000 + str(len(KEPT)))


@pytest.mark.max_growth("1 KB")
@pytest.mark.no_leaks
def test_growth_and_leak():
    KEPT.append("x" * 5000 + str(len(KEPT)))


@pytest.mark.max_growth("1 KB")
def test_once():
    assert "once" not in KEPT
    KEPT.append("once")
"""


@pytest.mark.integration
def test_only_what_outlives_its_test_is_accused(
    pytester: pytest.Pytester, found: list[Findings]
) -> None:
    found[0] = LEAK
    pytester.makepyfile(test_accused=ACCUSED)

    result = run_here(pytester, "-v")

    result.assert_outcomes(failed=5, passed=1, xfailed=2)
    result.stdout.fnmatch_lines(
        [
            "*::test_bag PASSED*",
            "test_accused.py::test_leak leaks 64 B and 1 object per run, held by shop.KEPT (list, "
            "+1 entry per run), stored at shop.py:3",
            "    held by shop.KEPT (list): no bound seen in 5 runs",
            "    stored at shop.py:3",
            "    run 5 times",
            "test_accused.py::TestOfUnittest::test_leak leaks *",
            "test_accused.py::test_growth grows by 4.9 KB per run, at most 1.0 KB are allowed",
            "    allocated at test_accused.py:*: 4.9 KB per run",
            "    held by shop.KEPT*",
            "test_accused.py::test_growth_and_leak grows by *",
            "test_accused.py::test_growth_and_leak leaks *",
            "test_accused.py::test_once is not repeatable: it raised when it was run for the 2nd *",
        ]
    )


def test_what_grows_by_things_that_were_there_outlives_its_test() -> None:
    kept, texts = [1], {"log": "a" * 100}
    grown: dict[Key, float] = {id(kept): 1.0, (id(texts), id("log")): 9.0}

    def outlives(add: Callable[[], object], let_go: Callable[[], object]) -> bool:
        confirmation = Confirmation(grown)
        confirmation.repeat(Repetition(add))
        let_go()
        return confirmation.outlived()

    def add_text() -> None:
        texts["log"] += "some text"

    assert outlives(lambda: kept.append(1), lambda: None)
    assert not outlives(lambda: kept.append(1), kept.clear)
    assert outlives(add_text, lambda: None)
    assert not outlives(lambda: None, lambda: None)


def test_what_the_test_client_of_django_connects_is_let_go_of() -> None:
    from django.core.signals import request_started
    from django.db import close_old_connections, reset_queries
    from django.dispatch import Signal
    from django.test.client import RequestFactory

    # Later versions of Django make none, so that nothing is left to be let go of.
    makes_some = "weakref.finalize" in inspect.getsource(Signal.connect)
    factory = RequestFactory()  # what the client is, too
    finalizers = ClientFinalizers()
    own = weakref.finalize(close_request := lambda: None, print)
    own.atexit = False
    request_started.connect(close_request)
    request_started.disconnect(close_request)
    for _ in range(3):
        request_started.disconnect(close_old_connections)
        request_started.connect(close_old_connections)
        request_started.disconnect(reset_queries)
        request_started.connect(reset_queries)
        request_started.connect(factory.get, dispatch_uid="client")
    request_started.disconnect(dispatch_uid="client")
    alive = [each.peek()[0] for each in finalizers.new()]
    assert alive.count(close_old_connections) == 3 * makes_some
    finalizers.forget()

    left = finalizers.new()
    assert [each.peek()[0] for each in left] == [close_request] * (1 + makes_some)
    for each in left:
        each.detach()


FLAKY = """
import pytest

RUNS = []


@pytest.mark.flaky(reruns=2)
@pytest.mark.no_leaks
def test_flaky():
    RUNS.append(1)
    assert len(RUNS) > 2


@pytest.mark.flaky(reruns=1)
@pytest.mark.no_leaks
def test_never():
    assert not RUNS
"""


@pytest.mark.integration
def test_a_test_that_fails_is_run_again_where_that_is_asked_for(
    pytester: pytest.Pytester, found: list[Findings]
) -> None:
    name = "pytest_rerunfailures"
    require(name, find_spec(name), "pytest-rerunfailures")
    pytester.makepyfile(test_again=FLAKY)

    run_here(pytester).assert_outcomes(passed=1, failed=1)


ASYNC = """
import asyncio

import pytest

pytestmark = pytest.mark.no_leaks
LOOPS = []


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.mark.anyio
async def test_anyio():
    await asyncio.create_task(asyncio.sleep(0))
    LOOPS.append(asyncio.get_running_loop())


def test_loops():
    assert len(LOOPS) == 6 and len(set(LOOPS)) == 1
"""


GATHERED = """
import os

import pytest

pytestmark = pytest.mark.no_leaks
SEEN = []


def test_properties(record_property, request):
    record_property("seen", len(SEEN))
    SEEN.append(request.node)


@pytest.mark.usefixtures("patched_by_mocker")
def test_mocker(mocker):
    assert os.sep == "!" and os.getpid() != 3
    mocker.patch("os.getpid", return_value=3)
    assert os.getpid() == 3


@pytest.fixture
def patched_by_mocker(mocker):
    mocker.patch("os.sep", "!")


def test_subtests(subtests):
    for number in range(3):
        with subtests.test(number=number):
            assert number < 3


def test_subtests_that_fail_later(subtests):
    SEEN.append("sub")
    with subtests.test():
        assert SEEN.count("sub") < 2


def teardown_module():
    assert SEEN[0].user_properties == [("seen", 0)]
"""


@pytest.mark.usefixtures("found")
def test_what_other_plugins_gather_is_let_go_of(pytester: pytest.Pytester) -> None:
    names = {"mocker": find_spec("pytest_mock"), "subtests": find_spec("_pytest.subtests")}
    missing = [name for name, there in names.items() if not there]
    pytester.makepyfile(test_gathered=GATHERED)
    chosen = [name for name in ["properties", *names] if name not in missing]

    result = run_here(pytester, "-k", " or ".join(chosen))

    found = result.parseoutcomes()
    assert found["passed"] == len(chosen)
    assert "errors" not in found
    if "subtests" in chosen:
        assert found["failed"] == 1
        result.stdout.fnmatch_lines(
            ["*is not repeatable: it failed in a subtest when it was run *"]
        )


def test_only_the_setup(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("import pytest\n@pytest.mark.no_leaks\ndef test_it(): pass")
    assert run_here(pytester, "--setup-only").ret == pytest.ExitCode.OK


@pytest.mark.usefixtures("found")
def test_a_test_of_anyio_is_repeated_in_one_loop(pytester: pytest.Pytester) -> None:
    require("anyio", find_spec("anyio"), "anyio")
    pytester.makepyfile(test_anyio=ASYNC)

    run_here(pytester).assert_outcomes(passed=2)


def test_leak_check_says_what_the_procedure_says(
    pytester: pytest.Pytester, found: list[Findings]
) -> None:
    found[0] = LEAK
    pytester.makepyfile(
        """
        import asyncio

        async def wait(number):
            await asyncio.sleep(0)

        def test_wait(leak_check, caplog, capsys):
            print("before")
            leak_check(wait, number=3)

        def test_once(leak_check):
            leak_check(iter([1, 2, 3]).__next__)
        """
    )
    result = run_here(pytester)

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "wait() leaks 64 B and 1 object per run, held by shop.KEPT*",
            "*__next__() is not repeatable: it raised when it was run for the 4th time: "
            "StopIteration",
        ]
    )


def test_the_summary_tells_what_tests_kept(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_kept="""
        class Order:
            pass

        KEPT = []

        def test_keeps():
            KEPT.extend(Order() for _ in range(500))

        def test_nothing():
            pass
        """
    )
    result = run_here(pytester, "--pympler")

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        ["*= pympler: what tests kept =*", "* objects  test_kept.py::test_keeps: 500 *Order*"]
    )


def test_what_cannot_be_judged_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def examine(*_: object) -> Findings:
        raise ApplicationError("took too long")

    monkeypatch.setattr(repetition, "examine", examine)
    verdict = judge("test_it", Repetition(dict))

    assert not verdict.leaks
    assert verdict.headline == "test_it could not be judged: it took too long"


def test_what_a_fixture_keeps_is_called_by_the_name_of_the_fixture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    way = "test_shop.__loader__.session.items[9].funcargs['cart'].lines"
    found = Findings("leak", 64.0, 1.0, (replace(SUSPECT, holder=way),))
    monkeypatch.setattr(repetition, "examine", lambda *arguments: found)
    verdict = judge("test_shop", Repetition(lambda: None))

    assert "held by fixture cart.lines (list, +1 entry per run)" in verdict.headline
    assert verdict.details[0].startswith("held by fixture cart.lines (list)")


def test_the_end_of_pytest_and_of_the_user_pass_through() -> None:
    for error in (pytest.exit.Exception("enough"), KeyboardInterrupt()):

        def run(error: BaseException = error) -> None:
            raise error

        with pytest.raises(type(error)):
            Repetition(run).send(1)


def test_a_repetition_has_no_counterpart_and_lets_time_pass() -> None:
    repeated = Repetition(dict)
    repeated.wait(0.0)
    with pytest.raises(LookupError):
        repeated.send_elsewhere(1)


def test_growth_is_counted_in_bytes_and_tracing_is_left_as_found() -> None:
    kept: list[object] = []
    repeated = Repetition(lambda: kept.append(bytes(2000)))
    assert 2000 <= growth_of(repeated) < 2500
    assert not tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        lines = growth_lines(repeated)
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()
    assert lines[0].startswith("allocated at tests/pytest_plugin/test_protocol.py:")


def test_growth_of_what_cannot_be_repeated() -> None:
    with pytest.raises(NotRepeatableError, match="3rd time: StopIteration"):
        growth_of(Repetition(iter([1]).__next__))


@pytest.mark.parametrize(
    ("size", "number"),
    [
        (0, 0),
        (300, 300),
        ("300", 300),
        ("10 KB", 10_240),
        ("10kb", 10_240),
        ("1.5 KiB", 1536),
        (" 2 MB ", 2 << 20),
        ("1 GB", 1 << 30),
        ("7 B", 7),
    ],
)
def test_sizes(size: object, number: int) -> None:
    assert parse_bytes(size) == number


@pytest.mark.parametrize(
    "size", ["", "KB", "10 bananas", "10 KBB", "-1", -1, 1.5, None, True, "1 K"]
)
def test_what_is_no_size(size: object) -> None:
    with pytest.raises(ValueError, match="is no size"):
        parse_bytes(size)
