"""The options of the sizing functions, checked."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import IO, Any

__all__ = ["Options", "power_of_two"]


@dataclass(frozen=True, slots=True, eq=False)
class Options:
    """What is counted and what is printed.

    Attributes:
        above: rank objects only with more bytes than this.
        align: sizes are rounded up to a multiple of this power of two; 0 or 1 for none.
        clip: the most characters of a ``repr``.
        code: count classes, functions and their code.
        cutoff: how many of the largest objects are printed, and below which share of the whole,
            in percent, the profile of a type is not.
        derive, infer: accepted for programs that pass them. The contents of derived and of
            dictionary-like types are always counted.
        detail: how many levels of referents an :class:`~pympler.asizeof.Asized` tells.
        frames: count frames that run.
        ignored: built-in classes and functions cost nothing, even with ``code``.
        limit: how many references away an object may be, 0 for the object alone; ``None`` for any.
        stats: 0 prints nothing, 1 a summary and the largest objects, 2 the types too, 3 and more
            what is done with each type. A fraction sets ``cutoff``: 1.25 is 1 with 25.
        stream: where it is printed; standard output if ``None``.
        max_objects: stop after this many objects; ``None`` for no limit.
        timeout_s: stop after this many seconds; ``None`` for no limit.
    """

    above: int = 1024
    align: int = 8
    clip: int = 80
    code: bool = False
    cutoff: int = 10
    derive: bool = False
    detail: int = 0
    frames: bool = False
    ignored: bool = True
    infer: bool = False
    limit: int | None = None
    stats: int = 0
    stream: IO[str] | None = None
    max_objects: int | None = None
    timeout_s: float | None = None

    def changed(self, caller: str, given: dict[str, Any]) -> Options:
        """These options with others, checked.

        Args:
            caller: name of the function that the user called, for the messages.
            given: options by name.

        Raises:
            KeyError: for an unknown name; ValueError: for a value that makes no sense.
        """
        known = {field.name for field in fields(self)}
        for name, value in given.items():
            if name not in known:
                raise KeyError(f"invalid option: {caller}({name}={value!r})")
        given = dict(given)
        if "stats" in given:
            given.update(_statistics(caller, given["stats"]))
        for name in ("limit", "detail", "max_objects", "timeout_s"):
            value = given.get(name)
            if value is not None and not (_is_number(value) and value >= 0):
                raise ValueError(
                    f"invalid option: {caller}({name}={value!r}): give a number from 0 up"
                )
        if "align" in given:
            given["align"] = power_of_two(caller, given["align"])
        return replace(self, **given)


def power_of_two(caller: str, align: Any) -> int:
    """An alignment, 1 for none.

    Raises:
        ValueError: if it is not a power of two.
    """
    if _is_number(align) and align <= 1:
        return 1
    if type(align) is not int or align & (align - 1):
        raise ValueError(f"invalid option: {caller}(align={align!r}): give a power of two")
    return align


def _statistics(caller: str, stats: Any) -> dict[str, int]:
    if not _is_number(stats) or stats < 0:
        raise ValueError(
            f"invalid option: {caller}(stats={stats!r}): give 0 for none up to 3 for all"
        )
    found = {"stats": int(stats)}
    if stats != int(stats):
        found["cutoff"] = round((stats - int(stats)) * 100)
    return found


def _is_number(value: Any) -> bool:
    return type(value) in (int, float, bool) and value == value
