"""``pympler check`` as it is typed: output, exit code, and one line for what is wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pympler import __version__
from pympler.cli import main
from pympler.sizing.compiled import walk_name
from pympler.util.names import short_file

ROOT = Path(__file__).resolve().parents[2]
APPS = ROOT / "tests" / "apps"

pytestmark = pytest.mark.integration  # a process for each check


def run(*arguments: str, timeout_s: float = 300) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of ``python -m pympler ...``."""
    done = subprocess.run(
        [sys.executable, "-m", "pympler", *arguments],
        cwd=APPS,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def errors(text: str) -> list[str]:
    """The lines of standard error that are ours."""
    return [line for line in text.splitlines() if line.startswith("pympler")]


def test_a_leak_and_a_clean_route_in_words() -> None:
    code, out, err = run("check", "leaky_flask:app", "--path", "/items/{n}", "--path", "/clean/{n}")
    assert code == 1
    lines = out.splitlines()
    assert re.fullmatch(
        r"GET /items/\{n\} leaks \d+ B and [\d.]+ objects per request, held by leaky_flask\.ITEMS "
        r"\(list, \+1 entry per request\), stored at leaky_flask\.py:\d+",
        lines[0],
    )
    assert re.fullmatch(r"    no bound seen in [\d,]+ requests", lines[1])
    # 810 if what the process lets go of and takes by itself made it look longer.
    clean = r"GET /clean/\{n\} is clean: nothing left behind in (110|810) requests"
    assert re.fullmatch(clean, lines[2])
    assert len(lines) == 3
    assert errors(err) == []


def test_json_alone_on_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRINT_AT_EXIT", "1")
    code, out, err = run("check", "bare_wsgi:app", "--path", "/ok", "--path", "/leak/{n}", "--json")
    assert code == 1
    data: dict[str, Any] = json.loads(out)
    assert {"imported", "from a child", "request", "at exit"} <= set(err.splitlines())
    assert list(data) == ["schema", "error", "verdict", "routes"]
    assert (data["schema"], data["error"], data["verdict"]) == (1, None, "leak")
    clean, leak = data["routes"]
    assert (clean["route"], clean["method"], clean["status"]) == ("/ok", "GET", 200)
    assert (clean["verdict"], clean["error"], clean["suspects"]) == ("clean", None, [])
    assert list(leak) == [
        "route",
        "method",
        "status",
        "requests",
        "verdict",
        "headline",
        "bytes_per_request",
        "objects_per_request",
        "error",
        "suspects",
    ]
    assert list(leak["suspects"][0]) == [
        "holder",
        "type",
        "growth_per_request",
        "bytes_per_request",
        "stored_at",
    ]
    assert leak["suspects"][0]["holder"] == "bare_wsgi.KEPT"
    assert leak["requests"] >= 1250


def test_an_error_beats_a_leak() -> None:
    code, out, err = run("check", "bare_wsgi:app", "--path", "/leak/{n}", "--path", "/missing")
    assert code == 2
    assert "held by bare_wsgi.KEPT" in out
    assert errors(err) == [
        "pympler check: error: /missing answered 404 Not Found; check the path, "
        "or expect it with --expect 404"
    ]


def test_an_expected_status() -> None:
    assert run("check", "bare_wsgi:app", "--path", "/missing", "--expect", "404")[0] == 0
    assert run("check", "bare_wsgi:app", "--path", "/missing", "--expect", "403")[0] == 2


@pytest.mark.parametrize("as_json", [False, True])
def test_an_application_that_ends_the_process(as_json: bool) -> None:
    given = ["check", "bare_wsgi:app", "--path", "/exit-now", *(["--json"] if as_json else [])]
    code, out, err = run(*given)
    error = "the application ended the process: os._exit(0)"
    assert (code, errors(err)) == (2, [f"pympler check: error: {error}"])
    assert json.loads(out)["error"] == error if as_json else out == ""


def test_paths_apart_from_each_other() -> None:
    given = ["--path", "/crash", "--path", "/exit-now", "--path", "/ok", "--isolate", "--json"]
    code, out, err = run("check", "bare_wsgi:app", *given)
    crashed, ended, good = json.loads(out)["routes"]
    assert code == 2
    assert (crashed["verdict"], crashed["error"]) == (None, "/crash ended the process: SIGABRT")
    assert ended["error"] == "/exit-now ended the process: os._exit(0)"
    assert good["verdict"] == "clean"
    assert len(errors(err)) == 2


def test_what_is_known_is_no_failure(tmp_path: Path) -> None:
    known = tmp_path / "known.json"
    code, out, _ = run("check", "bare_wsgi:app", "--request", "POST /leak/{uuid}", "--json")
    assert code == 1
    known.write_text(out, encoding="utf-8")
    again = ["--request", "POST /leak/{uuid}", "--baseline", str(known)]
    code, out, _ = run("check", "bare_wsgi:app", *again)
    assert code == 0
    assert out.splitlines()[-1] == "    known from the baseline: no failure"


def test_a_thread_of_the_application_does_not_keep_the_process() -> None:
    code, out, _ = run("check", "bare_wsgi:app", "--path", "/thread", "--json")
    assert code == 1
    assert json.loads(out)["routes"][0]["suspects"][0]["holder"] == "running threads of time.sleep"


@pytest.mark.long
def test_a_django_project_by_its_wsgi_and_asgi_modules() -> None:
    paths = ["/clean/{n}/", "/clean-async/{n}/", "/cart/{n}/", "/cached/{n}/", "/members/"]
    given = [argument for path in paths for argument in ("--path", path)]
    for kind in ("wsgi", "asgi"):
        code, out, err = run("check", f"leaky_django.{kind}:application", *given, "--json")
        assert code == 2, err
        routes = json.loads(out)["routes"]
        verdicts = [route["verdict"] for route in routes]
        assert verdicts == ["clean", "clean", "leak", "bounded", None]
        suspect = routes[2]["suspects"][0]
        assert suspect["holder"] == "leaky_django.urls.CARTS"
        assert suspect["stored_at"].startswith("leaky_django/urls.py:")
        assert "302 Found to /accounts/login/?next=/members/" in routes[4]["error"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["no_such:app", "--path", "/"], "no module named 'no_such' in "),
        (["bare_wsgi:nope", "--path", "/"], "module 'bare_wsgi' has no attribute 'nope'"),
        (["bare_wsgi:not_an_application", "--path", "/"], "its type is int"),
        (["bare_wsgi:make", "--path", "/"], "if it makes the application, add ()"),
        (["bare_wsgi:make('x')", "--path", "/"], "no settings for x (at bare_wsgi.py:"),
        (["bare_wsgi", "--path", "/"], "'bare_wsgi' names no application"),
        (["bare_wsgi:app", "--path", "x"], "path 'x' must begin with a slash: '/x'"),
        (["bare_wsgi:app"], "the following arguments are required: --path"),
        (["bare_wsgi:app", "--path", "/", "--rounds", "x"], "'x' is no number of rounds"),
        (["bare_wsgi:app", "--path", "/", "--rounds", "2"], "'2' is no number of rounds"),
        (["bare_wsgi:app", "--path", "/", "--expect", "ok"], "'ok' is no HTTP status"),
        (["bare_wsgi:app", "--path", "/hang", "--timeout", "0.2"], "no answer within 0.2 s"),
        (["bare_wsgi:app", "--path", "/ask"], "raised EOFError"),
        (["bare_wsgi:app", "--path", "/random"], "raised OSError: now and then (at bare_wsgi.py:"),
        (["bare_wsgi:app", "--path", "/x/{id}"], "{id} in path '/x/{id}' stands for nothing"),
        (["bare_wsgi:app", "--body", "x"], "--body belongs to a --request"),
        (["bare_wsgi:app", "--script", "bare_wsgi:KEPT"], "is no function of one argument"),
        (["bare_wsgi:app", "--script", "bare_wsgi:nope"], "has no attribute 'nope'"),
        (["bare_wsgi:app", "--path", "/", "--baseline", "/none"], "cannot be read: No such file"),
        (["bare_wsgi:app", "--path", "/", "--warmup", "1"], "'1' is no number of requests"),
        (["bare_wsgi:app", "--path", "/", "--fail-on", "clean"], "invalid choice: 'clean'"),
        (["bare_wsgi:app", "--path", "/", "--colour"], "unrecognized arguments: --colour"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_wrong_is_said_in_one_line(
    arguments: list[str],
    error: str,
    as_json: bool,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(APPS)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYMPLER_DISABLE", "1")
    short_file.cache_clear()  # names of files are relative to the folders of another test
    assert main(["check", *arguments, *(["--json"] if as_json else [])]) == 2
    short_file.cache_clear()
    sys.modules.pop("bare_wsgi", None)
    out, err = capfd.readouterr()
    ours = errors(err)
    assert len(ours) == 1
    assert ours[0].startswith("pympler check: error: ")
    assert error in ours[0]
    assert "Traceback" not in err
    if as_json:
        data = json.loads(out)
        assert data["verdict"] is None
        found = data["error"] or data["routes"][0]["error"]
        assert error in found
    else:
        assert out == ""


def test_the_version_and_help() -> None:
    code, out, _ = run("--version")
    version = ".".join(map(str, sys.version_info[:3]))
    assert code == 0
    assert out == f"pympler {__version__} (CPython {version}, {walk_name()})\n"
    code, out, _ = run("check", "--help")
    assert code == 0
    assert "--path PATH" in out
    assert "exit status" in out


def test_without_a_command() -> None:
    code, out, err = run()
    assert (code, out) == (2, "")
    assert err.startswith("pympler: error: no command is given; use 'check', ")
    assert err.endswith("(see pympler --help)\n")
