"""Bytes for people."""

from __future__ import annotations

__all__ = ["format_bytes", "format_number"]

_UNITS = ("B", "KB", "MB", "GB", "TB")


def format_bytes(size: float) -> str:
    """A number of bytes with two significant digits at least, 1 KB being 1024 bytes.

    Example:
        >>> format_bytes(87), format_bytes(4301), format_bytes(-2621440)
        ('87 B', '4.2 KB', '-2.5 MB')
    """
    sign, size = ("-", -size) if size < 0 else ("", size)
    unit = 0
    while size >= 1023.5 and unit < len(_UNITS) - 1:
        size /= 1024
        unit += 1
    digits = 0 if unit == 0 or size >= 99.95 else 1
    return f"{sign}{size:.{digits}f} {_UNITS[unit]}"


def format_number(number: float) -> str:
    """A count per request, without needless digits.

    Example:
        >>> format_number(3.0), format_number(0.5), format_number(12.34), format_number(0.004)
        ('3', '0.5', '12.3', '0.004')
    """
    if abs(number) >= 0.1:
        return f"{number:.1f}".removesuffix(".0")
    return f"{number:.2g}" if number else "0"
