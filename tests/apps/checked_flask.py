"""A Flask application made by a factory, for ``flask pympler check``."""

from __future__ import annotations

from flask import Flask
from pympler_flask import Pympler

kept: list[list[int]] = []


def create_app() -> Flask:
    app = Flask(__name__)
    app.config["PYMPLER_STORE"] = "memory:"

    @app.get("/leaks/<int:number>")
    def leaks(number: int) -> str:
        kept.append([number])
        return "ok"

    Pympler(app)
    return app
