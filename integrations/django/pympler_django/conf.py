"""The settings, one dict ``PYMPLER`` in the settings of the project, and the monitor they make."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from pympler.errors import SettingsError
from pympler.leaks.monitor import LeakMonitor
from pympler.leaks.settings import Settings

__all__ = ["get_monitor", "read_settings"]

_NAME = "PYMPLER"

_lock = threading.Lock()
_monitor: LeakMonitor | None = None


def read_settings() -> Settings:
    """The settings in ``PYMPLER``.

    Raises:
        SettingsError: for an unknown setting or a bad value.
    """
    values = getattr(django_settings, _NAME, {})
    if not isinstance(values, Mapping):
        raise SettingsError(
            f"{_NAME} is of the type {type(values).__name__}; "
            "use a dict such as {'sample_rate': 0.1}"
        )
    return Settings.from_mapping(values, application=_project())


def get_monitor() -> LeakMonitor:
    """The monitor of this process, made from the settings when it is first asked for.

    Raises:
        ImproperlyConfigured: for an unknown setting or a bad value in ``PYMPLER``.
    """
    global _monitor
    monitor = _monitor
    if monitor is None:
        with _lock:
            monitor = _monitor
            if monitor is None:
                try:
                    monitor = _monitor = LeakMonitor(read_settings())
                except SettingsError as error:
                    raise ImproperlyConfigured(f"{_NAME}: {error}") from error
    return monitor


def _project() -> str:
    for name in ("SETTINGS_MODULE", "ROOT_URLCONF"):
        package = str(getattr(django_settings, name, None) or "").partition(".")[0]
        if package and package != "__main__":
            return package
    return ""


def _forget_monitor(*, setting: str, **_: Any) -> None:
    # Sent by override_settings in tests: the next request gets a monitor of the new settings.
    global _monitor
    if setting == _NAME:
        with _lock:
            monitor, _monitor = _monitor, None
        if monitor is not None:
            monitor.close()


setting_changed.connect(_forget_monitor)
