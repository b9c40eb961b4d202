"""The system checks say what is wrong with the installation, and which line to write."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings
from pympler_django import get_monitor
from pympler_django.middleware import MemoryMiddleware

PATH = "pympler_django.middleware.MemoryMiddleware"


class Mine(MemoryMiddleware):
    """A subclass of somebody's own."""


def messages() -> dict[str, Any]:
    return {message.id: message for message in run_checks() if message.id.startswith("pympler.")}


def test_a_right_installation_gets_no_message() -> None:
    assert messages() == {}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"sample_rat": 1.0}, "unknown setting 'sample_rat'; did you mean 'sample_rate'?"),
        ({"SAMPLE_RATE": 1.0}, "unknown setting 'SAMPLE_RATE'; did you mean 'sample_rate'?"),
        ({"sample_rate": 7}, "setting 'sample_rate' is 7"),
        ([("sample_rate", 1.0)], "PYMPLER is of the type list; use a dict"),
        ({"track_classes": ["django.http.HttpRespons"]}, "did you mean 'HttpResponse'?"),
        ({"track_classes": ["builtins.int"]}, "take no weak references"),
    ],
)
def test_a_wrong_setting_is_an_error_in_the_check_and_at_the_start(values: Any, says: str) -> None:
    with override_settings(PYMPLER=values):
        assert says in messages()["pympler.E001"].msg
        with pytest.raises(SystemCheckError, match=r"pympler\.E001"):
            call_command("check")
        with pytest.raises(ImproperlyConfigured) as raised:  # as under a server, without checks
            WSGIHandler()
        assert says in str(raised.value)
        with pytest.raises(ImproperlyConfigured):
            get_monitor()


@pytest.mark.parametrize("name", ["on_leak", "access"])
def test_a_path_that_leads_nowhere_is_an_error_in_the_check(name: str) -> None:
    with override_settings(PYMPLER={name: "django.http.no_such_function"}):
        said = messages()["pympler.E001"].msg
    assert f"setting {name!r} is 'django.http.no_such_function', which cannot be imported" in said
    with override_settings(PYMPLER={name: "django.http.HttpResponse"}):
        assert messages() == {}


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("{}['CART']", "KeyError: 'CART'"),
        ("raise RuntimeError('not yet')", "RuntimeError: not yet"),
        ("def", "SyntaxError: invalid syntax"),
    ],
)
def test_a_module_that_fails_is_an_error_in_the_check_if_pympler_is_enabled(
    source: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hooks_that_fail.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("on_leak", "access"):
        values = {name: "hooks_that_fail.tell"}
        with override_settings(PYMPLER=values):
            said = messages()["pympler.E001"].msg
        assert f"setting {name!r} is 'hooks_that_fail.tell', which cannot be imported" in said
        assert says in said
        with override_settings(PYMPLER={**values, "enabled": False}):
            assert messages() == {}


def test_a_missing_middleware_is_a_warning_with_the_line_to_write() -> None:
    with override_settings(MIDDLEWARE=["django.middleware.common.CommonMiddleware", "no.such.One"]):
        hint = messages()["pympler.W001"].hint
    assert f'MIDDLEWARE = ["{PATH}", ...]' in hint


def test_a_middleware_listed_twice_is_a_warning() -> None:
    with override_settings(MIDDLEWARE=[PATH, f"{__name__}.Mine"]):
        assert "2 times" in messages()["pympler.W002"].msg


def test_a_subclass_counts_as_the_middleware() -> None:
    with override_settings(MIDDLEWARE=[f"{__name__}.Mine"]):
        assert messages() == {}


def test_a_store_without_its_driver_is_an_error_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "pympler.store.postgres", raising=False)
    with override_settings(PYMPLER={"store": "postgresql://me:secret@db/shop"}):
        assert "pip install 'pympler[postgres]'" in messages()["pympler.E001"].msg
        assert "secret" not in messages()["pympler.E001"].msg
        with pytest.raises(ImproperlyConfigured, match="needs psycopg"):
            WSGIHandler()


@pytest.mark.parametrize(
    ("store", "says"),
    [
        ("postgresql://me:secret@127.0.0.1:1/shop", "postgresql://me@127.0.0.1:1/shop cannot be"),
        ("sqlite:////dev/null/shop.db", "/dev/null/shop.db cannot be made"),
    ],
)
def test_a_store_that_cannot_be_used_is_a_warning_before_it_is_deployed(
    store: str, says: str
) -> None:
    with override_settings(PYMPLER={"store": store}):
        assert messages() == {}
        found = run_checks(include_deployment_checks=True)
    (warning,) = [message for message in found if message.id == "pympler.W005"]
    assert says in warning.msg
    assert "secret" not in warning.msg
