"""Callbacks of the collector, among those of others."""

from __future__ import annotations

import gc

from pympler.util.gc_callbacks import before_full_collections


class Hostile:
    __hash__ = None  # type: ignore[assignment]

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        """Another callback."""

    def __eq__(self, other: object) -> bool:
        raise AssertionError("code of the application was run")


def test_other_callbacks_are_not_asked_whether_they_are_ours() -> None:
    calls: list[str] = []
    hostile = Hostile()
    gc.callbacks.insert(0, hostile)
    try:
        with before_full_collections(lambda: calls.append("let go")):
            gc.collect(0)
            gc.collect(1)
            assert calls == []
            gc.collect()
        gc.collect()
        assert calls == ["let go"]
        assert gc.callbacks[0] is hostile
    finally:
        del gc.callbacks[0]
