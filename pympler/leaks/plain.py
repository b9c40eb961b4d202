"""Plain data: what is written and read as JSON, with the version of its schema."""

from __future__ import annotations

import functools
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

__all__ = ["SCHEMA", "Plain", "from_dict", "to_dict"]

SCHEMA = 1
"""Version of the dictionaries made by ``to_dict``; it rises when a field changes its meaning."""

T = TypeVar("T")


class Plain:
    """What is written and read as JSON, with the version of its schema."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """This value as JSON-ready data."""
        return dict(to_dict(self))

    @classmethod
    def from_dict(cls: type[T], data: Mapping[str, Any]) -> T:
        """The value that :meth:`to_dict` described.

        Raises:
            ValueError: if it was written by a newer version, or a field is missing.
        """
        return from_dict(cls, data)


def to_dict(value: Any) -> Any:
    """A report as JSON-ready data: dictionaries, lists, strings and numbers."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_dict(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, (tuple, list)):
        return [to_dict(item) for item in value]
    return value


def from_dict(kind: type[T], data: Mapping[str, Any]) -> T:
    """The value of the dataclass ``kind`` that :func:`to_dict` described.

    Keys that this version does not know are ignored, so that a newer writer can add fields.

    Raises:
        ValueError: if the schema is newer than this version reads, or a field is missing.
    """
    schema = data.get("schema", SCHEMA)
    if not isinstance(schema, int) or schema > SCHEMA:
        raise ValueError(
            f"{kind.__name__} of schema {schema!r} cannot be read, this version reads up to "
            f"{SCHEMA}; upgrade pympler"
        )
    try:
        return kind(
            **{
                name: data[name] if part is None else _rebuild(part, data[name])
                for name, part in _parts(kind)  # type: ignore[arg-type]
                if name in data
            }
        )
    except TypeError as error:
        raise ValueError(f"{kind.__name__} cannot be read: {error}") from error


@functools.cache  # a page reads hundreds of reports
def _parts(kind: type[Any]) -> tuple[tuple[str, Any], ...]:
    """The fields of a dataclass, each with its type if there is something to rebuild."""
    hints = typing.get_type_hints(kind)
    found = []
    for field in fields(kind):
        hint = hints[field.name]
        made = typing.get_origin(hint) is tuple or (isinstance(hint, type) and is_dataclass(hint))
        found.append((field.name, hint if made else None))
    return tuple(found)


def _rebuild(hint: Any, value: Any) -> Any:
    if isinstance(hint, type) and is_dataclass(hint):
        return from_dict(hint, value)
    if typing.get_origin(hint) is tuple:
        return tuple(_rebuild(typing.get_args(hint)[0], item) for item in value)
    return value
