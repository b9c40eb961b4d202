"""The URL of a store, as it is written in settings and on the command line."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

__all__ = ["StoreUrl", "parse_store_url", "without_password"]

_FORMS = (
    "'memory:', 'sqlite:///relative.db', 'sqlite:////absolute.db', "
    "'postgresql://user@host:5432/database'"
)


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """What a URL names.

    Attributes:
        kind: ``"memory"``, ``"sqlite"`` or ``"postgresql"``.
        location: the path of the file, or the whole URL of a database; empty in memory.
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
    if scheme in ("postgresql", "postgres") and colon:
        return StoreUrl("postgresql", _checked(url))
    raise ValueError(f"use {_FORMS}")


def _checked(url: str) -> str:
    form = "use 'postgresql://user:password@host:5432/database'"
    try:
        parts = urlsplit(url)
        fault = "" if parts.port is None or parts.port else "port 0"
    except ValueError as error:
        raise ValueError(f"{error}; {form}") from None
    if not url.partition(":")[2].startswith("//"):
        fault = "two slashes are missing"
    elif not parts.path.strip("/") and not parts.query:
        fault = "it names no database"
    if fault:
        raise ValueError(f"{fault}; {form}")
    return url


def without_password(url: str) -> str:
    """A URL that may be shown.

    Example:
        >>> without_password("postgresql://me:secret@db/shop?password=secret")
        'postgresql://me@db/shop'
    """
    if not url.startswith(("postgres:", "postgresql:")):
        return url
    parts = urlsplit(url)
    if not parts.netloc:
        return url.partition("?")[0]
    user, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}"


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
