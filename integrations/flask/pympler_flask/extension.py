"""The extension: the WSGI middleware around ``app.wsgi_app``, and signals that name the route."""

from __future__ import annotations

from typing import Any

from flask import Flask, got_request_exception, request, request_started

from pympler.errors import SettingsError, UsageError
from pympler.leaks.guard import guard
from pympler.leaks.monitor import LeakMonitor
from pympler.leaks.settings import QUERY, Settings
from pympler.leaks.watched import WatchedRequest
from pympler.wsgi import REQUEST_KEY, MemoryMiddleware
from pympler_flask.blueprint import make_blueprint, wants_snapshot
from pympler_flask.commands import pympler_commands
from pympler_flask.state import State

__all__ = ["TOOLBAR", "Pympler"]

TOOLBAR = "/_debug_toolbar/"
"""Path of Flask-DebugToolbar's own rules."""

_NAME = "pympler"
_PREFIX = "PYMPLER_"
_NAME_ROUTE = guard("name the route of a request")


class Pympler:
    """Watches the requests to a Flask application.

    One extension object serves any number of applications, each with a monitor of its own:
    ``app.extensions["pympler"].monitor``.

    Args:
        app: the application; or call :meth:`init_app` later.
        options: settings by name. Keys ``PYMPLER_<SETTING>`` in ``app.config`` win over them.

    Raises:
        SettingsError: for an unknown setting or a bad value, also in ``app.config``.
        UsageError: if the application is not a Flask application.

    Example:
        >>> app = Flask("shop")
        >>> app.config["PYMPLER_SAMPLE_RATE"] = 1.0
        >>> pympler = Pympler(app)
        >>> app.extensions["pympler"].monitor.settings.application
        'shop'
    """

    def __init__(self, app: Flask | None = None, **options: object) -> None:
        self._options = options
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Install the extension into an application; a second time does nothing."""
        _require_flask(app)
        if _NAME in app.extensions:
            return
        monitor = self._monitor(app)
        app.extensions[_NAME] = State(monitor)
        app.cli.add_command(pympler_commands)
        if not monitor.settings.enabled:
            return
        app.wsgi_app = _Middleware(app.wsgi_app, monitor=monitor)  # type: ignore[method-assign]
        # Matching is done when this signal is sent, and no before_request function can come
        # first and answer the request, as it could before another of its kind.
        if monitor.settings.pages is not False:
            app.register_blueprint(make_blueprint(monitor))
        request_started.connect(_name_route, app)
        got_request_exception.connect(_note_exception, app)

    def _monitor(self, app: Flask) -> LeakMonitor:
        configured = {
            key[len(_PREFIX) :].lower(): value
            for key, value in app.config.items()
            if key.startswith(_PREFIX)
        }
        try:
            # Flask's name for it is the file's where that was run by itself, and not "__main__".
            return LeakMonitor(
                Settings.from_mapping({**self._options, **configured}, application=app.name)
            )
        except SettingsError as error:
            raise SettingsError(
                f"Flask application {app.name!r} (options of Pympler(), or config keys "
                f"{_PREFIX}<SETTING>): {error}"
            ) from None


class _Middleware(MemoryMiddleware):
    def _wants_snapshot(self, environ: Any) -> bool:
        return False  # not yet: who may have one is asked where Flask's request is known


def _require_flask(app: object) -> None:
    # Quart can take Flask's name (quart.flask_patch), so isinstance alone would let it pass.
    if any(base.__module__.partition(".")[0] == "quart" for base in type(app).__mro__):
        raise UsageError(
            "a Quart application is served by ASGI: use "
            "`from pympler_asgi import MemoryMiddleware` and "
            "`app.asgi_app = MemoryMiddleware(app.asgi_app)`"
        )
    if not isinstance(app, Flask):
        raise UsageError(f"Pympler() takes a Flask application, not {type(app).__name__}")


def _name_route(sender: Flask, **_: Any) -> None:
    with _NAME_ROUTE:
        current = request._get_current_object()  # type: ignore[attr-defined]  # once, not per use
        watched = current.environ.get(REQUEST_KEY)
        rule = current.url_rule
        if isinstance(watched, WatchedRequest) and rule is not None:
            watched.route = rule.rule
            # Of the debug toolbar itself: its files, and what a panel fetches.
            watched.ours = watched.ours or rule.rule.startswith(TOOLBAR)
            if QUERY in current.environ.get("QUERY_STRING", "") and wants_snapshot(
                watched.monitor.settings
            ):
                watched.snapshot()


def _note_exception(sender: Flask, exception: BaseException, **_: Any) -> None:
    with guard("note the exception of a request"):
        watched = request.environ.get(REQUEST_KEY)
        if isinstance(watched, WatchedRequest):
            watched.failed(exception)
