"""The commands of ``flask pympler``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask
from pympler_flask import Pympler
from pympler_flask.commands import loaded_application

from tests.wsgi_server import environ_of, serve

ROOT = Path(__file__).resolve().parents[2]


def test_the_report_reads_the_store_of_the_application(tmp_path: Path) -> None:
    app = Flask("shop")
    app.config["PYMPLER_STORE"] = f"sqlite:///{tmp_path}/reports.db"
    app.add_url_rule("/x", view_func=lambda: "x")
    Pympler(app, sample_rate=1.0)
    serve(app, environ_of("/x"))
    monitor = app.extensions["pympler"].monitor
    monitor.store.save_summary(monitor.summary())
    assert monitor.store.flush()
    done = app.test_cli_runner().invoke(args=["pympler", "report", "--json"])
    monitor.close()
    assert done.exit_code == 0, done.output
    assert [route["route"] for route in json.loads(done.output)["routes"]] == ["/x"]


def test_what_is_wrong_ends_with_status_2(tmp_path: Path) -> None:
    app = Flask("shop")
    Pympler(app, store="memory:")
    runner = app.test_cli_runner()
    for arguments in (
        ["report"],
        ["report", "--store", f"sqlite:///{tmp_path}/none.db"],
        ["check"],
    ):
        assert runner.invoke(args=["pympler", *arguments]).exit_code == 2
    assert runner.invoke(args=["pympler", "check", "--help"]).exit_code == 0
    app.extensions["pympler"].monitor.close()


def test_an_application_is_checked_without_its_monitor() -> None:
    app = Flask("shop")
    Pympler(app, store="memory:", track_classes=["collections.UserDict"])
    monitor = app.extensions["pympler"].monitor
    done = app.test_cli_runner().invoke(args=["pympler", "check", "--path", "/none"])
    assert done.exit_code == 2  # there is no such page
    assert not monitor.is_watching
    assert monitor.begin().births is None


def test_the_loaded_application_is_known_within_the_command_only() -> None:
    with pytest.raises(RuntimeError, match="flask pympler check"):
        loaded_application()


@pytest.mark.integration
def test_the_check_takes_the_application_that_flask_has_loaded() -> None:
    roots = [ROOT, *sorted((ROOT / "integrations").glob("*/"))]
    factory = "tests.apps.checked_flask:create_app"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "flask", "--app", factory),
            *("pympler", "check", "--path", "/leaks/{n}", "--json"),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, roots))},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    (route,) = json.loads(done.stdout)["routes"]
    assert route["suspects"][0]["holder"] == "tests.apps.checked_flask.kept"
