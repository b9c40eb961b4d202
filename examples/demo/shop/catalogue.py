"""The catalogue: 200 products, the front page and the search."""

from __future__ import annotations

from itertools import product

from shop.models import Product

_STYLES = ("amber", "blue", "brass", "folding", "glass", "green", "iron", "linen", "old", "red")
_THINGS = ("basket", "bench", "clock", "jug", "kettle", "lamp", "mirror", "shelf", "stool", "vase")
_SIZES = ("small", "large")

PRODUCTS = tuple(
    Product(sku, " ".join(words), 500 + sku * 37 % 4500, words)
    for sku, words in enumerate(product(_SIZES, _STYLES, _THINGS))
)


def find(sku: int) -> Product:
    return PRODUCTS[sku % len(PRODUCTS)]


def featured() -> list[Product]:
    """The cheapest dozen, for the front page."""
    return sorted(PRODUCTS, key=lambda item: item.cents)[:12]


def search(words: str) -> list[dict[str, object]]:
    """The products that have every word in their name, the cheapest first."""
    wanted = words.lower().split()
    found = [item for item in PRODUCTS if all(word in item.name for word in wanted)]
    return [item.as_json() for item in sorted(found, key=lambda item: item.cents)]
