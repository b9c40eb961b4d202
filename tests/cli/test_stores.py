"""Which store a command reads, from what is typed and what the environment says."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pytest

from pympler.cli.stores import add_arguments, find_store
from pympler.errors import PymplerError, StoreError, UsageError
from pympler.store.open import default_path
from pympler.store.sqlite import SqliteStore
from tests.store.stores import said_by


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return {"XDG_STATE_HOME": str(tmp_path)}


def make(application: str) -> Path:
    """The store of an application that has served requests."""
    path = default_path(application)
    with SqliteStore(path) as store:
        store.save_summary(said_by(1, application=application, taken_at=time.time()))
    return path


def found(environ: dict[str, str], *typed: str) -> Path:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    store = find_store(parser.parse_args(typed), environ)
    assert isinstance(store, SqliteStore)
    store.close()
    return store.path


def refused(environ: dict[str, str], *typed: str, kind: type[PymplerError] = UsageError) -> str:
    with pytest.raises(kind) as raised:
        found(environ, *typed)
    return str(raised.value)


def test_the_only_one_there_is(environ: dict[str, str]) -> None:
    path = make("shop/api")

    assert found(environ) == path


def test_of_several_the_one_that_is_named(environ: dict[str, str], tmp_path: Path) -> None:
    api, shop, other = make("shop/api"), make("shop"), tmp_path / "elsewhere" / "x.db"
    SqliteStore(other).probe()

    assert found(environ, "--application", "shop") == shop
    assert found(environ, "--application", "shop/api") == api
    assert found({**environ, "PYMPLER_APPLICATION": "shop/api"}) == api
    assert found({**environ, "PYMPLER_STORE": f"sqlite:///{other}"}) == other
    assert found({**environ, "PYMPLER_STORE": "memory:"}, "--application", "shop") == shop
    assert found({**environ, "PYMPLER_STORE": "memory:"}, "--store", f"sqlite:///{other}") == other


def test_which_ones_there_are_is_said(environ: dict[str, str]) -> None:
    make("shop/api")
    make("shop")
    SqliteStore(default_path("quiet")).probe()  # no worker of it has said anything yet

    said = refused(environ)
    assert "name it with --application (there are: 'quiet', " in said
    assert "'shop/api'" in said
    assert "'shop'" in said
    said = refused(environ, "--application", "shpo", kind=StoreError)
    assert "there is no store of 'shpo' at " in said
    assert "(there are: " in said


def test_what_cannot_be_read_is_said(environ: dict[str, str], tmp_path: Path) -> None:
    assert "no application has left a store in " in refused(environ)
    assert "known to its own process alone" in refused(environ, "--store", "memory:")
    assert "three slashes" in refused(environ, "--store", "sqlite://x.db")
    missing = f"sqlite:///{tmp_path}/none.db"
    assert "there is no store at " in refused(environ, "--store", missing, kind=StoreError)
    (tmp_path / "notes.db").write_text("these are my notes\n" * 100)
    notes = f"sqlite:///{tmp_path}/notes.db"
    assert "is no SQLite database" in refused(environ, "--store", notes, kind=StoreError)
    assert not (tmp_path / "none.db").exists()
