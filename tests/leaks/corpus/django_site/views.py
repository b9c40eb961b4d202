"""The views, synchronous and asynchronous."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

from django.core.cache import cache
from django.http import HttpResponse, StreamingHttpResponse
from django.template import engines
from django.views import View
from django_site.models import BASKET, Order, Registry
from django_site.signals import order_placed

TRAIL: contextvars.ContextVar[list[str]] = contextvars.ContextVar("trail")
TEMPLATES: dict[str, Any] = {}
TASKS: set[asyncio.Task[None]] = set()
CHANNELS: dict[str, asyncio.Queue[str]] = {}


def ok(request: Any, n: int) -> HttpResponse:
    return HttpResponse("ok")


def receiver(request: Any, n: int) -> HttpResponse:
    def on_order(sender: Any, **extra: Any) -> int:
        return n

    order_placed.connect(on_order, weak=False)  # leak: receiver
    return HttpResponse("ok")


def receiver_fixed(request: Any, n: int) -> HttpResponse:
    def on_order(sender: Any, **extra: Any) -> int:
        return n

    order_placed.connect(on_order)
    order_placed.send(sender=None)
    return HttpResponse("ok")


def orders(request: Any, n: int) -> HttpResponse:
    Order(n).remember()
    return HttpResponse("ok")


def orders_fixed(request: Any, n: int) -> HttpResponse:
    Order.alive.add(Order(n))
    return HttpResponse("ok")


def total(request: Any, n: int) -> HttpResponse:
    return HttpResponse(str(Order(n).total()))  # leak: total


def total_fixed(request: Any, n: int) -> HttpResponse:
    return HttpResponse(str(Order(n).total_fixed))


def model(request: Any, n: int) -> HttpResponse:
    Registry(f"Report{n}", (), {"number": n})
    return HttpResponse("ok")


def model_fixed(request: Any, n: int) -> HttpResponse:
    Registry("Report", (), {"number": n})
    return HttpResponse("ok")


def observers(request: Any, n: int) -> HttpResponse:
    BASKET.observe(request)
    return HttpResponse("ok")


def observers_fixed(request: Any, n: int) -> HttpResponse:
    BASKET.observe(request)
    BASKET.observers.discard(request)
    return HttpResponse("ok")


def templates(request: Any, n: int) -> HttpResponse:
    source = f"{n}: {{{{ name }}}}"
    TEMPLATES[source] = _template(source)  # leak: templates
    return HttpResponse(TEMPLATES[source])


def templates_fixed(request: Any, n: int) -> HttpResponse:
    source = "{{ n }}: {{ name }}"
    if source not in TEMPLATES:
        TEMPLATES[source] = _template(source)
    return HttpResponse(TEMPLATES[source])


def _template(source: str) -> str:
    return f"<html><body>{source}</body></html>" * 3 if engines else ""


class Page(View):
    """A class attribute is shared by all requests."""

    context: dict[int, str] = {}  # noqa: RUF012 - that is the mistake

    def get(self, request: Any, n: int) -> HttpResponse:
        self.context[n] = f"page {n}"  # leak: page
        return HttpResponse("ok")


class PageFixed(View):
    def get(self, request: Any, n: int) -> HttpResponse:
        self.context = {n: f"page {n}"}
        return HttpResponse("ok")


def cached(request: Any, n: int) -> HttpResponse:
    cache.set("page", (cache.get("page") or "") + f"visit {n} " * 10)  # leak: cached
    return HttpResponse("ok")


def cached_fixed(request: Any, n: int) -> HttpResponse:
    cache.set(f"page-{n}", "x" * 20)
    return HttpResponse("ok")


async def tasks(request: Any, n: int) -> HttpResponse:
    task = asyncio.create_task(_wait(n))
    TASKS.add(task)  # leak: tasks
    return HttpResponse("ok")


async def tasks_fixed(request: Any, n: int) -> HttpResponse:
    task = asyncio.create_task(asyncio.sleep(0))
    TASKS.add(task)
    task.add_done_callback(TASKS.discard)
    return HttpResponse("ok")


async def _wait(n: int) -> None:
    await asyncio.Event().wait()


async def channels(request: Any, n: int) -> HttpResponse:
    queue = CHANNELS.setdefault(f"room {n % 4}", asyncio.Queue())
    await queue.put(f"message {n}")  # leak: channels
    return HttpResponse("ok")


async def channels_fixed(request: Any, n: int) -> HttpResponse:
    queue = CHANNELS.setdefault(f"room {n % 4}", asyncio.Queue())
    await queue.put(f"message {n}")
    await queue.get()
    return HttpResponse("ok")


def stream(request: Any, n: int) -> StreamingHttpResponse:
    rows = (f"row {row}" for row in range(3))
    BASKET.state[f"rows {n}"] = rows  # leak: stream
    return StreamingHttpResponse(rows)


def stream_fixed(request: Any, n: int) -> StreamingHttpResponse:
    return StreamingHttpResponse(f"row {row}" for row in range(3))
