"""The panel for Flask-DebugToolbar: what this request left behind, and what leaks.

This toolbar renders its panels into the page itself, when the request has not ended yet. What it
has left behind is therefore fetched when somebody opens the panel.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from flask import (
    Flask,
    Response,
    abort,
    current_app,
    jsonify,
    request,
    send_from_directory,
    url_for,
)

try:
    from flask_debugtoolbar.panels import DebugPanel
except ImportError as error:
    raise ImportError(
        "pympler_flask.panel needs Flask-DebugToolbar: pip install flask-debugtoolbar"
    ) from error

from pympler.leaks.guard import guard
from pympler.leaks.monitor import LeakMonitor
from pympler.leaks.watched import WatchedRequest
from pympler.render.panel import TEMPLATES, Shown, subtitle, view
from pympler.wsgi import REQUEST_KEY
from pympler_flask.extension import TOOLBAR
from pympler_flask.state import State

__all__ = ["MemoryPanel"]

_REPORT = "_debug_toolbar.pympler_report"
_FILE = "_debug_toolbar.pympler_file"
_STATIC = Path(__file__).resolve().parent / "static"
_NOT_INSTALLED = (
    "Pympler does not watch this application: call Pympler(app), and see that it is enabled."
)
_FAILED = "<p>This panel failed; the log of the application says why.</p>"


class MemoryPanel(DebugPanel):
    """Put ``"pympler_flask.panel.MemoryPanel"`` into ``DEBUG_TB_PANELS``."""

    name = "Memory"
    has_content = True

    def __init__(self, jinja_env: Any, context: dict[str, Any] | None = None) -> None:
        super().__init__(jinja_env, context)
        self._shown: Shown | None = None
        self._stats: dict[str, Any] = {}

    @classmethod
    def init_app(cls, app: Flask) -> None:
        """Called by the toolbar when it is installed and enabled."""
        app.add_url_rule(f"{TOOLBAR}pympler/report/<key>", _REPORT, _send_report)
        app.add_url_rule(f"{TOOLBAR}pympler/<path:filename>", _FILE, _send_file)

    def process_request(self, request: Any) -> None:
        """Called by the toolbar before the request, be it for a page or for anything else."""
        with guard("begin a panel"):
            watched = request.environ.get(REQUEST_KEY)
            if isinstance(watched, WatchedRequest) and not watched.ours:
                self._shown = Shown(watched)

    def process_response(self, request: Any, response: Any) -> None:
        """Called by the toolbar when it is about to draw itself into a page."""
        shown, self._shown = self._shown, None
        with guard("write down what a panel shows"):
            if shown is not None:
                rule = request.url_rule
                self._stats = shown.stats(request.method, rule.rule if rule is not None else "")

    def nav_title(self) -> str:
        """The name on the button."""
        return "Memory"

    def nav_subtitle(self) -> str:
        """Resident memory, its change within the request, and whether the route leaks."""
        with guard("name a panel"):
            return subtitle(self._stats)
        return ""

    def title(self) -> str:
        """The heading of the opened panel."""
        return "Memory"

    def url(self) -> str:
        """Nothing else is opened by the button."""
        return ""

    def content(self) -> str:
        """What is known while the request runs, and where the rest of it will be."""
        with guard("fill a panel"):
            monitor = _monitor()
            if monitor is None:
                return _render({"message": _NOT_INSTALLED})
            filled = view(self._stats, monitor, is_running=True)
            if filled.get("key"):
                filled["missing"] = "It is looked at when this panel is opened."
                filled["report_url"] = url_for(_REPORT, key=filled["key"])
            style = url_for(_FILE, filename="panel.css")
            script = url_for(_FILE, filename="panel.js")
            return _render({**filled, "style": style, "script": script})
        return _FAILED


def _send_report(key: str) -> Response:
    """What a request has left behind, as JSON: the toolbar draws itself into all HTML."""
    if not _is_shown():
        abort(404)
    content = _FAILED
    with guard("fill a panel"):
        monitor = _monitor()
        filled = view({"key": key}, monitor) if monitor is not None else {"message": _NOT_INSTALLED}
        style = url_for(_FILE, filename="panel.css")
        content = _render({**filled, "page": _page(key), "style": style})
    response = jsonify(content=content)
    response.headers["Cache-Control"] = "no-store"
    return response


def _send_file(filename: str) -> Response:
    return send_from_directory(_STATIC, filename)


def _is_shown() -> bool:
    """The rule by which the toolbar shows itself."""
    hosts = current_app.config.get("DEBUG_TB_HOSTS")
    return not hosts or request.remote_addr in hosts


def _monitor() -> LeakMonitor | None:
    state = current_app.extensions.get("pympler")
    if not isinstance(state, State) or not state.monitor.settings.enabled:
        return None
    return state.monitor


def _page(key: str) -> str:
    """Address of the page of a report, empty where the pages are off."""
    return url_for("pympler.show", path=f"requests/{key}") if _has_pages() else ""


def _has_pages() -> bool:
    monitor = _monitor()
    pages = monitor.settings.pages if monitor is not None else False
    shown = current_app.debug if pages is None else pages
    return bool(shown) and "pympler.show" in current_app.view_functions


def _render(values: dict[str, Any]) -> str:
    return _environment().get_template("panel.html").render(values)


@cache
def _environment() -> jinja2.Environment:
    # Not the toolbar's, which knows its own templates only, nor the application's.
    return jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
