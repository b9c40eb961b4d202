"""The app: it registers the system checks."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register

__all__ = ["PymplerDjangoConfig"]


class PymplerDjangoConfig(AppConfig):
    """Put ``"pympler_django"`` into ``INSTALLED_APPS``."""

    name = "pympler_django"
    label = "pympler_django"
    verbose_name = "Pympler"

    def ready(self) -> None:
        """Called by Django once all apps are loaded."""
        from pympler_django.checks import check_middleware, check_settings, check_store

        register(check_settings)
        register(check_middleware)
        register(check_store, deploy=True)
