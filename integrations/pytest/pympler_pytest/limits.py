"""Limits: what the markers of a test ask for."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

__all__ = ["Limits", "limits_of", "parse_bytes"]

_FACTORS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(?:([kmg]?)i?b)?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a test must keep to.

    Attributes:
        no_leaks: whether it must not leak.
        growth_bytes: bytes that each repetition may keep, ``None`` for any number.
        memory_bytes: bytes that it may need at a time, ``None`` for any number.
    """

    no_leaks: bool = False
    growth_bytes: int | None = None
    memory_bytes: int | None = None

    @property
    def repeats(self) -> bool:
        """Whether the body has to be repeated."""
        return self.no_leaks or self.growth_bytes is not None


def limits_of(item: pytest.Item) -> Limits:
    """What the markers of a test say; the closest one of each kind counts.

    Raises:
        ValueError: if one has arguments that it cannot use.
    """
    no_leaks = item.get_closest_marker("no_leaks")
    if no_leaks is not None and (no_leaks.args or no_leaks.kwargs):
        raise ValueError("no_leaks takes no arguments: write @pytest.mark.no_leaks")
    return Limits(
        no_leaks is not None,
        _argument(item, "max_growth", "10 KB"),
        _argument(item, "max_memory", "50 MB"),
    )


def parse_bytes(size: object) -> int:
    """A number of bytes, as a whole number or with a unit, 1 KB being 1024 bytes.

    Raises:
        ValueError: if it is none.

    Example:
        >>> parse_bytes("1.5 KB"), parse_bytes(300)
        (1536, 300)
    """
    if isinstance(size, int) and not isinstance(size, bool) and size >= 0:
        return size
    match = _SIZE.fullmatch(size) if isinstance(size, str) else None
    if match is None:
        raise ValueError(f"{size!r} is no size")
    return int(float(match[1]) * _FACTORS[(match[2] or "").lower()])


def _argument(item: pytest.Item, name: str, example: str) -> int | None:
    mark = item.get_closest_marker(name)
    if mark is None:
        return None
    if len(mark.args) != 1 or mark.kwargs:
        raise ValueError(f'{name} takes one size: write @pytest.mark.{name}("{example}")')
    try:
        return parse_bytes(mark.args[0])
    except ValueError as error:
        raise ValueError(
            f'{name}: {error}; write a number of bytes with a unit, such as "{example}"'
        ) from None
