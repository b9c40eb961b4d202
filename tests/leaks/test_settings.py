"""Settings: every bad value is an error that says what to do."""

from __future__ import annotations

import dataclasses
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from pympler.errors import PymplerError, SettingsError
from pympler.leaks.settings import Settings


def made(environ: dict[str, str] | None = None, /, **values: Any) -> Settings:
    return Settings.from_mapping(values, environ=environ or {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("enabled", 1),
        ("enabled", "yes"),
        ("enabled", None),
        ("sample_rate", -0.1),
        ("sample_rate", 1.1),
        ("sample_rate", "0.5"),
        ("sample_rate", True),
        ("sample_rate", float("nan")),
        ("sample_rate", None),
        ("max_overhead", -1),
        ("max_overhead", 2),
        ("max_overhead", float("inf")),
        ("deep", "always"),
        ("deep", 1.5),
        ("deep", True),
        ("deep", None),
        ("ignore_routes", "/health"),
        ("ignore_routes", [1]),
        ("ignore_routes", None),
        ("keep", 0),
        ("keep", 1.5),
        ("keep", True),
        ("keep", "200"),
        ("application", None),
        ("application", 3),
        ("release", 1.2),
        ("log_level", "LOUD"),
        ("log_level", 20),
        ("store", "redis://"),
        ("store", 3),
    ],
)
def test_a_bad_value_is_named(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=f"setting '{name}' is "):
        made(**{name: value})


@pytest.mark.parametrize(
    ("name", "closest"),
    [
        ("sample_rat", "sample_rate"),
        ("samplerate", "sample_rate"),
        ("SAMPLE_RATE", "sample_rate"),
        ("ignore_route", "ignore_routes"),
        ("max_overhed", "max_overhead"),
        ("loglevel", "log_level"),
    ],
)
def test_an_unknown_name_is_answered_with_the_closest(name: str, closest: str) -> None:
    with pytest.raises(SettingsError, match=f"unknown setting '{name}'; did you mean '{closest}'"):
        made(**{name: 1})


def test_a_name_like_none_is_answered_with_all() -> None:
    with pytest.raises(SettingsError, match=r"known settings: access, allowed_hosts, application"):
        made(xyzzy=1)


@pytest.mark.parametrize(
    "store", ["", "memory:", "sqlite:///x.db", "postgres://host/db", "postgresql://me:x@host/db"]
)
def test_a_store_is_checked_and_not_opened(store: str) -> None:
    assert made(store=store).store == store


def test_the_password_of_a_store_is_not_said() -> None:
    with pytest.raises(SettingsError) as raised:
        made(store="postgresql://me:secret@host:port/db")
    assert "secret" not in str(raised.value)


def test_an_error_is_both_ours_and_a_value_error() -> None:
    assert issubclass(SettingsError, PymplerError)
    assert issubclass(SettingsError, ValueError)


def test_the_defaults() -> None:
    settings = made(application="shop")

    assert settings == Settings(application="shop")
    assert settings.enabled
    assert settings.sample_rate == 0.1
    assert settings.max_overhead == 0.01
    assert settings.log_level_number == logging.INFO


def test_a_setting_cannot_be_changed_later() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        made().keep = 3  # type: ignore[misc]


@pytest.mark.parametrize("value", [0, 1, 0.0, 0.25, "never", "evidence"])
def test_deep_takes_a_word_or_a_share(value: float | str) -> None:
    assert made(deep=value).deep == value


@pytest.mark.parametrize("routes", [["/a", "/b*"], ("/a", "/b*")])
def test_ignored_routes_are_shell_patterns(routes: object) -> None:
    settings = made(ignore_routes=routes)

    assert settings.ignores("/a")
    assert settings.ignores("/b/c")
    assert not settings.ignores("/a/b")


def test_the_environment_fills_what_is_left_out() -> None:
    environ = {
        "PYMPLER_APPLICATION": "from-environment",
        "PYMPLER_RELEASE": "2.0",
        "PYMPLER_STORE": "memory:",
    }

    assert made(environ).application == "from-environment"
    assert made(environ).release == "2.0"
    assert made(environ, release="3.0").release == "3.0"
    assert made({"PYMPLER_RELEASE": ""}).release == ""


def test_a_bad_value_in_the_environment_is_an_error_too() -> None:
    with pytest.raises(SettingsError, match="setting 'store'"):
        made({"PYMPLER_STORE": "redis://"})


@pytest.mark.parametrize(
    ("value", "enabled"), [("1", False), ("true", False), ("0", True), ("", True)]
)
def test_the_environment_disables(value: str, enabled: bool) -> None:
    assert made({"PYMPLER_DISABLE": value}, enabled=True).enabled is enabled


def test_the_application_is_named_by_the_front_end_or_the_working_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bookshop").mkdir()
    monkeypatch.chdir(tmp_path / "bookshop")

    assert made().application == "bookshop"
    assert Settings.from_mapping({}, application="shop", environ={}).application == "shop"


def test_a_working_directory_that_is_gone_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(os, "getcwd", gone)

    assert made().application == "application"


@pytest.mark.parametrize(
    "value",
    ["shop.Order", ["Order"], ["shop.Order", 3], ["shop..Order"], ["shop.1"], None, ["a.B", "a.B"]],
)
def test_tracked_classes_are_dotted_paths(value: object) -> None:
    with pytest.raises(SettingsError, match="setting 'track_classes' is "):
        made(track_classes=value)


def test_tracked_classes_may_be_a_list() -> None:
    assert made(track_classes=["shop.Order"]).track_classes == ("shop.Order",)
