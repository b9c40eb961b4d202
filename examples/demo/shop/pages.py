"""Product pages, which are remembered: a cache with a bound, as it should be."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from shop.catalogue import PRODUCTS, find
from shop.models import Product


@dataclass
class Page:
    product: Product
    related: list[Product]

    def as_json(self) -> dict[str, object]:
        return {**self.product.as_json(), "related": [item.name for item in self.related]}


class PageCache:
    """Keeps the pages that were asked for last."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.pages: OrderedDict[int, Page] = OrderedDict()

    def page(self, sku: int) -> Page:
        page = self.pages.get(sku)
        if page is None:
            page = self.pages[sku] = _make_page(find(sku))
            if len(self.pages) > self.most:
                self.pages.popitem(last=False)
        self.pages.move_to_end(sku)
        return page


def _make_page(product: Product) -> Page:
    related = [item for item in PRODUCTS if len(set(item.tags) & set(product.tags)) == 2]
    return Page(product, related[:8])


CACHE = PageCache(most=80)
