"""The pages within a Flask application, below ``/_pympler``."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, current_app, request

from pympler.leaks.monitor import LeakMonitor
from pympler.leaks.refused import say_that_pages_are_off
from pympler.leaks.watched import WatchedRequest
from pympler.wsgi import REQUEST_KEY

if TYPE_CHECKING:
    from pympler.leaks.settings import Settings
    from pympler.render.pages import PageRequest, Pages

__all__ = ["make_blueprint", "wants_snapshot"]

_AT = "/_pympler"


def make_blueprint(monitor: LeakMonitor) -> Blueprint:
    """The blueprint, which the extension registers unless the setting ``pages`` is off.

    Where the setting says nothing, the pages show while the application is in debug mode.
    """
    blueprint = Blueprint("pympler", __name__, url_prefix=_AT)

    @functools.cache
    def pages() -> Pages:
        # Made for the first visitor: where the pages are off nothing of them is loaded.
        from pympler.render.pages import Access, Pages

        return Pages(lambda: monitor.store, Access.of(monitor.settings))

    def show(path: str = "") -> Response:
        if not _has_pages(monitor.settings):
            say_that_pages_are_off(monitor.settings)
            abort(404)
        return _show(pages())

    for rule in ("", "/", "/<path:path>"):
        blueprint.add_url_rule(
            rule,
            view_func=show,
            methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
            provide_automatic_options=False,  # it would answer for pages that are not there
            merge_slashes=False,
        )
    return blueprint


def _show(pages: Pages) -> Response:
    from pympler.render.pages.from_wsgi import from_environ

    watched = request.environ.get(REQUEST_KEY)
    if isinstance(watched, WatchedRequest):
        watched.ours = True
    asked = from_environ(request.environ, _AT)
    response = pages.respond(replace(_within_flask(asked), csrf=_csrf_field))
    if response.refused:
        abort(404)
    answer = Response(response.body, response.status)
    answer.headers.clear()
    answer.headers.extend(response.headers)
    return answer


def wants_snapshot(settings: Settings) -> bool:
    """Whether the request that is served asks for a snapshot around it, and may have it."""
    if not _has_pages(settings):
        return False
    from pympler.render.pages import Access
    from pympler.render.pages.access import wants_snapshot
    from pympler.render.pages.from_wsgi import from_environ

    asked = from_environ(request.environ, with_form=False)  # the body is the application's
    return wants_snapshot(Access.of(settings), _within_flask(asked))


def _has_pages(settings: Settings) -> bool:
    return current_app.debug if settings.pages is None else settings.pages


def _within_flask(asked: PageRequest) -> PageRequest:
    return replace(
        asked,
        debug=current_app.debug,
        hosts=tuple(current_app.config.get("TRUSTED_HOSTS") or ()),  # since Flask 3.1
        original=request,
    )


def _csrf_field() -> tuple[str, str] | None:
    """The field of Flask-WTF, which guards the forms of the whole application if it is there."""
    make = current_app.jinja_env.globals.get("csrf_token")
    return ("csrf_token", str(make())) if callable(make) else None
