"""Flask with Pympler.

Run `flask --app flask_app run`, open http://127.0.0.1:5000/notes/hello and reload it some times.
"""

import logging

from flask import Flask
from pympler_flask import Pympler

logging.basicConfig(level=logging.INFO)  # Pympler logs a line for each request that it watched

app = Flask(__name__)
app.config["PYMPLER_SAMPLE_RATE"] = 1.0  # watch every request; without this, one in ten
Pympler(app)  # this is all

NOTES: list[list[str]] = []


@app.get("/notes/<text>")
def note(text: str) -> dict[str, int]:
    NOTES.append([text])  # never removed: a leak
    return {"notes": len(NOTES)}
