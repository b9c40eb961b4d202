"""Which of several holders comes first."""

from __future__ import annotations

import gc
import weakref
from typing import Any

from pympler.leaks.check.candidates import Candidate, entries_of, rank
from pympler.leaks.containers import tracked_ids


class User:
    """Something that may be referred to weakly."""


def candidate(path: str, container: Any) -> Candidate:
    return Candidate(
        path=path,
        type=type(container).__name__,
        application=True,
        length=container.__len__,
        entries=lambda: gc.get_referents(container),
        table_bytes=container.__sizeof__,
        growth=1.0,
    )


def test_who_holds_comes_before_a_mapping_that_only_follows() -> None:
    by_number: weakref.WeakValueDictionary[str, User] = weakref.WeakValueDictionary()
    online: list[User] = []
    both = [candidate("by_number", vars(by_number)["data"]), candidate("online", online)]
    old = tracked_ids()
    for number in range(50):
        by_number[f"number {number}"] = user = User()
        online.append(user)

    ranked = rank(both, dict.fromkeys(both, frozenset()), old)
    assert [one.path for one in ranked] == ["online", "by_number"]


def test_keys_are_among_what_a_dictionary_holds() -> None:
    texts: dict[Any, int] = {f"key {number}": 1 for number in range(3)}
    mixed: dict[Any, int] = {**texts, 0.5: 1}
    class_of_ours = type("Registry", (dict,), {})
    for kept in (texts, mixed, class_of_ours(texts)):
        held = [id(item) for item in entries_of(kept)]
        assert [held.count(id(key)) for key in kept] == [1] * len(kept)
    assert entries_of([texts]) == [texts]
