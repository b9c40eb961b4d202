"""Django app: which request left what behind."""

from __future__ import annotations

try:
    import django as _django  # noqa: F401
except ImportError as error:
    raise ImportError('pympler_django needs Django: pip install "pympler[django]"') from error

from pympler_django.conf import get_monitor

__all__ = ["get_monitor"]
