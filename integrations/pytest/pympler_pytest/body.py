"""The body of a test, run once more: what pytest gathers meanwhile is let go of."""

from __future__ import annotations

import contextlib
import inspect
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import BuiltinMethodType
from typing import Any, cast

import pytest

from pympler_pytest.django_client import ClientFinalizers
from pympler_pytest.repetition import NotRepeatableError, words_of

__all__ = ["Body"]


class Body:
    """Runs the body of a test again with the fixtures that it has.

    pytest's own fixtures and plugins gather what a test does: log records, output, warnings,
    patches, files. They are put back after each run to where they were, so that the next one
    finds what the first one found, and that nothing of it looks like a leak of the test.

    Args:
        item: a test that is set up, and whose body has not run yet.
        run: what is run instead of its body; records and output of the test so far stay.
    """

    def __init__(self, item: pytest.Item, run: Callable[[], object] | None = None) -> None:
        self._item = item
        self._run = _runner(item) if run is None else run
        self._whole = run is None
        fixtures = getattr(item, "funcargs", None) or {}
        self._capture = item.config.pluginmanager.getplugin("capturemanager")
        self._handlers: dict[Any, tuple[int, int]] = {
            handler: (0, 0) if run is None else (len(handler.records), handler.stream.tell())
            for handler in cast("list[Any]", logging.getLogger().handlers)
            if type(handler).__module__ == "_pytest.logging" and hasattr(handler, "records")
        }
        self._patches = _Patches.of(fixtures.get("monkeypatch"))
        self._recorder = fixtures.get("recwarn")
        # Lists that a body appends to, and that pytest keeps for as long as the item.
        self._lists = [(listed, len(listed)) for listed in (item.user_properties, item.own_markers)]
        self._mocks = _mocks_of(fixtures.get("mocker"))
        self._mocked = len(self._mocks)
        self._finalizers = ClientFinalizers()
        self._subtests = fixtures.get("subtests")
        self._instance = _Attributes.of(getattr(item, "instance", None)) if run is None else None
        folder = fixtures.get("tmp_path")
        self._folder = folder if isinstance(folder, Path) else None
        self._files = _names(self._folder)

    def __call__(self) -> None:
        """Run it.

        Raises:
            NotRepeatableError: if a test of ``unittest`` fails; others raise what they raise.
        """
        if self._instance is not None:
            self._instance.restore()
        with warnings.catch_warnings():
            pass  # every place may warn again, as it could when the body ran first
        listed = _recorded_warnings()
        before = 0 if listed is None else len(listed)
        try:
            self._run()
        finally:
            if listed is not None:
                del listed[before:]
            self._forget()
        _raise_of_unittest(self._item)

    def one_loop(self) -> contextlib.AbstractContextManager[object]:
        """Around all runs: one event loop for all of them, where AnyIO makes one for each."""
        return _one_loop(self._item)

    @contextlib.contextmanager
    def repeating(self) -> Iterator[None]:
        """Around all runs but the first, whose output is kept."""
        output = self._read_output()
        # What the first run noted is kept for its report.
        self._lists = [(listed, len(listed)) for listed, _ in self._lists]
        self._forget()
        with _without_subtests(self._item), _quiet_subtests(self._subtests):
            try:
                yield
            finally:
                self._forget()
                for text, stream in zip(output, (sys.stdout, sys.stderr), strict=True):
                    if text:
                        stream.write(text)

    def _forget(self) -> None:
        for mocked in reversed(self._mocks[self._mocked :]):
            if mocked.patch is not None:
                mocked.patch.stop()
        del self._mocks[self._mocked :]
        if self._patches is not None:
            self._patches.undo()
        for listed, length in self._lists:
            del listed[length:]
        self._finalizers.forget()
        self._read_output()
        for handler, (records, characters) in self._handlers.items():
            del handler.records[records:]
            handler.stream.truncate(characters)
            handler.stream.seek(characters)
        if self._recorder is not None and self._whole:
            self._recorder.clear()
        for name in _names(self._folder) - self._files:
            path = self._folder / name  # type: ignore[operator]
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _read_output(self) -> tuple[str, str]:
        """Take what was printed out of the captures."""
        manager = self._capture
        fixture = getattr(manager, "_capture_fixture", None)
        if fixture is not None and self._whole:
            fixture.readouterr()
        if manager is None or not manager.is_globally_capturing():
            return "", ""
        out, err = manager.read_global_capture()
        return str(out), str(err)


def _runner(item: Any) -> Callable[[], object]:
    """What runs the body: the function itself, where no other plugin has a hand in it.

    What listens to pytest's hooks may gather each call.
    """
    names = getattr(getattr(item, "_fixtureinfo", None), "argnames", None)
    if type(item) is not pytest.Function or names is None or _is_async(item.obj):
        return item.runtest  # type: ignore[no-any-return]
    return partial(item.obj, **{name: item.funcargs[name] for name in names})


def _is_async(function: Any) -> bool:
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


class _Attributes:
    """The attributes of the instance of a test class, as its fixtures have set them.

    unittest makes an instance for each run of a test, and some of what it notes in it is for once.
    """

    def __init__(self, instance: Any) -> None:
        self._instance = instance
        self._attributes = dict(vars(instance))

    @classmethod
    def of(cls, instance: Any) -> _Attributes | None:
        """``None`` if there are none."""
        return cls(instance) if hasattr(instance, "__dict__") else None

    def restore(self) -> None:
        """Let it have these attributes and no others."""
        attributes = vars(self._instance)
        attributes.clear()
        attributes.update(self._attributes)


class _Patches:
    """The patches that a body adds to those that its fixtures have made with ``monkeypatch``."""

    def __init__(self, patches: Any) -> None:
        self._patches = patches
        self._attributes, self._items = len(patches._setattr), len(patches._setitem)
        self._rest = patches._cwd, patches._savesyspath
        self._folder, self._path = os.getcwd(), sys.path[:]

    @classmethod
    def of(cls, patches: Any) -> _Patches | None:
        """``None`` if there is no such fixture, or it works in another way."""
        names = ("_setattr", "_setitem", "_cwd", "_savesyspath", "undo")
        return cls(patches) if all(hasattr(patches, name) for name in names) else None

    def undo(self) -> None:
        """Undo those of the body."""
        patches = self._patches
        attributes, items = patches._setattr, patches._setitem
        patches._setattr = attributes[self._attributes :]
        patches._setitem = items[self._items :]
        if patches._cwd is not None:
            patches._cwd = self._folder
        if patches._savesyspath is not None:
            patches._savesyspath = self._path[:]
        try:
            patches.undo()
        finally:
            del attributes[self._attributes :], items[self._items :]
            patches._setattr, patches._setitem = attributes, items
            patches._cwd, patches._savesyspath = self._rest


def _names(folder: Path | None) -> set[str]:
    try:
        return set() if folder is None else {path.name for path in folder.iterdir()}
    except OSError:
        return set()


def _recorded_warnings() -> list[Any] | None:
    """The list to which a ``catch_warnings(record=True)`` that is in force appends."""
    show: Any = getattr(warnings, "_showwarnmsg_impl", None)
    listed = show.__self__ if type(show) is BuiltinMethodType else None
    return listed if type(listed) is list else None


def _raise_of_unittest(item: pytest.Item) -> None:
    """Raise what a test of unittest raised: the item keeps that for the report."""
    found = item.__dict__.pop("_excinfo", None)
    if found:
        raise NotRepeatableError(f"did not pass when it was run again: {words_of(found[0].value)}")


def _mocks_of(mocker: Any) -> list[Any]:
    """The patches that pytest-mock's fixture has made so far, in a list that it goes on with."""
    made = getattr(getattr(mocker, "_mock_cache", None), "cache", None)
    return made if type(made) is list and all(hasattr(one, "patch") for one in made) else []


class _QuietHooks:
    """The hooks of an item, but for reports on subtests."""

    def __init__(self, hooks: Any) -> None:
        self._hooks = hooks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hooks, name)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            raise NotRepeatableError("failed in a subtest when it was run again")


@contextlib.contextmanager
def _quiet_subtests(subtests: Any) -> Iterator[None]:
    """Let each subtest of the fixture ``subtests`` be reported once, too."""
    hooks = getattr(subtests, "_ihook", None)
    if hooks is None:
        yield
        return
    subtests._ihook = _QuietHooks(hooks)
    try:
        yield
    finally:
        subtests._ihook = hooks


@contextlib.contextmanager
def _without_subtests(item: Any) -> Iterator[None]:
    """Let each subtest of ``unittest`` be reported once, not with every repetition."""
    if not hasattr(item, "addSubTest"):
        yield
        return

    def add_subtest(test_case: object, test: object, error: Any) -> None:
        if error is not None:
            item.addError(test_case, error)

    item.addSubTest = add_subtest
    try:
        yield
    finally:
        del item.addSubTest


def _one_loop(item: pytest.Item) -> contextlib.AbstractContextManager[object]:
    backend = (getattr(item, "funcargs", None) or {}).get("anyio_backend")
    if backend is None:
        return contextlib.nullcontext()
    try:
        from anyio.pytest_plugin import get_runner
    except ImportError:
        return contextlib.nullcontext()
    name, options = backend if isinstance(backend, tuple) else (backend, {})
    runner: Callable[..., contextlib.AbstractContextManager[object]] = get_runner
    return runner(name, options)
