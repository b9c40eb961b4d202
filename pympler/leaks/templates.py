"""Templates: whether a path could be of a route, told before the request is handled.

Templates come from any framework: ``/cart/<int:id>``, ``/cart/{id}``, a regular expression of
Django's. Nothing is compiled, since a path comes from outside and may be made to take long.
"""

from __future__ import annotations

import functools
import re

__all__ = ["may_serve"]

# What stands for some text; beyond ASCII a server's idea of a path may differ from a template's.
_PLACE = re.compile(r"<[^<>]*>|\{[^{}]*\}|[^\x00-\x7f]+")
_EXPRESSION = re.compile(r"[\[\](\\^$*+?|]")


def may_serve(template: str, path: str) -> bool:
    """Whether the route of a template could serve a path.

    Errs on the side of yes: another route, more special, may do so instead.

    Example:
        >>> may_serve("/cart/{id}", "/cart/7"), may_serve("/cart/{id}", "/cart/7/items")
        (True, False)
        >>> may_serve("/static/<path:name>", "/static/js/shop.js")
        True
    """
    literals, slashes = _parts(template)
    if slashes is not None and path.rstrip("/").count("/") != slashes:
        return False
    first, *others = literals
    if not others:
        return path.rstrip("/") == first.rstrip("/")
    last = others.pop()
    if not last.strip("/"):  # whether a path ends with a slash is often left open
        last = ""
    if not path.startswith(first) or not path.endswith(last):
        return False
    at, end = len(first), len(path) - len(last)
    for literal in others:
        at = path.find(literal, at, end)
        if at < 0:
            return False
        at += len(literal)
    return at <= end


@functools.lru_cache(maxsize=64)
def _parts(template: str) -> tuple[tuple[str, ...], int | None]:
    """The texts between the places, and the number of slashes if that is certain."""
    expression = _EXPRESSION.search(_PLACE.sub(lambda found: "x" * len(found[0]), template))
    literal = template if expression is None else template[: expression.start()]
    places = _PLACE.findall(literal)
    texts = tuple(_PLACE.split(literal))
    if expression is not None:
        return (*texts, ""), None
    several = any("path" in place or not template.startswith("/") for place in places)
    return texts, None if several else template.rstrip("/").count("/")
