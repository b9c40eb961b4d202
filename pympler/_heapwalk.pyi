from collections.abc import Sequence
from typing import Any

INTERFACE: int

class Marks:
    def __new__(cls, ids: list[int]) -> Marks: ...

class Walker:
    stopped: int
    objects: int
    bytes: int
    mappings: int
    def __new__(
        cls,
        shared: Marks | None = None,
        align: int = 1,
        least_int: int = 0,
        layout: tuple[bool, bool, int, int, int] | None = None,
    ) -> Walker: ...
    def teach(
        self,
        kind: type,
        mode: int,
        sizer: int,
        base: int,
        fixed: int,
        each: int,
        header: int,
        follow: int,
        flags: int,
        asked: Any,
        /,
    ) -> None: ...
    def know(self, types: list[type], /) -> None: ...
    def size(self, item: Any, /) -> int: ...
    def sizes(self, items: list[Any], /) -> Any: ...  # bytes, which is an attribute here
    def budget(self, most: int, timeout_s: float, /) -> None: ...
    def mark(self, items: list[Any], /) -> None: ...
    def fresh(self, items: list[Any], /) -> list[Any]: ...
    def look(self, items: list[Any], /) -> list[Any]: ...
    def walk(
        self, items: list[Any], depth: int, limit: int, deep: bool, alone: bool, /
    ) -> tuple[list[Any], list[Any], list[Any], list[Any], int]: ...
    def note(self, mappings: list[Any], namespaces: list[int], /) -> None: ...
    def add_keys(self, begin: int, end: int, /) -> None: ...
    def count(
        self, items: list[Any], /
    ) -> tuple[list[Any], list[Any], list[Any], list[Any], int]: ...
    def reach(
        self, items: list[Any] | None, skipped: Marks | None, /
    ) -> tuple[list[Any], list[Any]]: ...
    def tally(self) -> list[tuple[type, int, int]]: ...
    def lengths(
        self,
        objects: list[Any] | None,
        deque: type,
        array: type,
        queue: type,
        others: tuple[type, ...],
        least: int = 0,
        /,
    ) -> tuple[dict[int, int], list[Any]]: ...
    def graph(
        self,
        tops: list[Any],
        own: list[Any],
        frames: dict[int, list[Any]],
        familiar: list[Any],
        timeout_s: float,
        most: int,
        /,
    ) -> tuple[Any, ...]: ...
    def fork_graph(
        self,
        tops: list[Any],
        own: list[Any],
        frames: dict[int, list[Any]],
        familiar: list[Any],
        timeout_s: float,
        most: int,
        descriptor: int,
        /,
    ) -> int: ...

def dominators(
    starts: Sequence[int], targets: Sequence[int], tops: Sequence[int], found: Any, order: Any, /
) -> int: ...
def retained(sizes: Any, dominators: Sequence[int], order: Any, /) -> None: ...
def spread(
    starts: Sequence[int], targets: Sequence[int], parents: Any, queue: Any, begun: int, /
) -> int: ...
def by_kind(kinds: Sequence[int], sizes: Sequence[int], counts: Any, sums: Any, /) -> None: ...
