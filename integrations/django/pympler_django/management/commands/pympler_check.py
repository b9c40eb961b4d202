"""``manage.py pympler_check --path '/cart/{n}/'``: find the requests of this project that leak."""

from __future__ import annotations

import argparse

from django.conf import settings as django_settings

from pympler.cli import check
from pympler_django.management.shell import Shell

__all__ = ["Command"]


class Command(Shell):
    """``pympler check`` with the WSGI application of the project."""

    help = "Finds the requests of this project that leak: who holds what, and the line."
    add_parser = staticmethod(check.add_parser)

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """As for ``pympler check``, but the application need not be named."""
        super().add_arguments(parser)
        for action in parser._actions:
            if action.dest == "application" and not action.option_strings:
                action.nargs, action.required = "?", False
                action.help = "the application, by default the WSGI application of the project"

    def fill_in(self, arguments: argparse.Namespace) -> None:
        """The application is what the server would load."""
        if not arguments.application:
            module, _, name = (django_settings.WSGI_APPLICATION or "").rpartition(".")
            default = "django.core.wsgi:get_wsgi_application()"
            arguments.application = f"{module}:{name}" if module else default
