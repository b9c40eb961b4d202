"""``manage.py pympler_report``: what the workers of this project have found out."""

from __future__ import annotations

import argparse

from pympler.cli import report
from pympler_django.conf import read_settings
from pympler_django.management.shell import Shell

__all__ = ["Command"]


class Command(Shell):
    """``pympler report`` with the store of the project."""

    help = "Says what the workers of this project have found out about its routes."
    add_parser = staticmethod(report.add_parser)
    requires_system_checks = ()

    def fill_in(self, arguments: argparse.Namespace) -> None:
        """The store is that of ``PYMPLER``, unless another one is named."""
        if not arguments.store and not arguments.application:
            settings = read_settings()
            if settings.store:
                arguments.store = settings.store
            else:
                arguments.application = settings.application
