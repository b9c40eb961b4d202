"""The markers and the fixture: what fails, what does not, and what is said."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tests.pytest_plugin.runs import QUICK, run, run_here
from tests.support import require

CASES = """
import unittest

import pytest

pytestmark = pytest.mark.no_leaks
KEPT, SEEN = [], []


class Order:
    def __init__(self):
        self.lines = [1]


def test_leak():
    KEPT.append(Order())


@pytest.fixture
def bag():
    return []


def test_what_a_fixture_gathers(bag):
    bag.append(Order())
    bag.append("x" * 1000 + str(len(bag)))


def test_once():
    assert "once" not in SEEN
    SEEN.append("once")


def test_skipped():
    pytest.skip("not today")


def test_skipped_later():
    if "later" in SEEN:
        pytest.skip("later")
    SEEN.append("later")


def test_fails():
    assert SEEN == 1


class TestOfUnittest(unittest.TestCase):
    def setUp(self):
        self.orders = [Order()]

    def tearDown(self):
        del self.orders

    def test_leak(self):
        with self.subTest("one"):
            self.orders.append(1)
        self.assertEqual(len(self.orders), 2)
        KEPT.append(self.orders)

    def test_once(self):
        self.assertNotIn("unit", SEEN)
        SEEN.append("unit")
"""


@pytest.mark.integration
def test_no_leaks(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makeconftest(QUICK)
    pytester.makepyfile(test_cases=CASES)

    result = run(pytester, monkeypatch, "-v")

    found = result.parseoutcomes()
    found.pop("subtests", None)  # since pytest 9; once each, not with every repetition
    found.pop("warnings", None)
    assert found == {"failed": 6, "passed": 1, "skipped": 1}
    result.stdout.fnmatch_lines_random(
        [
            "test_cases.py::test_leak FAILED*",
            "test_cases.py::test_leak leaks 12? B and 2 objects per run, held by test_cases.KEPT "
            "(list, +1 entry per run), stored at test_cases.py:*",
            "    stored at test_cases.py:*",
            "test_cases.py::test_once is not repeatable: it raised when it was run for the 2nd "
            "time: AssertionError:*",
            "test_cases.py::test_skipped_later is not repeatable: it was skipped when it was run "
            "for the 2nd time (later)",
            "test_cases.py::TestOfUnittest::test_leak leaks * per run, held by test_cases.KEPT*",
            "test_cases.py::TestOfUnittest::test_once is not repeatable: it did not pass when it "
            "was run again: AssertionError:*",
        ]
    )
    result.stdout.no_fnmatch_line("*test_fails is not repeatable*")


LIMITED = """
import asyncio

import pytest

KEPT = []


def add():
    KEPT.append(object())


@pytest.mark.max_memory("1 MB")
def test_needs():
    bytearray(3_000_000)


@pytest.mark.max_memory("5 MB")
def test_needs_less():
    bytearray(3_000_000)


async def wait():
    await asyncio.sleep(0)


def test_clean_functions(leak_check, caplog, capsys):
    print("before")
    assert leak_check(sorted, [2, 1], reverse=True).verdict == "clean"
    assert leak_check(wait).verdict == "clean"
    assert capsys.readouterr().out.startswith("before")


def test_a_leaking_function(leak_check):
    leak_check(add)


def test_a_function_that_raises(leak_check):
    with pytest.raises(ZeroDivisionError):
        leak_check(lambda: 1 / 0)


def test_a_loop_that_runs(leak_check):
    async def check():
        leak_check(wait)

    with pytest.raises(ValueError, match="while an event loop runs"):
        asyncio.run(check())
"""


@pytest.mark.integration
def test_limits_and_functions(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makeconftest(QUICK)
    pytester.makepyfile(test_limited=LIMITED)

    result = run(pytester, monkeypatch)

    result.assert_outcomes(passed=4, failed=2)
    result.stdout.fnmatch_lines_random(
        [
            "test_limited.py::test_needs needs 2.9 MB at a time, at most 1.0 MB are allowed",
            "add() leaks * per run, held by test_limited.KEPT (list, +1 entry per run)*",
        ]
    )


@pytest.mark.parametrize(
    ("marker", "says"),
    [
        (
            'max_growth("10 bananas")',
            "'10 bananas' is no size; write a number of bytes with a unit",
        ),
        ("max_growth", 'takes one size: write @pytest.mark.max_growth("10 KB")'),
        ("max_memory(1, 2)", 'takes one size: write @pytest.mark.max_memory("50 MB")'),
        ("max_memory(-1)", "-1 is no size"),
        ("max_memory(limit=3)", "takes one size"),
        ("max_memory(True)", "True is no size"),
        ("no_leaks(3)", "no_leaks takes no arguments: write @pytest.mark.no_leaks"),
    ],
)
def test_wrong_arguments_are_an_error_of_the_collection(
    pytester: pytest.Pytester, marker: str, says: str
) -> None:
    pytester.makepyfile(
        test_wrong=f"""
        import unittest
        import pytest

        class TestIt(unittest.TestCase):
            @pytest.mark.{marker}
            def test_it(self):
                print("ran")
        """
    )
    result = run_here(pytester, "-s")

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines([f"*test_wrong.py::TestIt::test_it: *{says}*"])
    result.stdout.no_fnmatch_line("*ran*")


def test_a_wrong_marker_that_is_added_later_fails_its_test(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import pytest

        def pytest_collection_modifyitems(items):
            items[0].add_marker(pytest.mark.max_memory("much"))
        """
    )
    pytester.makepyfile("def test_it(): pass")
    result = run_here(pytester)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*::test_it: max_memory: 'much' is no size*"])


TEARDOWN = """
import pytest

ORDER = []


@pytest.fixture(scope="module")
def shop():
    ORDER.append("made")
    yield
    raise ValueError("shop does not close")


@pytest.mark.max_memory("1 GB")
def test_one(shop):
    pass


def test_two(shop):
    assert ORDER == ["made"]


@pytest.mark.max_memory("1 GB")
def test_three(shop):
    assert ORDER == ["made"]
"""


def test_a_fixture_of_the_module_is_torn_down_once_after_the_last_test(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(test_teardown=TEARDOWN)
    result = run_here(pytester)

    result.assert_outcomes(passed=3, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_three*"])


ASYNC = """
import asyncio

import pytest

pytestmark = pytest.mark.no_leaks
LOOPS = {}


def in_one_loop(name):
    loop = asyncio.get_running_loop()
    assert LOOPS.setdefault(name, loop) is loop


@pytest.mark.asyncio
async def test_asyncio():
    await asyncio.create_task(asyncio.sleep(0))
    in_one_loop("asyncio")


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.mark.anyio
async def test_anyio():
    await asyncio.create_task(asyncio.sleep(0))
    in_one_loop("anyio")
"""


@pytest.mark.integration
def test_async_tests_run_in_one_loop(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("anyio", "pytest_asyncio"):
        require(name, find_spec(name), name)
    pytester.makepyfile(test_async=ASYNC)
    mode = ("-o", "asyncio_default_fixture_loop_scope=function")

    result = run(
        pytester, monkeypatch, "-p", "anyio.pytest_plugin", "-p", "pytest_asyncio.plugin", *mode
    )

    result.assert_outcomes(passed=2)


XDIST = """
import pytest

KEPT = []


class Order:
    pass


@pytest.mark.max_memory("1 MB")
def test_needs():
    bytearray(3_000_000)


def test_keeps():
    KEPT.extend(Order() for _ in range(500))
"""


@pytest.mark.integration
@pytest.mark.parametrize("workers", [(), ("-p", "xdist", "-n", "2")])
def test_the_summary_is_printed_once_also_with_workers(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    if workers:
        require("xdist", find_spec("xdist"), "pytest-xdist")
    pytester.makepyfile(test_kept=XDIST)

    result = run(pytester, monkeypatch, "--pympler", *workers)

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "test_kept.py::test_needs needs 2.9 MB at a time, at most 1.0 MB are allowed",
            "*= pympler: what tests kept =*",
            "* objects  test_kept.py::test_keeps: 500 test_kept.Order*",
        ]
    )
    assert result.stdout.str().count("what tests kept") == 1


def test_nothing_is_loaded_or_printed_that_nobody_asked_for(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_it():
            ours = {name for name in sys.modules if name.startswith("pympler")}
            assert ours == {"pympler_pytest", "pympler_pytest.plugin", "pympler_pytest.stash"}
        """
    )
    result = run(pytester, monkeypatch)

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*pympler*")
    assert result.stderr.str() == ""


def test_the_plugin_is_found_by_pytest_and_can_be_switched_off(pytester: pytest.Pytester) -> None:
    shown = run_here(pytester, "--markers").stdout
    shown.fnmatch_lines(["@pytest.mark.no_leaks: *", "@pytest.mark.max_growth(*", "*max_memory(*"])
    without = run_here(pytester, "--markers", "-p", "no:pympler").stdout
    without.no_fnmatch_line("*no_leaks*")
