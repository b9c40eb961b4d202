"""Views of the Django shop."""

from __future__ import annotations

from django.dispatch import Signal
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from memory import memory_json
from pympler_django import get_monitor
from shop import catalogue
from shop.models import Cart, Order
from shop.pages import CACHE

OPEN_CARTS: dict[int, Cart] = {}
order_placed = Signal()


def home(request: HttpRequest) -> HttpResponse:
    return render(request, "home.html", {"products": catalogue.featured()})


def search(request: HttpRequest, words: str) -> HttpResponse:
    return JsonResponse({"found": catalogue.search(words)})


def product(request: HttpRequest, sku: int) -> HttpResponse:
    return JsonResponse(CACHE.page(sku).as_json())


def add_to_cart(request: HttpRequest, number: int) -> HttpResponse:
    cart = OPEN_CARTS.get(number)
    if cart is None:
        cart = OPEN_CARTS[number] = Cart(number)  # bug 1: no cart is ever closed
    cart.add(catalogue.find(number))
    return JsonResponse(cart.as_json())


def order(request: HttpRequest, number: int) -> HttpResponse:
    cart = Cart(number)
    cart.add(catalogue.find(number))
    placed = Order(number, cart)

    def send_receipt(order: Order, **_: object) -> None:
        if order is placed:
            placed.receipts.append(f"order {placed.number}: {cart.cents} cents")

    order_placed.connect(send_receipt, weak=False)  # bug 2: it is never disconnected
    order_placed.send(sender=Order, order=placed)
    return JsonResponse({"order": placed.number, "receipts": placed.receipts})


def memory(request: HttpRequest) -> HttpResponse:
    return JsonResponse(memory_json(get_monitor()))
