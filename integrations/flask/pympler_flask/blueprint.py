"""The pages within a Flask application, below ``/_pympler``."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, current_app, request

from pympler.leaks.monitor import LeakMonitor
from pympler.leaks.watched import WatchedRequest
from pympler.wsgi import REQUEST_KEY

if TYPE_CHECKING:
    from pympler.render.pages import Pages

__all__ = ["make_blueprint"]

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
        if not (current_app.debug if monitor.settings.pages is None else monitor.settings.pages):
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
    asked = replace(
        from_environ(request.environ, _AT),
        debug=current_app.debug,
        hosts=tuple(current_app.config.get("TRUSTED_HOSTS") or ()),  # since Flask 3.1
        csrf=_csrf_field,
        original=request,
    )
    response = pages.respond(asked)
    if response.refused:
        abort(404)
    answer = Response(response.body, response.status)
    answer.headers.clear()
    answer.headers.extend(response.headers)
    return answer


def _csrf_field() -> tuple[str, str] | None:
    """The field of Flask-WTF, which guards the forms of the whole application if it is there."""
    make = current_app.jinja_env.globals.get("csrf_token")
    return ("csrf_token", str(make())) if callable(make) else None
