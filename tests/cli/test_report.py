"""``pympler report`` as it is typed: what it says of a store, and its exit codes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from pympler.cli import main
from pympler.leaks.report import LeakSummary, Suspect
from pympler.store.sqlite import SqliteStore
from tests.leaks.values import a_route
from tests.store.stores import said_by


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/shop.db"


def fill(url: str, *summaries: LeakSummary) -> None:
    with SqliteStore(url.removeprefix("sqlite:///")) as store:
        for summary in summaries:
            store.save_summary(summary)
        store.probe()
        store.flush()


def worker(pid: int, verdict: str | None = "leak", **changes: Any) -> LeakSummary:
    now = time.time()
    route = a_route(verdict=verdict, windows=pid)
    values = {"started_at": now - 3600, "taken_at": now - 30, "verdict": verdict}
    return said_by(pid, routes=(route,), **{**values, **changes})


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["report", *arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_all_workers_in_words(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    fill(url, worker(1), worker(2, "clean", dropped=3), worker(3, release="1.3"))

    code, out, _ = run(capsys, "--store", url)

    lines = out.splitlines()
    assert code == 0
    assert lines[0] == "shop: leak (1500 requests, 3 workers)"
    assert lines[1].startswith("  !! ")
    assert lines[2] == "       said by 2 of 3 workers"
    assert lines[3] == "releases:"
    assert any(
        line.startswith("  1.2 on web: leak, 2 workers, 1000 requests, last") for line in lines
    )
    assert any("3 reports dropped" in line for line in lines)
    assert sum(line.startswith("  web.") for line in lines) == 3


def test_what_no_route_is_blamed_for_is_said_too(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    slow, fast = (Suspect("shop.SEEN", "set", growth, 0.0) for growth in (0.1, 0.5))
    fill(
        url,
        worker(1, unattributed=(slow,)),
        worker(2, unattributed=(fast, Suspect("shop.LOG", "list", 1.0, 0.0))),
    )

    _, out, _ = run(capsys, "--store", url)
    _, printed, _ = run(capsys, "--store", url, "--json")

    blamed_on_nobody = [line for line in out.splitlines() if "none is blamed" in line]
    assert sorted(line.partition(" per request")[0] for line in blamed_on_nobody) == [
        "  !! shop.LOG (list) keeps growing by 1 entry",
        "  !! shop.SEEN (set) keeps growing by 0.5 entries",
    ]
    holders = {suspect["holder"] for suspect in json.loads(printed)["unattributed"]}
    assert holders == {"shop.SEEN", "shop.LOG"}


def test_as_json(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    fill(url, worker(1), worker(2, "clean"))

    code, out, err = run(capsys, "--store", url, "--json")

    said = json.loads(out)
    assert (code, err) == (0, "")
    assert (said["schema"], said["error"], said["verdict"]) == (1, None, "leak")
    (route,) = said["routes"]
    assert (route["requests"], route["workers"]) == (2 * a_route().requests, 2)
    assert [life["pid"] for life in said["workers"]] == [1, 2]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 0),
        (["--fail-on", "leak"], 1),
        (["--fail-on", "leak", "--release", "1.3"], 0),
        (["--fail-on", "bounded", "--release", "1.3"], 1),
        (["--fail-on", "leak", "--release", "1.2"], 1),
        (["--fail-on", "leak", "--release", "9"], 2),
        (["--fail-on", "leak", "--since", "10s"], 2),
        (["--fail-on", "leak", "--since", "1h"], 1),
        (["--release", "9"], 0),
        (["--fail-on", "leak", "--release", "1.4"], 1),
        (["--fail-on", "leak", "--release", "1.4", "--new"], 0),
        (["--fail-on", "leak", "--release", "1.2", "--new"], 1),
    ],
)
def test_a_gate_for_deployments(
    url: str, options: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    later = time.time() - 600
    fill(
        url,
        worker(1),
        worker(2, "bounded", release="1.3", started_at=later),
        worker(3, release="1.4", started_at=later + 300),
    )

    assert run(capsys, "--store", url, *options)[0] == code
    assert run(capsys, "--store", url, "--json", *options)[0] == code


def test_a_store_without_workers(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    fill(url)

    code, out, _ = run(capsys, "--store", url)
    assert code == 0
    assert out.startswith("No worker has said anything yet in /")


def test_what_is_wrong_is_said_once(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "--store", url, "--json")
    assert code == 2
    assert "there is no store at " in json.loads(out)["error"]
    assert err.startswith("pympler report: error: there is no store at ")
    for wrong in (["--since", "yesterday"], ["--fail-on", "clean"], ["--new"], ["--store", "x"]):
        code, out, err = run(capsys, *wrong)
        assert (code, out) == (2, "")
        assert err.startswith("pympler report: error: ")
