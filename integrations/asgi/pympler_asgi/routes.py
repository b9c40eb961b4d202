"""The route template of a request, as the framework's router has left it in the scope.

Never a raw path or a part of one: that would be a route of its own for every value. No framework
is imported; what is read are attributes and keys, of these versions:

* Litestar 2: ``scope["path_template"]``.
* Starlette from 1.7: ``scope["route"]``, the innermost route, with a template that is relative to
  the mounts it is in. Before 1.7 there is only ``scope["endpoint"]``, to be looked up.
* FastAPI: ``scope["route"]`` since ever. From 0.137 its template lacks the prefix of
  ``include_router``; what has it is ``scope["fastapi"]["effective_route_context"]``.
* Mounts put the *concrete* path that they matched into ``scope["root_path"]``, and keep what it
  was before in ``scope["app_root_path"]``; their templates are found by matching once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

__all__ = ["route_template"]

_REST = "/{path}"
_MOST_WRAPPERS = 20
_UNKNOWN_MOUNT = "<mount>"


def route_template(scope: Mapping[str, Any]) -> str | None:
    """The template of the route that served a request, ``None`` if it cannot be known.

    Args:
        scope: the scope after the application has returned.
    """
    template = scope.get("path_template")
    if isinstance(template, str):
        return template
    route, endpoint = scope.get("route"), scope.get("endpoint")
    if route is None and endpoint is None:
        return None
    leaf = _leaf_format(scope, route)
    base = scope.get("app_root_path")
    if base is None and leaf is not None:
        return leaf
    if base is None:
        base = scope.get("root_path", "")
    mounted = scope.get("root_path", "")[len(base) :]
    router = scope.get("router") or scope.get("app")
    path = _below(base, scope["path"])
    found = _follow_mounts(getattr(router, "routes", ()), path, mounted)
    if found is None:
        return _UNKNOWN_MOUNT + (leaf or _REST)
    prefix, routes, path = found
    if leaf is None:
        leaf = _find_endpoint(routes, path, endpoint) or (_REST if mounted else None)
    return prefix + leaf if leaf is not None else None


def _leaf_format(scope: Mapping[str, Any], route: object) -> str | None:
    """The template relative to the innermost mount, if the scope tells it."""
    leaf: Any = route
    fastapi = scope.get("fastapi")
    context = fastapi.get("effective_route_context") if isinstance(fastapi, Mapping) else None
    if context is not None:
        # Set for routes of included routers, of which plain ones of Starlette are not in
        # scope["route"]. What an outer application has left there belongs to another route.
        plain = getattr(context, "starlette_route", None)
        if context.original_route is route:
            leaf = plain or context
        elif plain is not None and scope.get("endpoint") is _endpoint_of(plain):
            leaf = plain
    if _is_mount(leaf):
        return _REST
    template = getattr(leaf, "path_format", None)
    return template if isinstance(template, str) else None


def _endpoint_of(route: Any) -> object:
    return route.app if _is_mount(route) else getattr(route, "endpoint", None)


def _is_mount(route: object) -> bool:
    return hasattr(route, "routes") and hasattr(route, "path_format")


def _below(base: str, path: str) -> str:
    if base and path.startswith(base) and path[len(base) : len(base) + 1] in ("", "/"):
        return path[len(base) :]
    return path


def _follow_mounts(
    routes: Iterable[Any], path: str, mounted: str
) -> tuple[str, Iterable[Any], str] | None:
    """Follow the mounts that matched the concrete path ``mounted``.

    Returns:
        Their templates joined, the routes within the last of them, and the path that is left.
    """
    if not mounted:
        return "", routes, path
    for route in _flat(routes):
        if not _is_mount(route):
            continue
        match = route.path_regex.match(path)
        if match is None:
            continue
        rest = "/" + match["path"]
        own = path[: len(path) - len(rest)]
        if not mounted.startswith(own):
            continue
        found = _follow_mounts(_routes_within(route), rest, mounted[len(own) :])
        if found is not None:
            return route.path_format.removesuffix(_REST) + found[0], found[1], found[2]
    return None


def _routes_within(mount: Any) -> Iterable[Any]:
    """The routes of what is mounted, also through middlewares (``app`` is what they wrap)."""
    app = mount.app
    for _ in range(_MOST_WRAPPERS):
        routes = getattr(app, "routes", None)
        if routes is not None:
            return cast("Iterable[Any]", routes)
        app = getattr(app, "app", None)
    return ()


def _find_endpoint(routes: Iterable[Any], path: str, endpoint: object) -> str | None:
    for route in _flat(routes):
        if _endpoint_of(route) is endpoint and route.path_regex.match(path):
            return str(route.path_format)
    return None


def _flat(routes: Iterable[Any]) -> Iterator[Any]:
    """The routes, with those in hosts and in included routers of FastAPI among them."""
    for route in routes:
        if hasattr(route, "effective_candidates"):
            yield from _flat(route.effective_candidates())
        elif hasattr(route, "host_regex"):
            yield from _flat(_routes_within(route))
        else:
            yield getattr(route, "starlette_route", None) or route
