"""A representative part of the corpus; ``make soak`` runs all of it."""

from __future__ import annotations

from collections import defaultdict

import pytest

from tests.leaks.corpus.cases import CASES, Case, expected_line
from tests.leaks.corpus.runner import check_in_process, faults

# At least one of each kind; the twins of some.
PART = {
    "flask_shop:app": ["listener", "metric", "expiring", "error", "stream-fixed", "pool-fixed"],
    "django_site.wsgi:application": ["receiver", "total", "page", "durations", "cached-fixed"],
    "django_site.asgi:application": ["tasks", "channels", "tasks-fixed"],
    "starlette_hub:app": ["poll", "timer", "background", "threaded", "client", "waiter-fixed"],
    "fastapi_api:app": ["session", "pricing", "orders", "local", "session-fixed"],
    "plain_structures:application": [
        "nested", "shards", "simple-queue", "bytes-io", "text-log", "linked", "weak-key",
        "ring-fixed",
    ],
    "plain_code:application": [
        "closure", "metaclass", "kept-error", "suspended", "loggers", "context-variable",
        "thread-local", "at-exit", "signal-chain", "kept-error-fixed", "thread",
    ],
    "plain_innocents:application": [
        "batch", "generations", "pool", "headlines", "memory-handler", "patterns", "weak-set",
    ],
}  # fmt: skip


def chosen() -> dict[str, list[Case]]:
    """The cases by application."""
    cases: defaultdict[str, list[Case]] = defaultdict(list)
    for case in CASES.values():
        if case.name.partition("/")[2] in PART.get(case.application, ()):
            cases[case.application].append(case)
    return dict(cases)


@pytest.mark.integration
@pytest.mark.long
@pytest.mark.parametrize("application", PART)
def test_the_cases_of_an_application(application: str) -> None:
    """All in one process, one after the other."""
    rows = check_in_process(chosen()[application])
    found = {row["case"]: faults(CASES[row["case"]], row) for row in rows}

    assert {name: fault for name, fault in found.items() if fault} == {}
    assert len(found) == len(PART[application])


def test_there_are_enough_cases() -> None:
    leaking = [case for case in CASES.values() if case.leaks]
    innocent = [name for name in CASES if name.startswith("innocent")]
    assert len(leaking) >= 40
    assert len(innocent) >= 25
    assert all(f"{case.name}-fixed" in CASES for case in leaking)


def test_nearly_all_say_which_line_stores() -> None:
    # Some store in more than one line, or in a library.
    missing = [name for name, case in CASES.items() if case.leaks and not expected_line(case)]
    assert len(missing) <= 6, missing
