"""The pages as one function, from a request to its response; every front end calls this one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pympler.errors import StoreError
from pympler.leaks.guard import guard
from pympler.render.pages import (
    classes,
    fleet,
    garbage,
    heap,
    jobs,
    leaks,
    overview,
    process,
    requests,
)
from pympler.render.pages.access import Access, decide
from pympler.render.pages.answers import Redirect, Rendered, Site
from pympler.render.pages.environment import FOLDER, environment
from pympler.render.pages.errors import MissingError, RefusedError
from pympler.render.pages.request import PageRequest, PageResponse
from pympler.render.pages.snapshot_files import Snapshots
from pympler.render.pages.workers import worker_name
from pympler.store import Store, StoreStatus

__all__ = ["Pages"]

View = Callable[[Site, Sequence[str]], Rendered | Redirect]

_VIEWS: Mapping[str, View] = {
    "": overview.show,
    "requests": requests.show,
    "leaks": leaks.show,
    "fleet": fleet.show,
    "classes": classes.show,
    "heap": heap.show,
    "garbage": garbage.show,
    "process": process.show,
    "jobs": jobs.show,
}
_FORMS: Mapping[str, View] = {"jobs": jobs.take}
_NAVIGATION = (
    ("", "Overview"),
    ("requests", "Requests"),
    ("leaks", "Leaks"),
    ("fleet", "Fleet"),
    ("classes", "Classes"),
    ("heap", "Heap"),
    ("garbage", "Garbage"),
    ("process", "Process"),
)
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HTML = "text/html; charset=utf-8"
_METHODS = "GET, HEAD, POST"
_SECURITY = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    # With "no-referrer" a form of ours would come back with "Origin: null", which neither Django
    # nor our own rule takes for ours; to other sites this one tells as little.
    ("Referrer-Policy", "same-origin"),
    (
        "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)


class Pages:
    """The pages of an application, for any framework.

    Safe to use from any thread. It reads and may wait for the disk, so that an adapter calls it
    outside of an event loop.

    Args:
        store: gives the store to read, called for each request: a forked child has one of its own.
        access: who may see the pages.
        clock: seconds since the epoch.
        views: further views, by the first part of their path.
        navigation: paths and names of those that are to be in the navigation.

    Example:
        >>> from pympler.store.memory import MemoryStore
        >>> store = MemoryStore(keep=10)
        >>> pages = Pages(lambda: store, Access(pages=True))
        >>> headers = {"host": "localhost"}
        >>> pages.respond(PageRequest("GET", "/", headers=headers, peer="127.0.0.1")).status
        200
        >>> pages.respond(PageRequest("GET", "/", headers=headers, peer="203.0.113.9")).status
        404
    """

    def __init__(
        self,
        store: Callable[[], Store],
        access: Access,
        *,
        clock: Callable[[], float] = time.time,
        views: Mapping[str, View] | None = None,
        navigation: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._store = store
        self._access = access
        self._clock = clock
        self._views = {**_VIEWS, **(views or {})}
        self._navigation = (*_NAVIGATION, *navigation)
        self._snapshots = Snapshots()
        self._files = {
            path.name: (_TYPES[path.suffix], path.read_bytes())
            for path in (FOLDER / "static").iterdir()
            if path.suffix in _TYPES
        }

    def respond(self, request: PageRequest) -> PageResponse:
        """The answer to a request; never raises."""
        decision = decide(self._access, request)
        if decision.status == 303:
            query = {key: value for key, value in request.query.items() if key != "token"}
            target = request.url(request.path, **query)
            return _plain(303, "", ("Location", target), ("Set-Cookie", decision.cookie))
        if decision.status == 404:
            return replace(_plain(404, "Not found"), refused=True)
        if decision.status != 200:
            return _plain(decision.status, "Refused: this form was not sent from a page of ours.")
        with guard("show a page"):
            response = self._respond(request)
            if request.method == "HEAD":
                return replace(response, body=b"")
            return response
        return _plain(500, "This page failed; the log of the application says why.")

    def _respond(self, request: PageRequest) -> PageResponse:
        first, *rest = request.path.strip("/").split("/")
        if first == "static" and len(rest) == 1 and rest[0] in self._files:
            kind, content = self._files[rest[0]]
            return PageResponse(200, (("Content-Type", kind), *_SECURITY), content)
        if request.method not in ("GET", "HEAD", "POST"):
            return _plain(405, "Method not allowed", ("Allow", _METHODS))
        views = _FORMS if request.method == "POST" else self._views
        site = Site(self._store(), request, self._clock(), self._snapshots)
        self._snapshots.let_go(site.now)
        status = site.store.status()
        try:
            if first not in views:
                if request.method == "POST" and first in self._views:
                    return _plain(405, "Method not allowed", ("Allow", "GET, HEAD"))
                raise MissingError("There is no such page.")
            answer = views[first](site, rest)
        except MissingError as error:
            answer = _message(404, "Not found", error)
        except RefusedError as error:
            answer = _message(409, "Not now", error)
        except StoreError as error:
            # The banner says it already if the store knows of its fault itself.
            text = "" if status.fault else str(error)
            answer = _message(503, "The reports cannot be read", text)
        if isinstance(answer, Redirect):
            inside = not answer.elsewhere
            target = request.url(answer.path, **answer.query) if inside else answer.path
            return _plain(303, "", ("Location", target))
        return self._render(site, status, answer, first)

    def _render(self, site: Site, status: StoreStatus, answer: Rendered, at: str) -> PageResponse:
        request = site.request
        values = {
            "at": at,
            "csrf": request.csrf() if request.csrf is not None else None,
            # One process by itself is no fleet; who asks for the page is told so there.
            "navigation": [
                entry for entry in self._navigation if status.shared or entry[0] != "fleet"
            ],
            "now": site.now,
            "store": status,
            "url": request.url,
            "worker_name": worker_name,
            **answer.values,
        }
        html = environment().get_template(answer.template).render(values)
        headers = (("Content-Type", _HTML), *_SECURITY)
        return PageResponse(answer.status, headers, html.encode("utf-8", "replace"))


def _message(status: int, title: str, text: object) -> Rendered:
    return Rendered("message.html", {"title": title, "text": str(text)}, status)


def _plain(status: int, text: str, *headers: tuple[str, str]) -> PageResponse:
    kind = ("Content-Type", "text/plain; charset=utf-8")
    return PageResponse(status, (kind, *headers, *_SECURITY), text.encode())
