"""Applications are found by name and told apart; what is wrong is said in one line."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pympler.errors import ApplicationError, PymplerError, UsageError
from pympler.leaks.check.load import (
    application_kind,
    describe_error,
    load_application,
    load_script,
)

SHOP = """
def app(environ, start_response):
    return []

def make(name="shop", *, fail=False):
    if fail:
        raise LookupError("no settings")
    return app

class Site:
    async def __call__(self, scope, receive, send): ...

class Proxy:
    __signature__ = __name__ = property(lambda self: 1 / 0)
    def __call__(self): ...

def create(name="shop", debug=False):
    return app

def create_for(name):
    return app

site = Site()
proxy = Proxy()
number = 42
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("loaded_"):
            del sys.modules[name]


@pytest.mark.parametrize(
    "spec",
    ["loaded_shop:app", "loaded_shop:make()", "loaded_shop:make('x', fail=False)"],
)
def test_finds_an_application_in_the_working_directory(folder: Path, spec: str) -> None:
    (folder / "loaded_shop.py").write_text(SHOP)
    assert load_application(spec).__name__ == "app"


@pytest.mark.parametrize(
    ("spec", "error", "text"),
    [
        ("loaded_shop", UsageError, "names no application; write module:attribute"),
        (":app", UsageError, "names no application"),
        ("loaded_shop:1 + 1", UsageError, "names no application"),
        ("loaded_none:app", UsageError, "no module named 'loaded_none' in "),
        ("loaded_shop.py:app", UsageError, "name a module, not a file"),
        ("loaded_shop:nope", UsageError, "has no attribute 'nope'; did you mean 'site'?"),
        ("loaded_shop:number", UsageError, "its type is int"),
        ("loaded_shop:number()", UsageError, "leave the () away"),
        ("loaded_shop:proxy", UsageError, "its type is Proxy"),
        ("loaded_shop:make", UsageError, "if it makes the application, add ()"),
        ("loaded_shop:Site", UsageError, "is a class; if what it makes is the application, add ()"),
        ("loaded_shop:create", UsageError, "if it makes the application, add ()"),
        ("loaded_shop:create_for", UsageError, "such as loaded_shop:create_for('test')"),
        ("loaded_src.web:app", UsageError, "it is in src: install the project"),
        ("loaded_shop:make(fail=True)", ApplicationError, "LookupError: no settings (at loaded_"),
        ("loaded_needs:app", ApplicationError, "needs 'no_such_library': install it"),
        ("loaded_raises:app", ApplicationError, "ZeroDivisionError: division by zero (at loaded_"),
        ("loaded_exits:app", ApplicationError, "ended the program while it was imported"),
        ("loaded_syntax:app", ApplicationError, "SyntaxError"),
    ],
)
def test_says_what_is_wrong_in_one_line(
    folder: Path, spec: str, error: type[PymplerError], text: str
) -> None:
    (folder / "loaded_shop.py").write_text(SHOP)
    (folder / "src" / "loaded_src").mkdir(parents=True)
    (folder / "loaded_needs.py").write_text("import no_such_library")
    (folder / "loaded_raises.py").write_text("x = 1 / 0")
    (folder / "loaded_exits.py").write_text("raise SystemExit(1)")
    (folder / "loaded_syntax.py").write_text("def f(:")
    with pytest.raises(error) as caught:
        load_application(spec)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_script_is_not_called_an_application(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"'checks' names no script; write module:function"):
        load_script("checks")


class Wsgi:
    def __call__(self, environ: object, start_response: object) -> list[bytes]:
        return []


class Asgi:
    async def __call__(self, scope: object, receive: object, send: object) -> None:
        return None


def test_tells_wsgi_from_asgi() -> None:
    def wrapped_wsgi(*args: Any) -> Any: ...
    def wrapped_asgi(scope: Any, *args: Any) -> Any: ...
    def returns_awaitable(scope: Any, receive: Any, send: Any) -> Any: ...

    kinds = [Wsgi(), wrapped_wsgi, Asgi(), returns_awaitable, wrapped_asgi]
    assert [application_kind(one) for one in kinds] == ["wsgi", "wsgi", "asgi", "asgi", "asgi"]
    assert application_kind(functools.partial(Asgi())) == "asgi"
    assert [application_kind(one) for one in (42, len, lambda: None)] == [None, None, None]


def test_an_error_that_cannot_be_printed_is_named() -> None:
    class UnprintableError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

    assert describe_error(UnprintableError()) == "UnprintableError"
