"""Texts as Pympler 1.1 printed them, for programs that use its helpers."""

from __future__ import annotations

__all__ = ["pp", "pp_timestamp", "safe_repr", "trunc"]

_UNITS = ("B", "KB", "MB", "GB", "TB", "PB", "EB")


def safe_repr(obj: object, clip: int | None = None) -> str:
    """The ``repr`` of an object, ``"N/A"`` if that fails.

    Args:
        obj: any object.
        clip: the most characters; what is longer ends in two dots and its last two characters.

    Example:
        >>> safe_repr("abcdefghij", clip=8)
        "'abc..j'"
    """
    try:
        text = str.__str__(repr(obj))
    except Exception:  # noqa: BLE001 - a __repr__ of the user's may raise anything
        return "N/A"
    if clip is None or len(text) <= clip:
        return text
    return f"{text[: max(0, clip - 4)]}..{text[-2:]}"


def trunc(obj: object, max: int, left: bool = False) -> str:
    """The ``str`` of an object in one line, cut to a length with three dots.

    Args:
        obj: any object.
        max: the most characters.
        left: whether the beginning is cut, and not the end.

    Example:
        >>> trunc("a long text", 8), trunc("a long text", 8, left=True)
        ('a lon...', '... text')
    """
    try:
        text = str.__str__(str(obj))
    except Exception:  # noqa: BLE001 - a __str__ of the user's may raise anything
        text = "N/A"
    text = text.replace("\n", "|")
    if len(text) <= max:
        return text
    kept = max - 3 if max > 3 else 0
    return f"...{text[len(text) - kept :]}" if left else f"{text[:kept]}..."


def pp(i: float, base: int = 1024) -> str:
    """A number of bytes in a fixed width, with its unit.

    Args:
        i: bytes.
        base: how many of a unit make one of the next.

    Example:
        >>> pp(560), pp(1536), pp(-3 * 1024 * 1024)
        (' 560     B', '   1.50 KB', '  -3.00 MB')
    """
    if abs(i) < base:
        return f"{int(i):4d}     B"
    value, unit = float(i), 0
    while abs(value) >= base and unit < len(_UNITS) - 1:
        value /= base
        unit += 1
    return f"{value:7.2f} {_UNITS[unit]}"


def pp_timestamp(t: float | None) -> str:
    """Seconds as ``HH:MM:SS.ss``, an empty text for ``None``.

    Example:
        >>> pp_timestamp(3723.5)
        '01:02:03.50'
    """
    if t is None:
        return ""
    hours, rest = divmod(t, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{int(hours):02d}:{int(minutes):02d}:{seconds:05.2f}"
