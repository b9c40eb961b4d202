"""What the shop deals in."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Product:
    sku: int
    name: str
    cents: int
    tags: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        return {"sku": self.sku, "name": self.name, "price": self.cents / 100, "tags": self.tags}


@dataclass
class Line:
    product: Product
    quantity: int


@dataclass
class Cart:
    number: int
    lines: list[Line] = field(default_factory=list)

    def add(self, product: Product, quantity: int = 1) -> None:
        self.lines.append(Line(product, quantity))

    @property
    def cents(self) -> int:
        return sum(line.product.cents * line.quantity for line in self.lines)

    def as_json(self) -> dict[str, object]:
        return {"cart": self.number, "lines": len(self.lines), "total": self.cents / 100}


@dataclass
class Order:
    number: int
    cart: Cart
    receipts: list[str] = field(default_factory=list)
