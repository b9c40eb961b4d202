"""Objects by type: how many, and how many bytes.

>>> from pympler import summary
>>> summary.print_(summary.summarize([[], [], "text"]), limit=1)
  types |   # objects |   total size
======= | =========== | ============
   list |           2 |    112     B
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import FrameType, FunctionType, ModuleType
from typing import IO, Any

from pympler.graph.heap import by_type
from pympler.sizing.compiled import extension, new_walker
from pympler.sizing.kinds import kind_of
from pympler.sizing.shallow import EVERYTHING, shallow_sizes
from pympler.sizing.taught import BY_NATURE, PARK, teach, teach_mode
from pympler.util.names import type_name
from pympler.util.stringutils import pp
from pympler.util.text import safe_repr

__all__ = [
    "Row",
    "Summary",
    "format_",
    "get_diff",
    "print_",
    "representations",
    "summarize",
    "type_repr",
]

type_repr = re.compile(r"^<(?:type|class) '(\S+)'>$")
"""What the ``repr`` of a class looks like, with its name as group 1."""

address = re.compile(r" at 0x[0-9a-fA-F]+")
"""The address in a ``repr``, which is left out."""

representations: dict[type, list[Callable[[Any], str]]] = {
    FrameType: [lambda item: f"frame (codename: {item.f_code.co_name})"],
    FunctionType: [
        lambda item: f"function ({item.__name__})",
        lambda item: f"function ({item.__module__}.{item.__name__})",
    ],
    ModuleType: [lambda item: f"module({item.__name__})"],
    dict: [lambda item: "dict", lambda item: f"dict, len={len(item)}"],
    list: [lambda item: "list", lambda item: f"list, len={len(item)}"],
    set: [lambda item: "set", lambda item: f"set, len={len(item)}"],
}
"""How objects of a type are called, briefly first. Entries of yours split the rows of a type."""

_LOOKED_AT = 2000
_OURS = {id(kind): made[0] for kind, made in representations.items()}


class Row(list[Any]):
    """A row of a summary: name, number of objects, bytes. Knows its type without holding it.

    Args:
        name: how the type is called.
        number: of objects.
        size: bytes of all of them, each without what it refers to.
        key: what makes two rows of two summaries the same; the name if ``None``.
    """

    __slots__ = ("key",)

    def __init__(self, name: str, number: int, size: int, key: tuple[Any, ...] | None = None):
        super().__init__((name, number, size))
        self.key = key or (name,)


class Summary(list[Any]):
    """A summary: a list of rows. Of a type of its own, so that trackers can leave it out."""

    __slots__ = ()


def summarize(objects: Iterable[Any]) -> Summary:
    """Count objects by type.

    Two classes of one name have a row each. What :data:`representations` says about a type splits
    its row, if the entry is not the one that is there from the beginning.

    Returns:
        Rows of name, number and bytes.
    """
    rows = Summary()
    if extension() is not None:
        rows.extend(_compiled_rows(objects if type(objects) is list else list(objects)))
        return rows
    for kind, items in by_type(objects):
        rows.extend(_rows(kind, items))
    return rows


def _compiled_rows(objects: list[Any]) -> Iterator[Row]:
    walker = new_walker()
    parked: list[Any] = []
    # Fewer are handed back as unknown if the types of some of them are known before.
    _learn(walker, walker.look(objects[:: len(objects) // _LOOKED_AT + 1]))
    while objects:
        more, objects, samples, _, _ = walker.count(objects)
        parked += more
        _learn(walker, samples)
    by_kind = {id(kind): items for kind, items in by_type(parked)}
    for kind, number, size in walker.tally():
        items = by_kind.get(id(kind), [])
        if number:
            name = type_name(kind)
            yield Row(name, number + len(items), size + _bytes(items), (id(kind), name))
        elif items:
            yield from _rows(kind, items)


def _learn(walker: Any, samples: list[Any]) -> None:
    for item in samples:
        if _own_representation(type(item)) is not None:
            teach_mode(walker, type(item), PARK)
        else:
            teach(walker, kind_of(type(item), EVERYTHING), item, follow=BY_NATURE)


def _rows(kind: type, items: list[Any]) -> Iterator[Row]:
    name, key = type_name(kind), (id(kind), type_name(kind))
    own = _own_representation(kind)
    if own is None:
        yield Row(name, len(items), _bytes(items), key)
        return
    by_text: dict[str, list[Any]] = {}
    for item in items:
        by_text.setdefault(_guarded(own, item), []).append(item)
    for text, some in by_text.items():
        yield Row(text, len(some), _bytes(some), (*key, text))


def _bytes(items: list[Any]) -> int:
    return sum(shallow_sizes(items))


def _own_representation(kind: type) -> Callable[[Any], str] | None:
    for known, made in list(representations.items()):
        if known is kind and made and made[0] is not _OURS.get(id(kind)):
            return made[0]
    return None


def get_diff(left: Sequence[Any], right: Sequence[Any]) -> Summary:
    """What changed between two summaries: the second without the first.

    Returns:
        A row for each type of either; what did not change has zeros, what is gone is negative.

    Example:
        >>> [list(row) for row in get_diff(summarize([[]]), summarize([[], [], "a"]))][0][:2]
        ['list', 1]
    """
    before = {_key(row): row for row in left}
    found = Summary()
    for row in right:
        old = before.pop(_key(row), (row[0], 0, 0))
        found.append(Row(row[0], row[1] - old[1], row[2] - old[2], _key(row)))
    found.extend(Row(row[0], -row[1], -row[2], key) for key, row in before.items())
    return found


def _key(row: Any) -> tuple[Any, ...]:
    return row.key if type(row) is Row else (row[0],)


def format_(
    rows: Iterable[Any], limit: int = 15, sort: str = "size", order: str = "descending"
) -> Iterator[str]:
    """A summary as lines of a table.

    Args:
        rows: the summary.
        limit: the most rows.
        sort: ``"type"``, ``"#"`` or ``"size"``.
        order: ``"ascending"`` or ``"descending"``.

    Raises:
        ValueError: if ``sort`` or ``order`` is another word.
    """
    sorts = {"type": 0, "#": 1, "size": 2}
    if sort not in sorts:
        raise ValueError(f"invalid sort {sort!r}, should be one of {list(sorts)}")
    if order not in ("ascending", "descending"):
        raise ValueError(f"invalid order {order!r}, should be 'ascending' or 'descending'")
    ordered = sorted(rows, key=lambda row: row[sorts[sort]], reverse=order == "descending")
    table = [["types", "# objects", "total size"]]
    table += [[str(row[0]), str(row[1]), pp(row[2])] for row in ordered[:limit]]
    return _lines(table)


def _lines(table: list[list[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) + 2 for column in zip(*table, strict=True)]
    for place, row in enumerate(table):
        yield " | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        if place == 0:
            yield " | ".join("=" * width for width in widths)


def print_(
    rows: Iterable[Any],
    limit: int = 15,
    sort: str = "size",
    order: str = "descending",
    stream: IO[str] | None = None,
) -> None:
    """Print a summary as a table.

    Args:
        rows: the summary.
        limit: the most rows.
        sort: ``"type"``, ``"#"`` or ``"size"``.
        order: ``"ascending"`` or ``"descending"``.
        stream: where to; standard output if ``None``.

    Raises:
        ValueError: if ``sort`` or ``order`` is another word.
    """
    for line in format_(rows, limit=limit, sort=sort, order=order):
        print(line, file=stream)


def _repr(o: Any, verbosity: int = 1) -> str:
    """How an object is called in a summary or a tree of references.

    Args:
        o: any object.
        verbosity: 1 for brief, 2 and more for what else :data:`representations` has.
    """
    for known, made in list(representations.items()):
        if known is type(o) and made:
            text = _guarded(made[min(verbosity, len(made)) - 1], o)
            break
    else:
        text = type_name(o) if issubclass(type(o), type) else _shortened(o)
    return address.sub("", text)


def _shortened(o: Any) -> str:
    text = safe_repr(o, 0)
    found = type_repr.match(text)
    return found[1] if found else text


def _guarded(made: Callable[[Any], str], item: Any) -> str:
    try:
        return str.__str__(made(item))
    except Exception:  # noqa: BLE001 - written by the user, or of an object that is half made
        return type_name(type(item))
