"""A Flask application that leaks, with its debug toolbar, on a server of Werkzeug's.

Run as a program it prints the port that it listens on.
"""

from __future__ import annotations

import logging

from flask import Flask, request
from flask_debugtoolbar import DebugToolbarExtension
from pympler_flask import Pympler
from werkzeug.serving import make_server

from tests.browser.leaking import leak_until_it_is_known, start_afresh

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>
<link rel="icon" href="data:,"></head><body><h1>{}</h1></body></html>"""


class Basket:
    """What is left behind."""

    def __init__(self, number: int) -> None:
        self.items = [number] * 100


BASKETS: dict[int, Basket] = {}


def make_app() -> Flask:
    app = Flask("shop")
    app.debug = True
    app.config.update(
        SECRET_KEY="for tests only",
        DEBUG_TB_HOSTS=["127.0.0.1"],
        DEBUG_TB_PANELS=[
            "flask_debugtoolbar.panels.timer.TimerDebugPanel",
            "flask_debugtoolbar.panels.headers.HeaderDebugPanel",
            "pympler_flask.panel.MemoryPanel",
        ],
        PYMPLER_STORE="memory:",
        PYMPLER_SAMPLE_RATE=1.0,
        PYMPLER_MAX_OVERHEAD=1.0,
        PYMPLER_TRACK_CLASSES=[f"{__name__}.Basket"],
    )

    @app.get("/cart/<int:number>")
    def cart(number: int) -> str:
        if request.remote_addr == "127.0.0.1":
            start_afresh()
        BASKETS[len(BASKETS)] = Basket(number)
        return PAGE.format(f"Cart {number}")

    @app.get("/")
    def home() -> str:
        return PAGE.format("Home")

    Pympler(app)
    DebugToolbarExtension(app)
    return app


def main() -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = make_app()
    leak_until_it_is_known(app, app.extensions["pympler"].monitor, "/cart/{}")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(server.port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    from tests.browser import toolbar_flask

    toolbar_flask.main()
