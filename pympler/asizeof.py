"""How big an object is, with everything that it refers to.

    >>> from pympler import asizeof
    >>> asizeof.asizeof([1000, 2000]) == asizeof.flatsize([1000, 2000]) + 2 * asizeof.asizeof(1000)
    True

Sizes are bytes, as the allocator gave them. Each object is counted once, however often it is
referred to; classes, functions, modules, and what the interpreter shares among all (``None``, small
numbers) cost nothing unless they are asked for. Nothing is created in what is measured, and none of
its code is called, but for a ``__sizeof__`` that is written in Python.
"""

from __future__ import annotations

import gc
import platform
import sys
from collections.abc import Iterable
from typing import Any, cast

from pympler import __version__
from pympler.sizing.asized import Asized
from pympler.sizing.asizer import Asizer
from pympler.sizing.exclusive import exclusive_bytes
from pympler.sizing.flat import basic_size
from pympler.sizing.kinds import kind_of
from pympler.sizing.lengths import item_size, room_of
from pympler.sizing.measured import (
    Comparison,
    Measurement,
    budget_of,
    compare,
    measure,
    rules_of,
)
from pympler.sizing.named import named_referents
from pympler.sizing.options import Options, power_of_two
from pympler.sizing.registry import add_handler, adict, amapped, remove_handler
from pympler.sizing.walk import walk

__all__ = [
    "Asized",
    "Asizer",
    "Comparison",
    "Measurement",
    "add_handler",
    "adict",
    "amapped",
    "asized",
    "asizeof",
    "asizesof",
    "basicsize",
    "compare",
    "exclusive_size",
    "flatsize",
    "itemsize",
    "leng",
    "measure",
    "named_refs",
    "refs",
    "remove_handler",
]


_DEFAULTS = Options()


def asizeof(*objs: Any, **opts: Any) -> int:
    """Bytes of objects together with all that they refer to.

    Args:
        objs: the objects; what they share counts once, and an object given twice too.
        opts: options. ``align=8`` rounds sizes up to a multiple of this power of two (1: not at
            all); ``code=True`` counts classes, functions and their code; ``frames=True`` counts
            frames that run; ``ignored=False`` counts built-in classes and functions too;
            ``limit=n`` counts what is at most ``n`` references away; ``max_objects`` and
            ``timeout_s`` stop early, which :func:`measure` tells; ``stats=1`` to ``3`` prints what
            was found to ``stream``, with ``above``, ``clip`` and ``cutoff``. ``all=True`` without
            objects sizes all that ``gc`` knows. ``derive`` and ``infer`` are accepted and change
            nothing: contents are always counted.

    Raises:
        KeyError: for an unknown option; ValueError: for a value that makes no sense.

    Example:
        >>> text = "shared" * 100
        >>> asizeof([text, text]) == asizeof(text) + flatsize([text, text], align=8)
        True
    """
    if not opts:
        return sum(_walked([objs], _DEFAULTS))
    objs, opts = _all_or(objs, opts)
    options = Options().changed("reset", opts)
    if options.stats:
        sizer = Asizer(**opts)
        size = sizer.asizeof(*objs)
        sizer.print_stats(objs, _shown(opts), stats=opts["stats"])
        return size
    return sum(_walked([objs], options))


def asizesof(*objs: Any, **opts: Any) -> tuple[int, ...]:
    """Bytes of each of the objects, without what they refer to among each other.

    What they share counts for the first of them, so that the sum is what :func:`asizeof` gives.

    Args:
        objs: the objects; one given twice has the same size twice.
        opts: as for :func:`asizeof`, but for ``all``.

    Raises:
        KeyError: for an unknown option; ValueError: for a value that makes no sense.

    Example:
        >>> one, other = [1000], [2000]
        >>> asizesof(one, other) == (asizeof(one), asizeof(other))
        True
    """
    options = _options_without_all("asizesof", opts)
    if options.stats:
        sizer = Asizer(**opts)
        sizes = sizer.asizesof(*objs)
        sizer.print_stats(objs, _shown(opts), sizes=sizes, stats=opts["stats"])
        return sizes
    distinct = list({id(item): item for item in objs}.values())
    found = dict(zip(map(id, distinct), _walked([[one] for one in distinct], options), strict=True))
    return tuple(found[id(item)] for item in objs)


def asized(*objs: Any, **opts: Any) -> Any:
    """The sizes of objects in parts.

    Args:
        objs: the objects.
        opts: as for :func:`asizeof`, but for ``all``; ``detail=n`` tells ``n`` levels of referents
            one by one.

    Returns:
        An :class:`Asized` for one object, a tuple of them for several, ``()`` for none.

    Raises:
        KeyError: for an unknown option; ValueError: for a value that makes no sense.

    Example:
        >>> parts = asized({"key": "value" * 10}, detail=1)
        >>> [part.name for part in parts.refs][0]
        '[K] key'
    """
    _options_without_all("asized", opts)
    sizer = Asizer(**opts)
    found = sizer.asized(*objs)
    if opts.get("stats"):
        sizer.print_stats(objs, _shown(opts), sized=found, stats=opts["stats"])
    return found


def exclusive_size(*objs: Any, **opts: Any) -> int:
    """Bytes that would be freed if these objects were dropped: what nothing else holds.

    References to the objects themselves, such as the variable that they are given in, do not
    count. What the interpreter holds without showing it counts as held, so that the answer may be
    too small, never too large.

    Args:
        objs: the objects.
        opts: ``align``, ``code``, ``frames``, ``ignored`` as for :func:`asizeof`.

    Raises:
        KeyError: for an unknown option; ValueError: for a value that makes no sense.

    Example:
        >>> shared = ["shared with others"]
        >>> mine = [shared, ["mine alone"]]
        >>> exclusive_size(mine) == asizeof(mine) - asizeof(shared)
        True
    """
    options = Options().changed("exclusive_size", opts)
    distinct = list({id(item): item for item in objs}.values())
    return exclusive_bytes(distinct, rules_of(options), options.align)


def flatsize(obj: Any, align: int = 0, **opts: Any) -> int:
    """Bytes of an object without what it refers to.

    Args:
        obj: the object.
        align: a power of two that the size is rounded up to, 0 for none.
        opts: accepted and without effect.

    Raises:
        ValueError: if ``align`` is not a power of two.
    """
    power_of_two("flatsize", align)
    return asizeof(obj, align=align, limit=0, code=True, frames=True, ignored=False)


def basicsize(obj: Any, **opts: Any) -> int:
    """Bytes of the fixed part of an object, with the header that ``gc`` puts before it."""
    return basic_size(type(obj))


def itemsize(obj: Any, **opts: Any) -> int:
    """Bytes of one item of an object, 0 for what has no items."""
    return item_size(obj)


def leng(obj: Any, **opts: Any) -> int | None:
    """Room that an object has for items, ``None`` for what has no items.

    The places of a list and of the table of a set or dictionary, digits of an integer, characters
    of a string and the one that ends it.
    """
    return room_of(obj)


def refs(obj: Any, **opts: Any) -> Iterable[Any] | None:
    """What an object refers to; ``None`` if it refers to nothing.

    A list, tuple or set is its own answer.
    """
    if type(obj) in (list, tuple, set, frozenset):
        return cast(Iterable[Any], obj)
    kind = kind_of(type(obj), rules_of(Options().changed("refs", opts)))
    found = list(kind.try_referents([obj]) or ())
    known = set(map(id, found))
    found += [item for name, item in named_referents(obj) if id(item) not in known]
    return found or None


def named_refs(obj: Any, **opts: Any) -> list[tuple[str, Any]]:
    """What an object refers to under a name, as pairs of name and object.

    Keys and values of a dictionary are called ``[K] key`` and ``[V] key: value``; the attributes
    of an instance come as one dictionary ``__dict__``, a copy where the instance has none yet.
    """
    return named_referents(obj)


def _walked(groups: list[Any], options: Options) -> tuple[int, ...]:
    return walk(
        groups,
        rules_of(options),
        align=options.align,
        limit=options.limit,
        budget=budget_of(options),
    ).sizes


def _all_or(objs: tuple[Any, ...], opts: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The objects to size, and the options without ``all``."""
    rest = {name: value for name, value in opts.items() if name != "all"}
    if objs or "all" not in opts:
        return objs, rest
    if opts["all"] not in (True, False, None):
        raise ValueError(f"invalid option: all={opts['all']!r}: give True to size everything")
    return (tuple(gc.get_objects()) if opts["all"] else ()), rest


def _options_without_all(caller: str, opts: dict[str, Any]) -> Options:
    if "all" in opts:
        raise ValueError(
            f"invalid option: {caller}(all={opts['all']!r}): only asizeof() sizes everything"
        )
    return Options().changed("reset", opts)


def _shown(opts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in opts.items() if name != "stream"}


def _main(arguments: list[str]) -> int:
    """What ``python -m pympler.asizeof`` does: print sizes of a few objects, or the version."""
    known = {"-t", "-types", "-x", "-examples", "-v", "-version", "-gc", "-frames"}
    unknown = [argument for argument in arguments if argument not in known]
    if unknown:
        sys.stderr.write(f"unknown argument {unknown[0]!r}: use {' '.join(sorted(known))}\n")
        return 2
    if {"-x", "-examples"} & set(arguments):
        _print_examples("-gc" in arguments, "-frames" in arguments)
    elif {"-t", "-types"} & set(arguments):
        sizer = Asizer()
        sizer.asizeof(*_EXAMPLES.values())
        sizer.print_typedefs()
    else:
        bits = 64 if sys.maxsize > 2**32 else 32
        version = ".".join(map(str, sys.version_info[:3]))
        system = f"Python {version} {bits}bit {platform.machine()}"
        sys.stdout.write(f"pympler.asizeof {__version__} ({system})\n")
    return 0


_EXAMPLES: dict[str, Any] = {
    "an integer": 2**100,
    "a text": "text" * 10,
    "a list": [1000, 2000, [3000]],
    "a dictionary": {"name": "value", "number": 1.5},
    "a set": {1.5, 2.5},
}


def _print_examples(everything: bool, frames: bool) -> None:
    for name, example in _EXAMPLES.items():
        sys.stdout.write(f"{asizeof(example):6d} bytes: {name}, {example!r}\n")
    if everything:
        asizeof(all=True, stats=2, above=1024, frames=frames)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
