"""Which store a setting names, and where the default one lies."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pympler.errors import SettingsError
from pympler.graph.roots import is_own
from pympler.leaks import LeakMonitor, Settings
from pympler.store.memory import MemoryStore
from pympler.store.open import default_path, open_store, state_directory
from pympler.store.sqlite import SqliteStore


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "pympler"


def test_a_url_names_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url, path in {
        "sqlite:///leaks.db": tmp_path / "leaks.db",
        "sqlite:///a/b%20c.db": tmp_path / "a" / "b c.db",
        f"sqlite:///{tmp_path}/x.db": tmp_path / "x.db",
    }.items():
        store = open_store(url)
        assert isinstance(store, SqliteStore)
        assert store.path == path
    assert isinstance(open_store("memory:"), MemoryStore)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:", "three slashes"),
        ("sqlite://", "three slashes"),
        ("sqlite://leaks.db", "three slashes"),
        ("sqlite:leaks.db", "three slashes"),
        ("sqlite:///", "names no file"),
        ("sqlite:////var/lib/", "names no file"),
        ("sqlite:///:memory:", "use 'memory:'"),
        ("sqlite:///x.db?mode=ro", "no options"),
        ("memory", "use 'memory:', 'sqlite:///relative.db'"),
        ("memory://", "use 'memory:'"),
        ("leaks.db", "use 'memory:'"),
        ("redis://localhost", "use 'memory:'"),
        ("postgresql+psycopg://x/y", "use 'memory:'"),
        ("postgresql:x", "two slashes"),
        ("postgresql://db", "names no database"),
        ("postgresql://db:none/shop", "user:password@host"),
    ],
)
def test_a_wrong_url_is_answered_with_a_right_one(url: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as opened:
        open_store(url)
    assert repr(url) in str(opened.value)
    with pytest.raises(SettingsError, match=said):
        Settings(store=url)


def test_the_default_is_a_file_of_the_application(state: Path) -> None:
    store = open_store("", application="shop")

    assert isinstance(store, SqliteStore)
    assert store.path == state / "shop.db"
    assert store.path.exists()
    assert not store._inodes  # nothing is open that a fork would inherit
    assert is_own(store._inodes)  # else what is behind it would be called a leak of the application


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../../etc/passwd", "shop/api", "shop.main:app", "CON\0", "x" * 500,
     "Caf\u00e9", "\udcff", "a b", "Shop", "-rf", "~root", "shop.db/"],
)  # fmt: skip
def test_whatever_an_application_is_called_its_file_is_its_own(name: str, state: Path) -> None:
    path = default_path(name)

    assert path.parent == state
    assert path != default_path("shop")
    assert path != default_path(f"{name}-")
    assert path.name.isascii()
    assert len(path.name) < 90
    assert not path.name.startswith((".", "-"))


@pytest.mark.parametrize(
    ("environ", "platform", "folder"),
    [
        ({"XDG_STATE_HOME": "/state"}, "linux", "/state/pympler"),
        ({"XDG_STATE_HOME": "relative"}, "linux", "/home/me/.local/state/pympler"),
        ({}, "linux", "/home/me/.local/state/pympler"),
        ({}, "darwin", "/home/me/Library/Application Support/pympler"),
        ({"LOCALAPPDATA": "/me/Local"}, "win32", "/me/Local/pympler"),
        ({}, "win32", "/home/me/AppData/Local/pympler"),
    ],
)
def test_the_state_directory_of_a_platform(
    environ: dict[str, str], platform: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")

    assert state_directory(environ, platform) == Path(folder)


def test_where_it_cannot_be_written_memory_and_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))

    stores = [open_store("", application="shop") for _ in range(3)]

    assert all(isinstance(store, MemoryStore) for store in stores)
    (warning,) = caplog.records
    assert "keeps its reports in memory, per process: " in warning.getMessage()


def test_a_user_without_a_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    monkeypatch.chdir(tmp_path)

    assert isinstance(open_store("", application="homeless"), MemoryStore)
    assert list(tmp_path.iterdir()) == []
    assert len(caplog.records) == 1


def test_a_monitor_has_the_store_of_its_settings(tmp_path: Path, state: Path) -> None:
    for url, path in (("", state / "shop.db"), (f"sqlite:///{tmp_path}/x.db", tmp_path / "x.db")):
        monitor = LeakMonitor(Settings(application="shop", store=url, sample_rate=1.0))
        with monitor.request("job"):
            pass
        assert isinstance(monitor.store, SqliteStore)
        assert monitor.store.path == path
        monitor.close()
        assert len(monitor.store.reports()) == 1
        monitor.store.close()


def test_a_monitor_that_is_off_makes_no_file(state: Path) -> None:
    LeakMonitor(Settings(enabled=False)).close()

    assert not state.exists()
