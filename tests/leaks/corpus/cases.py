"""What has to be found: a table of cases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["CASES", "Case", "expected_line", "holds"]

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class Case:
    """One handler.

    Attributes:
        name: unique, such as ``flask/listener`` or ``flask/listener-fixed``.
        application: ``module:attribute``; path: what is requested.
        leaks: whether it has to be called a leak.
        holders: names for what holds it, any of which is right; ``*`` stands for any text.
    """

    name: str
    application: str
    path: str
    leaks: bool
    holders: tuple[str, ...] = ()


FLASK = {
    "listener": "flask_shop.ORDERED.receivers",
    "prices": "flask_shop.PRICES",
    "visits": "flask_shop.VISITS['anna']['pages']",
    "metric": "flask_shop.REQUESTS._children",
    "expiring": "flask_shop.CARTS.carts",
    "cart": "flask_shop.ANNA.history",
    "connection": "flask_shop.CONNECTIONS",
    "pool": "flask_shop.POOLS",
    "error": "flask_shop.ERRORS",
    "undo": "flask_shop.UNDO",
    "stream": "flask_shop.WAITING",
    "extension": "flask_shop.app.extensions['statistics']",
    "lock": "flask_shop.LOCKS",
    "after": "flask_shop.app.after_request_funcs[None]",
    "log-filter": "flask_shop.app.logger.filters | logging.getLogger('flask_shop').filters",
}
DJANGO = {
    "receiver": "django_site.signals.order_placed.receivers",
    "orders": "django_site.models.Order.instances",
    "total": "lru_cache of django_site.models.Order.total",
    "model": "django_site.models.Registry.models",
    "observers": "django_site.models.BASKET.observers",
    "templates": "django_site.views.TEMPLATES",
    "cached": "django.core.cache.backends.locmem._caches*",
    "stream": "django_site.views.BASKET.state | django_site.models.BASKET.state",
    "page": "django_site.views.Page.context",
    "durations": "*durations*",
    "by-path": "django_site.middleware.BY_PATH",
}
DJANGO_ASYNC = {
    "tasks": "django_site.views.TASKS",
    "channels": "django_site.views.CHANNELS*",
    "receiver": "django_site.signals.order_placed.receivers",
    "orders": "django_site.models.Order.instances",
    "durations": "*durations*",
}
STARLETTE = {
    "room": "starlette_hub.ROOM._queue",
    "subscribe": "starlette_hub.LISTENERS",
    "poll": "starlette_hub.PENDING",
    "forgotten": "the event loop._scheduled: _poll at starlette_hub.py:*",
    "timer": "call_later (starlette_hub.BOARD.append) | *_scheduled*",
    "waiter": "starlette_hub.HUB.waiters",
    "stream": "starlette_hub.STREAMS",
    "background": "starlette_hub.JOBS",
    "state": "starlette_hub.app.state*seen*",
    "limit": "starlette_hub.LIMITS",
    "threaded": "starlette_hub.BOARD",
    "routes": "starlette_hub.app.router.routes",
    "client": "starlette_hub.app.middleware_stack*.clients",
}
FASTAPI = {
    "session": "fastapi_api.Session.opened",
    "pricing": "lru_cache of fastapi_api.pricing",
    "orders": "*repository*.orders",
    "tags": "*repository*.by_tag['new']",
    "mail": "fastapi_api.SENT",
    "event": "fastapi_api.EVENTS",
    "callback": "fastapi_api.CALLBACKS['order']",
    "local": "fastapi_api.LOCAL.queries",
    "override": "fastapi_api.app.dependency_overrides",
    "router": "fastapi_api.app.router.routes",
    "waiting": "fastapi_api.app.state*waiting* | fastapi_api.app.state*closing*._waiters",
}
STRUCTURES = {
    "seen": "plain_structures.SEEN",
    "matrix": "plain_structures.MATRIX",
    "nested": "plain_structures.BY_USER['anna']",
    "shards": "plain_structures.SHARDS*",
    "insort": "plain_structures.SORTED",
    "heap": "plain_structures.HEAP",
    "event-queue": "plain_structures.EVENTS.queue",
    "simple-queue": "plain_structures.SIMPLE",
    "raw-bytes": "plain_structures.RAW",
    "numbers": "plain_structures.NUMBERS",
    "bytes-io": "plain_structures.BUFFER",
    "string-io": "plain_structures.TEXT",
    "text-log": "plain_structures.audit_log",
    "bytes-log": "plain_structures.frames",
    "replaced-set": "plain_structures.visited",
    "big-number": "plain_structures.mask",
    "counter": "plain_structures.HITS",
    "layers": "plain_structures.LAYERS.maps",
    "tail": "plain_structures.TAIL",
    "namespace": "plain_structures.OPTIONS | plain_structures.OPTIONS.__dict__",
    "linked": "plain_structures.Stack.top*",
    "data-class": "plain_structures.warehouse.baskets",
    "slots": "plain_structures.LEDGER.entries",
    "tree": "plain_structures.ROOT.children",
    "ring": "plain_structures.RING.slots",
    "weak-key": "plain_structures.SESSIONS | plain_structures.SESSIONS.data",
}
CODE = {
    "default": "plain_code.default.__defaults__[0]",
    "keyword": "plain_code.keyword.__kwdefaults__['cache']",
    "closure": "plain_code.memo.<closure>.calls",
    "attribute": "plain_code.attribute.history",
    "metaclass": "plain_code.Meta.made",
    "class-defaultdict": "plain_code.Plugin.by_kind['report']",
    "registry": "plain_code.Order.instances",
    "class-attributes": "plain_code.Service | the names in plain_code.Service",
    "method-cache": "lru_cache of plain_code.Service.compute",
    "lru-by-hand": "plain_code.RECENT.entries",
    "counted": "plain_code.COUNTED.orders",
    "kept-error": "plain_code.last_error*",
    "suspended": "plain_code.POLLS",
    "handlers": "logging.getLogger('plain.code').handlers | plain_code.LOG.handlers",
    "loggers": "*loggerDict | logging.getLogger('request')*",
    "context-variable": "*context variable trail*",
    "thread-local": "plain_code.LOCAL.trace",
    "dead-threads": "plain_code.BY_THREAD",
    "thread": "*threads*",
    "timer": "*threads*",
    "at-exit": "atexit*",
    "signal-chain": "handler of SIGTERM*",
    "exit-stack": "plain_code.CLEANUP._exit_callbacks",
    "bound-method": "plain_code.BUS.subscribers",
    "import-path": "sys.path",
    "modules": "sys.modules",
    "warning-filters": "warnings.filters",
    "finalizers": "weakref.finalize._registry",
    "wrapped": "plain_code.Page.refresh*",
    "warned": "plain_code.__warningregistry__",
    "tee": "plain_code.SECOND*",
}
INNOCENT = [
    "recent", "max-length", "batch", "epoch", "users", "generations", "random-eviction", "steps",
    "pool", "labels", "by-the-clock", "bounded-queue", "sawtooth", "headlines", "memory-handler",
    "late-imports", "patterns", "weak-set", "declared", "lru", "few-arguments", "cycles",
    "temporary", "kept-until-next", "short-thread", "dynamic-class", "frozen-pair",
    "cleared", "trimmed", "remembered", "timed",
]  # fmt: skip
INNOCENT_SHOP = ["template", "connection", "cookie", "large"]
INNOCENT_HUB = ["later", "background", "threaded", "variable", "future", "stream", "drop-oldest"]


def _table() -> Iterator[Case]:
    for prefix, application, holders in (
        ("flask", "flask_shop:app", FLASK),
        ("django", "django_site.wsgi:application", DJANGO),
        ("django-asgi", "django_site.asgi:application", DJANGO_ASYNC),
        ("starlette", "starlette_hub:app", STARLETTE),
        ("fastapi", "fastapi_api:app", FASTAPI),
        ("structures", "plain_structures:application", STRUCTURES),
        ("code", "plain_code:application", CODE),
    ):
        for name, holder in holders.items():
            names = tuple(holder.split(" | "))
            yield Case(f"{prefix}/{name}", application, f"/{name}/{{n}}", True, names)
            yield Case(f"{prefix}/{name}-fixed", application, f"/{name}-fixed/{{n}}", False)
    for prefix, application, innocent in (
        ("innocent", "plain_innocents:application", INNOCENT),
        ("innocent-flask", "web_innocents:shop", INNOCENT_SHOP),
        ("innocent-starlette", "web_innocents:hub", INNOCENT_HUB),
    ):
        for name in innocent:
            yield Case(f"{prefix}/{name}", application, f"/{name}/{{n}}", False)


CASES = {case.name: case for case in _table()}


def holds(case: Case, holder: str) -> bool:
    """Whether a holder that was found is one that the case allows."""
    patterns = [".*".join(map(re.escape, name.split("*"))) for name in case.holders]
    return any(re.fullmatch(pattern, holder) for pattern in patterns)


def expected_line(case: Case) -> str | None:
    """``file:line`` of the comment ``leak: name`` in the application, ``None`` without one."""
    module = case.application.partition(":")[0].partition(".")[0]
    files = [FOLDER / f"{module}.py", *sorted((FOLDER / module).glob("*.py"))]
    mark = f"# leak: {case.name.partition('/')[2]}"
    for file in filter(Path.exists, files):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if line.rstrip().endswith(mark):
                return f"{file.relative_to(FOLDER).as_posix()}:{number}"
    return None
