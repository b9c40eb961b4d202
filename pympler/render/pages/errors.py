"""What a view raises when it has no page to show."""

from __future__ import annotations

from pympler.errors import PymplerError

__all__ = ["MissingError", "RefusedError"]


class MissingError(PymplerError):
    """What was asked for is not there: a 404 with this message."""


class RefusedError(PymplerError):
    """A form asks for what cannot be done now: a 409 with this message."""
