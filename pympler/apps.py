"""The Django app under the name that it had in Pympler 1.1: ``INSTALLED_APPS = ["pympler"]``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from pympler_django.apps import PymplerDjangoConfig

__all__ = ["PymplerConfig"]


class PymplerConfig(PymplerDjangoConfig):
    """The app ``pympler_django``, asked for by its old name."""

    default = True  # the class that it is derived from is in this module as well

    def __init__(self, app_name: str, app_module: Any) -> None:
        super().__init__(app_name, app_module)
        if "pympler_django" in settings.INSTALLED_APPS:
            # Both are listed, as after a change that forgot the old one: an app of no content,
            # since Django refuses to have one twice.
            self.name = self.label = "pympler"
            self.path = str(Path(__file__).resolve().parent)
