"""A Flask application for gunicorn; ``WATCHED=1`` installs the extension."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any

from flask import Flask, jsonify, send_file

app = Flask(__name__)
go_on = threading.Event()

if os.environ.get("WATCHED") == "1":
    from pympler_flask import Pympler

    Pympler(app, sample_rate=1.0, max_overhead=1.0)


@app.get("/plain/<int:number>")
def plain(number: int) -> str:
    return f"plain {number}"


@app.get("/file")
def file() -> Any:
    return send_file(__file__)


@app.get("/breaks")
def breaks() -> str:
    raise LookupError("no such thing")


@app.get("/stream")
def stream() -> Any:
    def body() -> Iterator[str]:
        yield "first"
        go_on.wait(10)
        go_on.clear()
        yield "second"

    return app.response_class(body())


@app.get("/go-on")
def set_go_on() -> str:
    go_on.set()
    return "gone on"


@app.get("/endless")
def endless() -> Any:
    return app.response_class("x" * 1000 for _ in range(100_000))


@app.get("/stream-breaks")
def stream_breaks() -> Any:
    def body() -> Iterator[str]:
        yield "so far"
        raise LookupError("no more")

    return app.response_class(body())


@app.get("/reports")
def reports() -> Any:
    monitor = app.extensions["pympler"].monitor
    monitor.summary()
    return jsonify([[r.route, r.status, r.error] for r in monitor.store.reports()])
