"""What stands for the models of the project; without a database."""

from __future__ import annotations

import functools
import weakref
from typing import Any, ClassVar

__all__ = ["Basket", "Order", "Registry"]


class Registry(type):
    """Keeps the classes that are made with it."""

    models: ClassVar[dict[str, type]] = {}

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> None:
        super().__init__(name, bases, namespace)
        if name.startswith("Report"):
            cls.models[name] = cls  # leak: model


class Order:
    instances: ClassVar[list[Order]] = []
    alive: ClassVar[weakref.WeakSet[Order]] = weakref.WeakSet()

    def __init__(self, number: int) -> None:
        self.number = number
        self.lines = [f"line {number}"]

    def remember(self) -> None:
        self.instances.append(self)  # leak: orders

    @functools.cache  # noqa: B019 - that is the mistake
    def total(self) -> float:
        return float(self.number)

    @functools.cached_property
    def total_fixed(self) -> float:
        return float(self.number)


class Basket:
    """Knows its observers, which know it."""

    def __init__(self) -> None:
        self.observers: set[Any] = set()
        self.state: dict[str, Any] = {}

    def observe(self, observer: Any) -> None:
        self.observers.add(observer)  # leak: observers


BASKET = Basket()
