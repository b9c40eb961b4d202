"""The URL of a store, as it is written in settings and on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

__all__ = ["StoreUrl", "parse_store_url"]

_FORMS = "'memory:', 'sqlite:///relative.db', 'sqlite:////absolute.db'"


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """What a URL names.

    Attributes:
        kind: ``"memory"`` or ``"sqlite"``.
        location: the path of the file, empty in memory.
    """

    kind: str
    location: str = ""


def parse_store_url(url: str) -> StoreUrl:
    """What a URL names: three slashes before a relative path, four before an absolute one.

    Raises:
        ValueError: if it names no store; says what is wrong and which forms there are.

    Example:
        >>> parse_store_url("sqlite:///leaks.db")
        StoreUrl(kind='sqlite', location='leaks.db')
        >>> parse_store_url("sqlite:////var/lib/shop/leaks.db").location
        '/var/lib/shop/leaks.db'
    """
    scheme, colon, rest = url.partition(":")
    if scheme == "memory" and colon and not rest:
        return StoreUrl("memory")
    if scheme == "sqlite" and colon:
        return StoreUrl("sqlite", _path(rest))
    raise ValueError(f"use {_FORMS}")


def _path(rest: str) -> str:
    if not rest.startswith("///"):
        raise ValueError(
            "a path comes after three slashes: 'sqlite:///relative.db', 'sqlite:////absolute.db'"
        )
    path = unquote(rest[3:])
    if path == ":memory:":
        raise ValueError("use 'memory:' for a store in memory")
    if not path or path.endswith("/") or "\0" in path:
        raise ValueError("it names no file: use 'sqlite:///relative.db'")
    if "?" in rest:
        raise ValueError("there are no options after a '?' (write %3F for one in a name)")
    return path
