"""The shop as a Starlette application, with one line of Pympler and two bugs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from memory import SETTINGS, memory_json
from pympler_asgi import MemoryMiddleware
from shop import catalogue
from shop.models import Cart
from shop.pages import CACHE
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

templates = Jinja2Templates(directory="templates")


class PriceFeed:
    """Tells its listeners when a price changes."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[int], None]] = []

    def subscribe(self, listener: Callable[[int], None]) -> None:
        self.listeners.append(listener)


FEED = PriceFeed()


class Quote:
    """What it costs to send a cart."""

    def __init__(self, cart: Cart) -> None:
        self.cart = cart

    @cache  # noqa: B019  bug 2: the cache holds every quote, for ever
    def postage(self, country: str) -> int:
        return 490 + 30 * len(country) * len(self.cart.lines)


async def home(request: Request) -> Response:
    return templates.TemplateResponse(request, "home.html", {"products": catalogue.featured()})


async def search(request: Request) -> Response:
    return JSONResponse({"found": catalogue.search(request.path_params["words"])})


async def product(request: Request) -> Response:
    return JSONResponse(CACHE.page(request.path_params["sku"]).as_json())


async def watch(request: Request) -> Response:
    cart = Cart(request.path_params["number"])

    def on_price(cents: int) -> None:
        cart.add(catalogue.find(cents))

    FEED.subscribe(on_price)  # bug 1: nobody unsubscribes when the visitor has gone
    return JSONResponse(cart.as_json())


async def quote(request: Request) -> Response:
    cart = Cart(request.path_params["number"])
    cart.add(catalogue.find(cart.number))
    return JSONResponse({**cart.as_json(), "postage": Quote(cart).postage("France")})


async def memory(request: Request) -> Response:
    return JSONResponse(memory_json(request.scope["pympler"].monitor))


app = Starlette(
    routes=[
        Route("/", home),
        Route("/search/{words}", search),
        Route("/products/{sku:int}", product),
        Route("/watches/{number:int}", watch, methods=["POST"]),
        Route("/quotes/{number:int}", quote, methods=["POST"]),
        Route("/memory.json", memory),
    ]
)
app.add_middleware(MemoryMiddleware, **SETTINGS)
