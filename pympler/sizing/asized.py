"""The size of an object in parts: itself, and what it refers to by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pympler.sizing.named import attributes_of, named_referents, namespace_of
from pympler.sizing.python_walk import Outcome, Walk
from pympler.util.sizes import format_bytes
from pympler.util.text import safe_repr

__all__ = ["Asized", "break_down"]


class Asized:
    """The size of an object and of what it refers to, as plain data.

    Attributes:
        size: bytes with everything that the object refers to; flat: of the object alone.
        refs: the same for its referents; empty beyond the level of detail that was asked for.
        name: what it is called where it was found, or its ``repr``.
    """

    __slots__ = ("flat", "name", "refs", "size")

    def __init__(
        self, size: int, flat: int, refs: Sequence[Asized] = (), name: str | None = None
    ) -> None:
        self.size = size
        self.flat = flat
        self.refs = refs
        self.name = name

    def __str__(self) -> str:
        return f'size {self.size}, flat {self.flat}, refs[{len(self.refs)}], name "{self.name}"'

    def __repr__(self) -> str:
        return f"Asized({self.size}, {self.flat}, refs=[{len(self.refs)}], name={self.name!r})"

    def format(
        self,
        format: str = "%(name)s size=%(size)d flat=%(flat)d",
        depth: int = -1,
        order_by: str = "size",
        indent: str = "",
    ) -> str:
        """The parts as text, a line for each.

        Args:
            format: how a line reads, with the fields ``name``, ``size`` and ``flat``.
            depth: how many levels of referents follow; -1 for all.
            order_by: ``"size"`` or ``"flat"``, the largest first, or ``"name"``.
            indent: what stands before the first line.

        Raises:
            ValueError: if ``order_by`` is another word.
        """
        if order_by not in ("size", "flat", "name"):
            raise ValueError(f"order_by is {order_by!r}: use 'size', 'flat' or 'name'")
        fields = {"name": self.name, "size": self.size, "flat": self.flat}
        lines = [indent + format % fields]
        if depth != 0:
            lines.extend(
                ref.format(format, depth - 1, order_by, indent + "    ")
                for ref in _ordered(self.refs, order_by)
            )
        return "\n".join(lines)

    def get(self, name: str, dflt: Any = None) -> Any:
        """The referent with a name, ``dflt`` if there is none."""
        return next((ref for ref in self.refs if ref.name == name), dflt)

    def to_dict(self) -> dict[str, Any]:
        """The parts as a dictionary that JSON can carry: ``name``, ``size``, ``flat``, ``refs``."""
        return {
            "name": self.name,
            "size": self.size,
            "flat": self.flat,
            "refs": [ref.to_dict() for ref in self.refs],
        }

    def tree(self, depth: int = -1) -> str:
        """The parts as a tree of text with shares of the whole, the largest first.

        Args:
            depth: how many levels of referents are shown; -1 for all.
        """
        return "\n".join(_branches(self, self.size or 1, depth, "", ""))


def _ordered(refs: Iterable[Asized], order_by: str) -> list[Asized]:
    if order_by == "name":
        return sorted(refs, key=lambda ref: ref.name or "")
    return sorted(refs, key=lambda ref: -int(getattr(ref, order_by)))


def _branches(part: Asized, whole: int, depth: int, first: str, rest: str) -> list[str]:
    share = 100 * part.size / whole
    lines = [f"{first}{format_bytes(part.size):>8} {share:5.1f} %  {part.name}"]
    if depth == 0:
        return lines
    refs = _ordered(part.refs, "size")
    for place, ref in enumerate(refs):
        is_last = place == len(refs) - 1
        lines += _branches(
            ref,
            whole,
            depth - 1,
            rest + ("`-- " if is_last else "|-- "),
            rest + ("    " if is_last else "|   "),
        )
    return lines


def break_down(walk: Walk, item: Any, detail: int, clip: int, limit: int | None = None) -> Asized:
    """The size of an object in parts.

    Args:
        walk: a fresh walk; what it has seen counts for nothing here. Its namespaces have to be
            known, as they are after another walk over the same objects.
        item: the object.
        detail: how many levels of referents are told one by one.
        clip: the most characters of a name.
        limit: how many references away an object may be; ``None`` for any.
    """
    walk.mark(item)
    return _part(walk, item, safe_repr(item, clip), detail, clip, limit)


def _part(walk: Walk, item: Any, name: str, detail: int, clip: int, limit: int | None) -> Asized:
    """An object that is already marked as seen."""
    kind = walk.kind(item)
    if not kind.counted or (kind.keep is not None and not kind.keep([item])):
        return Asized(0, 0, (), name)
    flat = Outcome()
    walk.limit = 0
    walk.spread([item], flat)
    walk.finish([flat])
    flat_bytes = flat.total
    if limit == 0:
        return Asized(flat_bytes, flat_bytes, (), name)
    below = None if limit is None else limit - 1
    if detail <= 0:
        return Asized(flat_bytes + _deep(walk, [item], below), flat_bytes, (), name)
    refs = tuple(_referents(walk, item, detail - 1, clip, below))
    return Asized(flat_bytes + sum(ref.size for ref in refs), flat_bytes, refs, name)


def _deep(walk: Walk, owners: list[Any], limit: int | None) -> int:
    """Bytes of what is reached from objects, without themselves."""
    outcome = Outcome()
    following: list[Any] = []
    for owner in owners:
        walk.follow(walk.kind(owner), [owner], following, outcome)
    walk.limit = limit
    walk.spread(walk.fresh(following), outcome)
    walk.finish([outcome])
    return outcome.total


def _referents(walk: Walk, item: Any, detail: int, clip: int, limit: int | None) -> list[Asized]:
    parts = []
    attributes = attributes_of(item) if namespace_of(item) is None else None
    named = named_referents(item, clip)
    for name, child in named:
        if name.startswith("[K] ") and id(item) in walk.namespaces:
            parts.append(Asized(0, 0, (), name))  # names of attributes belong to the class
        elif name == "__dict__" and attributes is not None:
            parts.append(_attributes(walk, attributes, detail, clip, limit))
        else:
            parts.append(_child(walk, child, name, detail, clip, limit))
    names = {id(child) for _, child in named}
    names.update(map(id, (attributes or {}).values()))
    kind = walk.kind(item)
    for child in kind.try_referents([item]) or ():
        if id(child) not in names and id(child) != id(type(item)):
            names.add(id(child))
            parts.append(_child(walk, child, safe_repr(child, clip), detail, clip, limit))
    return parts


def _child(walk: Walk, child: Any, name: str, detail: int, clip: int, limit: int | None) -> Asized:
    if not walk.fresh([child]):
        return Asized(0, 0, (), name)
    return _part(walk, child, name, detail, clip, limit)


def _attributes(
    walk: Walk, attributes: dict[str, Any], detail: int, clip: int, limit: int | None
) -> Asized:
    """Attributes that lie in no dictionary, told as if there were one without a size."""
    refs = []
    for key, value in attributes.items():
        refs.append(Asized(0, 0, (), f"[K] {key}"))
        name = f"[V] {key}: {safe_repr(value, clip)}"
        refs.append(_child(walk, value, name, detail - 1, clip, limit))
    size = sum(ref.size for ref in refs)
    return Asized(size, 0, tuple(refs) if detail > 0 else (), "__dict__")
