"""System checks: what ``manage.py check`` and ``runserver`` say of the installation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error, Warning
from django.utils.module_loading import import_string

from pympler.errors import SettingsError
from pympler.leaks.classpaths import check_class_paths
from pympler.leaks.settings import resolve
from pympler.store.open import open_store
from pympler_django.conf import read_settings
from pympler_django.middleware import MemoryMiddleware

__all__ = ["check_middleware", "check_settings", "check_store"]

_PATH = "pympler_django.middleware.MemoryMiddleware"


def check_settings(app_configs: object, **_: Any) -> list[CheckMessage]:
    """``pympler.E001``: the dict ``PYMPLER`` has an unknown key or a bad value.

    A class in ``track_classes`` that does not exist or cannot be tracked is one, a path of
    ``on_leak`` or ``access`` that leads nowhere, and a store whose driver is missing; the last two
    only if Pympler is enabled.
    """
    try:
        settings = read_settings()
        check_class_paths(settings.track_classes)
        if settings.enabled:
            # Not at the start: what they name may need the application.
            for name, value in (("on_leak", settings.on_leak), ("access", settings.access)):
                if value is not None:
                    _try_out(name, value)
            if settings.store:
                open_store(settings.store).close()  # connects to nothing
    except SettingsError as error:
        return [
            Error(f"PYMPLER: {error}.", hint="Correct PYMPLER in the settings.", id="pympler.E001")
        ]
    return []


def _try_out(name: str, value: Callable[[Any], object] | str) -> None:
    try:
        resolve(name, value)
    except SettingsError:
        raise
    except Exception as error:  # a module of the application's may raise anything
        from pympler.leaks.check.load import describe_error

        said = f"setting {name!r} is {value!r}, which cannot be imported: {describe_error(error)}"
        raise SettingsError(said) from error


def check_store(app_configs: object, **_: Any) -> list[CheckMessage]:
    """``pympler.W005``, with ``--deploy`` alone: the store cannot be used as it is.

    The application would run, and say so in its log and on the pages.
    """
    try:
        settings = read_settings()
        if not settings.enabled or not settings.store:
            return []
        store = open_store(settings.store)
    except SettingsError:  # E001 says it
        return []
    try:
        fault = store.status().fault
    finally:
        store.close()
    if not fault:
        return []
    hint = "Until it can be, reports wait or are dropped; the application is not affected."
    return [Warning(f"PYMPLER: the store {fault}.", hint=hint, id="pympler.W005")]


def check_middleware(app_configs: object, **_: Any) -> list[CheckMessage]:
    """``pympler.W001``: the middleware is missing; ``pympler.W002``: it is there twice."""
    installed = [path for path in django_settings.MIDDLEWARE if _is_ours(path)]
    if not installed:
        panels = getattr(django_settings, "DEBUG_TOOLBAR_PANELS", None) or ()
        shown = any(str(path).endswith(".MemoryPanel") for path in panels)
        what = "only what the debug toolbar shows" if shown else "no request"
        return [
            Warning(
                f"pympler_django is installed, but its middleware is not, so {what} is watched.",
                hint=f'Put it first: MIDDLEWARE = ["{_PATH}", ...], '
                'or remove "pympler_django" from INSTALLED_APPS.',
                id="pympler.W001",
            )
        ]
    if len(installed) > 1:
        return [
            Warning(
                f"The middleware of pympler_django is in MIDDLEWARE {len(installed)} times; "
                "only the first one watches requests.",
                hint=f'Leave one: MIDDLEWARE = ["{_PATH}", ...].',
                id="pympler.W002",
            )
        ]
    return []


def _is_ours(path: str) -> bool:
    try:
        middleware = import_string(path)
    except ImportError:  # Django says so itself when it loads the middleware
        return False
    return isinstance(middleware, type) and issubclass(middleware, MemoryMiddleware)
