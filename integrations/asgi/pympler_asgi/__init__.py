"""ASGI middleware: which request left what behind; needs no framework."""

from __future__ import annotations

from pympler_asgi.middleware import MemoryMiddleware

__all__ = ["MemoryMiddleware"]
