"""Candidates: what grew in the rounds, named, and ready to be watched by its length."""

from __future__ import annotations

import gc
import logging
import sys
import weakref
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from pympler.graph.heap import keys_of
from pympler.graph.landmarks import what_runs
from pympler.graph.paths import find_chains
from pympler.graph.roots import is_own, module_namespace
from pympler.leaks.bounds import NOTHING_DECLARED, Declared, declared_of, of_application
from pympler.leaks.check.weight import left_behind
from pympler.leaks.containers import cache_dict, fetch
from pympler.leaks.lengths import LruCache, bound_of, length_of
from pympler.leaks.report import Suspect
from pympler.sizing.flat import flat_size
from pympler.util.names import type_name

__all__ = [
    "Candidate",
    "Key",
    "container_candidates",
    "entries_of",
    "module_of",
    "name_objects",
    "rank",
]

Key = int | tuple[int, int]
"""Id of a container, or that of an owner with the place in it."""

_MOST = 20
_UNNAMED = "that only the interpreter holds"


@dataclass(slots=True, eq=False)
class Candidate:
    """Something that grows. Lives as long as the check of its route, and holds what it watches.

    Attributes:
        path: the way to it in words; type: its type in words.
        application: whether the way begins in a module of the application.
        length: reads how long it is now, ``None`` if that cannot be told any more.
        entries: lists what it holds.
        table_bytes: reads its own flat size.
        growth: entries per request, as it grew in the rounds.
        bound: declared for good (``maxlen``); declared: by its owner or in code.
        key: tells it from others in :func:`~pympler.leaks.containers.read_lengths` or in
            :func:`~pympler.leaks.check.slots.read_slots`; ``None`` for what is in neither.
        is_slot: whether it is what stands in a place now, rather than one object.
        patient: whether it is judged at the end only, because it grows in turns.
        verdict: ``None`` until it is confirmed as ``"leak"`` or found ``"bounded"``.
        reached_bytes: what it keeps, whether others keep it as well or not.
        seen_bound: longest that it was seen to be, once it is bounded; was_emptied: whether it
            let go of many entries at once.
    """

    path: str
    type: str
    application: bool
    length: Callable[[], int | None]
    entries: Callable[[], list[Any]]
    table_bytes: Callable[[], int]
    growth: float
    bound: int | None = None
    declared: Declared = NOTHING_DECLARED
    key: Key | None = None
    is_slot: bool = False
    patient: bool = False
    verdict: str | None = None
    seen_bound: int | None = None
    was_emptied: bool = False
    evidence: str = ""
    weak: bool = False
    objects_per_request: float = 0.0
    bytes_per_request: float = 0.0
    reached_bytes: float = 0.0
    stored_at: str | None = None

    def is_full(self) -> bool:
        """Whether it has come to the bound that it declares, and stays there."""
        return self.bound is not None and (self.length() or 0) >= self.bound

    def as_suspect(self) -> Suspect:
        """The candidate as plain data."""
        return Suspect(
            holder=self.path,
            type=self.type,
            growth_per_request=round(self.growth, 3),
            bytes_per_request=round(self.bytes_per_request, 1),
            stored_at=self.stored_at,
            evidence=self.evidence,
            bound=self.bound if self.bound is not None else self.seen_bound,
        )


def container_candidates(growing: Mapping[int, float]) -> list[Candidate]:
    """Containers that grow, by id with their growth per request, as named candidates.

    What only Pympler's own objects hold is left out.
    """
    most = sorted(growing, key=lambda key: -growing[key])[:_MOST]
    items = fetch(set(most))
    names = name_objects(items)
    found = []
    for key, item in items.items():
        name = names.get(key)
        if name is None:
            if _belongs_to_pympler(item):
                continue
            name = _Name(f"a {type_name(type(item))} {_UNNAMED}", False)
        found.append(_container(item, growing[key], name))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Name:
    text: str
    application: bool
    declared: Declared = NOTHING_DECLARED


def name_objects(items: Mapping[int, Any]) -> dict[int, _Name]:
    """Names for objects, given by id; those that no root leads to are left out."""
    names = {
        key: _Name(*found) for key, item in items.items() if (found := module_of(item)) is not None
    }
    chains = find_chains(key for key in items if key not in names)
    for key, ids in chains.ids.items():
        objects = chains.objects(ids)
        if objects is not None:
            path = chains.describe_holder(objects)
            application = of_application(objects[0])
            text = path.text if application else _of_logger(objects) or path.text
            names[key] = _Name(text, application, declared_of(text, objects))
    return names


def _of_logger(objects: list[Any]) -> str | None:
    """The handlers or filters of a logger, which every module with a logger leads to."""
    for owner in objects[-3:-1]:
        if issubclass(type(owner), logging.Logger):
            names = [
                name for name in ("handlers", "filters") if owner.__dict__[name] is objects[-1]
            ]
            return f"logging.getLogger({owner.name!r}).{names[0]}" if names else None
    return None


def module_of(item: Any) -> tuple[str, bool] | None:
    """The name of the module whose namespace this is, and whether it is the application's."""
    if type(item) is not dict:
        return None
    if item is sys.modules:
        return "sys.modules", False
    for name, module in list(sys.modules.items()):
        if issubclass(type(module), ModuleType) and module_namespace(module) is item:
            return f"the names in {name}", of_application(module)
    return None


def rank(
    candidates: list[Candidate], known: Mapping[Candidate, Collection[int]], old: Collection[int]
) -> list[Candidate]:
    """The candidates by how much of what is left they explain, the most probable first.

    Sets what each of them keeps: shared objects count for the first that holds them. What keeps
    nothing of its own and is not the application's is left out, if something else explains it.

    Args:
        candidates: what was watched.
        known: ids of the entries that each had before.
        old: ids of the objects that were there before.
    """
    for one in candidates:
        fresh = _fresh(one, known[one])
        one.weak = _only_follows(fresh)
        del fresh
        kept = left_behind([lambda one=one: _fresh(one, known[one])], old)[0]  # type: ignore[misc]
        one.bytes_per_request = one.reached_bytes = float(kept.flat_bytes)
        if not one.application:
            one.path += _what_run(_fresh(one, known[one]))
    ordered = sorted(
        candidates, key=lambda one: (one.weak, not one.application, -one.bytes_per_request)
    )
    groups = [lambda one=one: _fresh(one, known[one]) for one in ordered]
    for one, kept in zip(ordered, left_behind(groups, old), strict=True):
        one.objects_per_request = float(kept.objects)
        one.bytes_per_request = float(kept.flat_bytes)
    named = [one for one in ordered if not one.path.endswith(_UNNAMED)] or ordered
    own = [one for one in named if one.application or (one.objects_per_request and not one.weak)]
    return own or named[:1]


def _what_run(entries: list[Any]) -> str:
    """What most of the entries of a library's registry will run, for the end of its name."""
    names = Counter(filter(None, map(what_runs, entries[:_MOST])))
    return f": {names.most_common(1)[0][0]}" if names else ""


def _fresh(one: Candidate, known: Collection[int]) -> list[Any]:
    return [item for item in one.entries() if id(item) not in known]


def _only_follows(entries: list[Any]) -> bool:
    """Whether entries are weak references, beside the keys or values that go with them."""
    followed = [item for item in entries if _is_live_weakref(item)]
    return bool(followed) and not any(
        gc.is_tracked(item) for item in entries if not _is_live_weakref(item)
    )


def _is_live_weakref(item: Any) -> bool:
    # A list of dead ones is a leak of its own; a WeakSet only follows what others hold.
    return issubclass(type(item), weakref.ref) and weakref.ref.__call__(item) is not None


def _container(item: Any, growth: float, name: _Name) -> Candidate:
    is_cache = type(item) is LruCache
    inner = cache_dict(item) if is_cache else item
    return Candidate(
        path=name.text,
        type="lru_cache" if is_cache else type_name(type(item)),
        application=name.application,
        length=lambda: length_of(item),
        # The values of a bounded cache lie in links that only the cache itself shows.
        entries=lambda: gc.get_referents(item, cache_dict(item)) if is_cache else entries_of(item),
        table_bytes=lambda: flat_size(inner),
        growth=growth,
        bound=bound_of(item),
        declared=name.declared,
        key=id(item),
    )


def entries_of(item: Any) -> list[Any]:
    """What a container holds, the keys of a dictionary included.

    Of one that has nothing but texts for keys gc is shown the values alone.
    """
    found = gc.get_referents(item)
    if issubclass(type(item), dict):
        keys = keys_of(item)
        if all(type(key) is str for key in keys):
            found += keys
    return found


def _belongs_to_pympler(item: Any) -> bool:
    """Whether one of the next few holders of an object is part of Pympler's machinery."""
    level = [item]
    seen = {id(item), id(level)}
    for _ in range(5):
        referrers = [one for one in gc.get_referrers(*level) if id(one) not in seen]
        if any(is_own(one) for one in referrers):
            return True
        seen.update(map(id, referrers))
        level = [one for one in referrers if not issubclass(type(one), ModuleType)][:50]
        seen.add(id(level))
        if not level:
            break
    return False
