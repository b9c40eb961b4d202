"""Names of types and files."""

from __future__ import annotations

import collections
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pympler.util.names import is_application_file, short_file, type_name


class Nested:
    class Inner:
        pass


class Loud(str):
    """A string whose methods must not be called."""

    def __format__(self, spec: str) -> str:
        raise AssertionError("asked the user's __format__")

    def __str__(self) -> str:
        raise AssertionError("asked the user's __str__")


class Liar:
    @property
    def __class__(self) -> Any:
        raise AssertionError("asked the user's __class__")

    @__class__.setter
    def __class__(self, value: Any) -> None:
        raise AssertionError("asked the user's __class__")


class HostileMeta(type):
    @property
    def __module__(cls) -> str:  # type: ignore[override]
        raise AssertionError("asked the metaclass")

    def __hash__(cls) -> int:
        raise AssertionError("asked the metaclass")

    def __eq__(cls, other: object) -> bool:
        raise AssertionError("asked the metaclass")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (dict, "dict"),
        (collections.OrderedDict, "collections.OrderedDict"),
        (Nested.Inner, f"{__name__}.Nested.Inner"),
        (type, "type"),
        (type(None), "NoneType"),
    ],
)
def test_a_type_is_called_as_a_developer_would_write_it(kind: type, name: str) -> None:
    assert type_name(kind) == name


def test_no_code_of_a_metaclass_is_run() -> None:
    hostile = HostileMeta("Hostile", (), {"__module__": "shop"})

    assert type_name(hostile) == "shop.Hostile"


@pytest.mark.parametrize("make", [Liar, lambda: None, lambda: 42, lambda: Loud("shop")])
def test_a_module_that_is_no_string_is_left_out(make: Callable[[], Any]) -> None:
    kind = type("Order", (), {"__module__": make()})

    assert type_name(kind) == "Order"


def test_a_qualified_name_of_a_subclass_of_str_is_read_as_it_is() -> None:
    kind = type("Order", (), {"__module__": "shop"})
    kind.__qualname__ = Loud("Order")

    name = type_name(kind)

    assert type(name) is str
    assert name == "shop.Order"


def test_files_of_the_standard_library_and_installed_ones_are_not_the_applications() -> None:
    assert not is_application_file(json.__file__)
    assert not is_application_file(pytest.__file__)
    assert not is_application_file(f"{os.sep}venv{os.sep}site-packages{os.sep}shop.py")
    assert not is_application_file("<string>")
    assert not is_application_file("<frozen importlib._bootstrap>")
    assert is_application_file(__file__)


def test_a_file_is_named_relative_to_the_import_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    short_file.cache_clear()

    assert short_file(str(tmp_path / "shop" / "cart.py")) == os.path.join("shop", "cart.py")
    assert short_file("/elsewhere/cart.py") == "/elsewhere/cart.py"
    short_file.cache_clear()
