"""What PostgreSQL and libpq say, in words that tell what to do."""

from __future__ import annotations

import psycopg

__all__ = ["explain"]

_CONNECTION = {
    "password authentication failed": "refuses this user or password; see the URL in 'store'",
    "no password supplied": "asks for a password; put it into the URL in 'store'",
    "no pg_hba.conf entry": "does not let this host or user in; see its pg_hba.conf",
    "does not exist": "knows no such database or role; create it, or see the URL in 'store'",
    "too many clients": "has no connection left; raise its max_connections, or put a pooler "
    "between",
    "starting up": "is starting up; nothing is to be done",
    "shutting down": "is shutting down",
    "translate host name": "cannot be found by its name; see the URL in 'store'",
}


def explain(error: psycopg.Error, location: str) -> str:
    """One sentence: where, what is wrong, what to do, and what was said."""
    said = " ".join(str(error).split())
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return (
            f"{location} does not let this role do that; GRANT it CREATE on the database, or make "
            f"it the owner of the schema pympler ({said})"
        )
    if isinstance(error, psycopg.errors.DiskFull):
        return f"{location} has no disk left; free some of it ({said})"
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return f"{location} only reads, it is a replica; give 'store' the primary ({said})"
    if isinstance(error, psycopg.errors.QueryCanceled | psycopg.errors.LockNotAvailable):
        return f"{location} is too slow or locked; see pg_stat_activity ({said})"
    if isinstance(error, psycopg.OperationalError):
        for words, explanation in _CONNECTION.items():
            if words in said:
                return f"{location} {explanation} ({said})"
        return f"{location} cannot be reached; is the server running? ({said})"
    return f"{location} cannot be used: {said}"
