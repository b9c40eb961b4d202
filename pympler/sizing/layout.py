"""What an instance holds besides its own block: the array of its attributes.

Since CPython 3.11 the attributes of an ordinary instance lie in an array that ``sys.getsizeof``
leaves out, and asking for ``__dict__`` would create one that stays. So a few words of memory are
read instead. Where they lie is found out by looking at instances made for it, each word compared
with an address that is known from elsewhere before it is followed. An interpreter on which one of
these comparisons fails has no :data:`LAYOUT`, and is measured with what it shows in public.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

__all__ = ["MANAGED_DICT", "Layout", "flags_of", "layout", "memory", "object_at"]

flags_of = type.__dict__["__flags__"].__get__
_basicsize_of = type.__dict__["__basicsize__"].__get__

MANAGED_DICT = 1 << 4
"""Flag of types whose instances carry their namespace in front of the object (3.11)."""
_INLINE_VALUES = 1 << 2
_WORD = 8
_DICT_KEYS, _DICT_VALUES = 32, 40
_KEYS_USABLE, _KEYS_USED, _KEYS_ENTRIES = 16, 24, 32


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where this interpreter keeps the attributes of instances.

    Attributes:
        words: all memory as machine words; ``words[address >> 3]``.
        inline: whether the array is part of the instance's block (3.13) or a block of its own.
        values_at: where an instance has the address of its array, relative to its own; 0 if
            ``inline``.
        dict_at: where it has the address of its ``__dict__``, relative to its own.
        tagged: whether both addresses share one word, of which the lowest bit tells which it is
            (3.12, where the address of the array is one less).
        keys_at: where a class has the names that its instances share, relative to its own address.
        dict_values_at: where a ``__dict__`` has the address of the array that it shows, 0 if it has
            a table.
    """

    words: Sequence[int]
    inline: bool
    values_at: int
    dict_at: int
    tagged: bool
    keys_at: int
    dict_values_at: int = _DICT_VALUES

    def hidden(self, kind: type) -> bool:
        """Whether instances of a type may have such an array."""
        flags = flags_of(kind)
        return bool(flags & (_INLINE_VALUES if self.inline else MANAGED_DICT))

    def hidden_bytes(self, kind: type, items: Sequence[Any]) -> list[int]:
        """Sizes of the arrays of instances of one type, 0 where there is none."""
        words = self.words
        if self.inline:
            at = _basicsize_of(kind)
            # Capacity, size, embedded and valid are a byte each; one byte for each value follows
            # the values, to remember the order in which they were set.
            capacities = [words[(id(item) + at) >> 3] & 0xFF for item in items]
            return [_WORD + _WORD * held + -(-held // _WORD) * _WORD for held in capacities]
        capacity = self._capacity(kind)
        at, tagged = self.values_at, self.tagged
        found = [words[(id(item) + at) >> 3] for item in items]
        if tagged:
            found = [word + 1 if word & 1 else 0 for word in found]
        return [self._array_bytes(values, capacity) if values else 0 for values in found]

    def namespace(self, item: Any) -> int:
        """The address of the ``__dict__`` of an instance with a managed one, 0 if it has none."""
        word = self.words[(id(item) + self.dict_at) >> 3]
        return 0 if self.tagged and word & 1 else word

    def holds_values(self, item: Any, kind: type) -> bool:
        """Whether the attributes lie in the array, and not in the ``__dict__`` alone."""
        if self.inline:
            if not flags_of(kind) & _INLINE_VALUES:
                return False
            return bool(self.words[(id(item) + _basicsize_of(kind)) >> 3] >> 24 & 0xFF)
        return not self.namespace(item)

    def split_dict_bytes(self, item: dict[Any, Any], values: int) -> int:
        """Size of a ``__dict__`` that shows an array: with the array, if that is not inline."""
        alone = _DICT_BYTES
        if not self.inline:
            usable = (sys.getsizeof(item) - alone) // _WORD
            return alone + self._array_bytes(values, usable)
        head = self.words[values >> 3]
        if head >> 16 & 0xFF:  # embedded: counted with the instance
            return alone
        held = head & 0xFF
        return alone + _WORD + _WORD * held + -(-held // _WORD) * _WORD

    def attributes(self, item: Any, kind: type) -> dict[str, Any]:
        """A new dictionary of what lies in the array of an instance, by name."""
        places = self._places(item, kind)
        return {object_at(name): object_at(value) for name, value in places if value}

    def name_of(self, item: Any, kind: type, value: Any) -> str:
        """The name under which a value lies in the array of an instance, empty if it does not.

        Looks into no other value of it.
        """
        names = (name for name, address in self._places(item, kind) if address == id(value))
        return next((str(object_at(name)) for name in names), "")

    def _places(self, item: Any, kind: type) -> Iterator[tuple[int, int]]:
        """The addresses of the names in the array of an instance, each with its value or 0."""
        keys = self._keys(kind)
        if not keys:
            return
        words = self.words
        values = (
            id(item) + _basicsize_of(kind) + _WORD
            if self.inline
            else words[(id(item) + self.values_at) >> 3] + self.tagged
        )
        entries = keys + _KEYS_ENTRIES + (1 << (words[(keys + _WORD) >> 3] >> 8 & 0xFF))
        used = words[(keys + _KEYS_USED) >> 3]
        if self.inline:
            used = min(used, words[(values - _WORD) >> 3] & 0xFF)
        for place in range(used):
            yield (
                words[(entries + place * 2 * _WORD) >> 3],
                words[(values + place * _WORD) >> 3],
            )

    def _keys(self, kind: type) -> int:
        return self.words[(id(kind) + self.keys_at) >> 3]

    def _capacity(self, kind: type) -> int:
        keys = self._keys(kind)
        if not keys:
            return 0
        return self.words[(keys + _KEYS_USABLE) >> 3] + self.words[(keys + _KEYS_USED) >> 3]

    def _array_bytes(self, values: int, capacity: int) -> int:
        # The byte in front of the values is the size of what lies before them, which grows with
        # the capacity that the array was made with: the first instances of a class get more.
        prefix = self.words[(values - _WORD) >> 3] >> 56
        capacity = min(max(capacity, prefix - 9), prefix - 2)
        return prefix + _WORD * capacity


_DICT_BYTES = dict.__basicsize__ + sys.getsizeof([]) - [].__sizeof__()


def object_at(address: int) -> Any:
    """The object with an address that was just read from a live one."""
    import ctypes

    return ctypes.cast(address, ctypes.py_object).value


class _Probe:
    """Instances of this class show the layout."""


@lru_cache(maxsize=1)
def layout() -> Layout | None:
    """The layout of this interpreter, ``None`` where it is not known."""
    if sys.implementation.name != "cpython" or "free-threading" in sys.version:
        return None
    if sys.byteorder != "little" or sys.maxsize != 2**63 - 1 or not flags_of(_Probe) & MANAGED_DICT:
        return None
    words = memory()
    return _look_at_probes(words) if words is not None else None


@lru_cache(maxsize=1)
def memory() -> Sequence[int] | None:
    """All memory as machine words, ``None`` where it cannot be read.

    Indexing it takes a fifth of what a pointer of ctypes does.
    """
    if sys.implementation.name != "cpython" or sys.maxsize != 2**63 - 1:
        return None
    try:
        import ctypes
    except ImportError:
        return None
    return cast(Sequence[int], (ctypes.c_uint64 * (sys.maxsize // _WORD)).from_address(0))


def _look_at_probes(words: Sequence[int]) -> Layout | None:
    first, second = object(), object()
    probes = []
    for _ in range(40):  # the first instances of a class have more room than they need
        probe = _Probe()
        probe.first, probe.second = first, second  # type: ignore[attr-defined]
        probes.append(probe)
    before = {at: words[(id(probe) + at) >> 3] for at in (-24, -32)}
    namespace = probe.__dict__
    if words[(id(probe) - 24) >> 3] != id(namespace):
        return None
    keys = words[(id(namespace) + _DICT_KEYS) >> 3]
    values = words[(id(namespace) + _DICT_VALUES) >> 3]
    if not keys or not values:
        return None
    places = range(0, _basicsize_of(type), _WORD)
    keys_at = [at for at in places if words[(id(_Probe) + at) >> 3] == keys]
    if len(keys_at) != 1:
        return None
    if values == id(probe) + _basicsize_of(_Probe) and flags_of(_Probe) & _INLINE_VALUES:
        found = Layout(words, True, 0, -24, False, keys_at[0])
    elif before[-32] == values and not before[-24]:
        found = Layout(words, False, -32, -24, False, keys_at[0])
    elif before[-24] == values - 1:
        found = Layout(words, False, -24, -24, True, keys_at[0])
    else:
        return None
    return found if _is_confirmed(found, probes[-2], first, second) else None


def _is_confirmed(found: Layout, probe: _Probe, first: object, second: object) -> bool:
    words, keys = found.words, found._keys(_Probe)
    if words[(keys + _KEYS_USED) >> 3] != 2 or found._capacity(_Probe) > 30:
        return False
    at = _basicsize_of(_Probe) if found.inline else found.values_at
    start = id(probe) + at + _WORD
    if not found.inline:
        start = words[(id(probe) + at) >> 3] + found.tagged
    if [words[start >> 3], words[(start + _WORD) >> 3]] != [id(first), id(second)]:
        return False
    if found.inline and words[(start - _WORD) >> 3] >> 24 & 0xFF != 1:
        return False
    names = keys + _KEYS_ENTRIES + (1 << (words[(keys + _WORD) >> 3] >> 8 & 0xFF))
    addresses = [words[names >> 3], words[(names + 2 * _WORD) >> 3]]
    return addresses == [id(sys.intern("first")), id(sys.intern("second"))]
