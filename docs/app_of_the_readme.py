"""The application in the pictures of the README: a shop that never forgets a cart."""

from __future__ import annotations

import logging
import time
from functools import lru_cache

from flask import Flask
from pympler_flask import Pympler

app = Flask(__name__)
app.config["PYMPLER_SAMPLE_RATE"] = 0.5
app.config["PYMPLER_MAX_OVERHEAD"] = 0.5
Pympler(app)

_CARTS = {}


class Cart:
    def __init__(self, number: int) -> None:
        self.number = number
        self.lines = []


@app.get("/")
def home():
    return {"carts": len(_CARTS)}


@app.get("/cart/<int:number>")
def cart(number: int):
    _CARTS[number] = Cart(number)
    return {"cart": number}


@lru_cache(maxsize=100)
def price(sku: int) -> list[int]:
    return [sku % 90, 10]


@app.get("/products/<int:sku>")
def product(sku: int):
    return {"price": price(sku)}


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)-7s %(message)s")
    client = app.test_client()
    for number in range(1500):
        client.get(f"/cart/{number}")
        client.get(f"/products/{number}")
        time.sleep(0.003)
    client.get("/")
    app.extensions["pympler"].monitor.close()
