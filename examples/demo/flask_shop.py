"""The shop as a Flask application, with one line of Pympler and two bugs."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

from flask import Flask, Response, jsonify, render_template
from memory import SETTINGS, memory_json
from pympler_flask import Pympler
from shop import catalogue
from shop.models import Cart, Order
from shop.pages import CACHE

app = Flask(__name__)
app.config.update({f"PYMPLER_{name.upper()}": value for name, value in SETTINGS.items()})
Pympler(app)


class Visitor:
    """Somebody who has logged in."""

    everyone: ClassVar[list[Visitor]] = []

    def __init__(self, number: int) -> None:
        self.number = number
        self.cart = Cart(number)
        Visitor.everyone.append(self)  # bug 1: nobody is ever taken off the list


def audited(view: Callable[..., Order]) -> Callable[..., Response]:
    """Answer with what a view returns, and note it."""
    trail: list[Order] = []

    @wraps(view)
    def audit(**arguments: Any) -> Response:
        order = view(**arguments)
        trail.append(order)  # bug 2: the trail is never written away
        return jsonify(order=order.number, total=order.cart.cents / 100)

    return audit


@app.get("/")
def home() -> str:
    return render_template("home.html", products=catalogue.featured())


@app.get("/search/<words>")
def search(words: str) -> Response:
    return jsonify(found=catalogue.search(words))


@app.get("/products/<int:sku>")
def product(sku: int) -> Response:
    return jsonify(CACHE.page(sku).as_json())


@app.post("/visitors/<int:number>")
def log_in(number: int) -> Response:
    return jsonify(Visitor(number).cart.as_json())


@app.post("/orders/<int:number>")
@audited
def order(number: int) -> Order:
    cart = Cart(number)
    cart.add(catalogue.find(number))
    return Order(number, cart)


@app.get("/memory.json")
def memory() -> Response:
    return jsonify(memory_json(app.extensions["pympler"].monitor))
