"""Pympler: how big Python objects are, what is alive, who holds it, and which request left it."""

from __future__ import annotations

__version__ = "2.0.0.dev0"

__all__ = ["__version__"]
