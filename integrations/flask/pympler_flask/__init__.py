"""Flask extension: which request left what behind."""

from __future__ import annotations

try:
    import flask as _flask  # noqa: F401
except ImportError as error:
    raise ImportError('pympler_flask needs Flask: pip install "pympler[flask]"') from error

from pympler_flask.extension import Pympler

__all__ = ["Pympler"]
