"""The panel for django-debug-toolbar under the name that it had in Pympler 1.1."""

from __future__ import annotations

from pympler_django.panel import MemoryPanel

__all__ = ["MemoryPanel"]
