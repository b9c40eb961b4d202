"""What a view is given and what it gives back, before there is any HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pympler.render.pages.errors import MissingError
from pympler.render.pages.request import PageRequest
from pympler.render.pages.snapshot_files import Snapshots
from pympler.store import Store

__all__ = ["Redirect", "Rendered", "Site", "number_of"]


@dataclass(frozen=True, slots=True)
class Site:
    """What a view works with.

    Attributes:
        store: where reports are read and jobs are written.
        request: what was asked for; it has been let in.
        now: the moment of the request, in seconds since the epoch.
        snapshots: reads saved heap snapshots.
    """

    store: Store
    request: PageRequest
    now: float
    snapshots: Snapshots


@dataclass(frozen=True, slots=True)
class Rendered:
    """A template and the values to fill it with."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class Redirect:
    """Another page to look at, after a form was taken.

    Attributes:
        path: of a page of ours, or a whole address if it is ``elsewhere``.
    """

    path: str
    query: Mapping[str, object] = field(default_factory=dict)
    elsewhere: bool = False


def number_of(fields: Mapping[str, str], name: str, default: int, *, least: int = 0) -> int:
    """A whole number from a query or a form.

    Raises:
        MissingError: if it is none, or out of any range.
    """
    text = fields.get(name, "")
    if not text:
        return default
    # int() takes signs, blanks, underscores, and digits without an end.
    if not (text.isascii() and text.isdigit() and len(text) <= 12 and int(text) >= least):
        raise MissingError(f"There is no {name} {text[:40]!r}.")
    return int(text)
