"""The commands of ``manage.py``, and the link in the admin."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.core.management.base import CommandError
from django.template import Context, Engine
from django.test import override_settings
from pympler_django import get_monitor
from pympler_django.urls import pympler_urls

from tests.wsgi_server import environ_of, serve

ROOT = Path(__file__).resolve().parents[2]


def test_the_report_reads_the_store_of_the_project(tmp_path: Path) -> None:
    settings = {"store": f"sqlite:///{tmp_path}/reports.db", "sample_rate": 1.0}
    printed = io.StringIO()
    with override_settings(PYMPLER=settings):
        serve(WSGIHandler(), environ_of("/", HTTP_HOST="testserver"))
        monitor = get_monitor()
        monitor.store.save_summary(monitor.summary())
        assert monitor.store.flush()
        call_command("pympler_report", "--json", stdout=printed)
    said = json.loads(printed.getvalue())
    assert [route["route"] for route in said["routes"]] == ["/"]


def test_a_report_that_cannot_be_read_ends_with_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"store": f"sqlite:///{tmp_path}/none.db", "sample_rate": 0.0}
    with override_settings(PYMPLER=settings), pytest.raises(SystemExit) as ended:
        call_command("pympler_report")
    assert ended.value.code == 2
    assert "there is no store at" in capsys.readouterr().err


def test_another_store_may_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("pympler_report", "--store", f"sqlite:///{tmp_path}/other.db")
    assert "other.db" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    store = f"sqlite:///{tmp_path}/reports.db"
    with override_settings(PYMPLER={"store": store, "sample_rate": 1.0}):
        serve(WSGIHandler(), environ_of("/", HTTP_HOST="testserver"))
        monitor = get_monitor()
        monitor.store.save_summary(monitor.summary())
        assert monitor.store.flush()
        monkeypatch.setattr(sys, "stdout", Gone())
        with pytest.raises(SystemExit) as ended:
            call_command("pympler_report")
    sys.stdout.close()
    assert ended.value.code == 2


def test_wrong_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("pympler_check")
    assert ended.value.code == 2
    assert "--path" in capsys.readouterr().err
    with pytest.raises(CommandError, match="--fail-on"):
        call_command("pympler_report", "--fail-on", "rain")


@pytest.mark.integration
def test_the_check_takes_the_application_of_the_project() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "django", "pympler_check", "--path", "/leaks/{n}/", "--json"],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.apps.checked_django",
            "PYTHONPATH": os.pathsep.join(
                map(str, [ROOT, *sorted((ROOT / "integrations").glob("*/"))])
            ),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    said = json.loads(done.stdout)
    (route,) = said["routes"]
    assert (said["verdict"], route["route"]) == ("leak", "/leaks/{n}/")
    assert route["suspects"][0]["holder"].endswith("checked_django.kept")


@pytest.mark.parametrize("has_pages", [True, False])
def test_the_admin_has_a_link_where_there_are_pages(has_pages: bool) -> None:
    import django.contrib.admin
    import pympler_django

    ours = Path(pympler_django.__file__).parent / "templates/pympler_django/admin_index.html"
    links = "{% block userlinks %}<a>Log out</a>{% endblock %}"
    # The page around it asks the database; what is filled in is this block of it.
    base = Path(django.contrib.admin.__file__).parent / "templates/admin/base.html"
    assert "{% block userlinks %}" in base.read_text()
    templates = {"admin/index.html": links, "ours.html": ours.read_text()}
    engine = Engine(loaders=[("django.template.loaders.locmem.Loader", templates)])
    with override_settings(ROOT_URLCONF=tuple(pympler_urls()) if has_pages else ()):
        html = engine.get_template("ours.html").render(Context())
    link = '<a href="/_pympler/">Memory</a> / '
    assert html.strip() == (link if has_pages else "") + "<a>Log out</a>"
