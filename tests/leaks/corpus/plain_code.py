"""Plain functions behind a bare WSGI application: what functions, classes and threads keep."""

from __future__ import annotations

import atexit
import contextlib
import contextvars
import functools
import gc
import itertools
import logging
import signal
import sys
import threading
import types
import warnings
import weakref
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Generator, Iterator
from typing import Any, ClassVar

LOG = logging.getLogger("plain.code")
LOCAL = threading.local()
CURRENT: contextvars.ContextVar[tuple[str, ...]] = contextvars.ContextVar("trail", default=())
POLLS: list[Generator[bytes, None, None]] = []
BY_THREAD: dict[str, str] = {}
STOP = threading.Event()
CLEANUP = contextlib.ExitStack()
last_error: BaseException | None = None
previous_handler: Any = None


class Meta(type):
    """Registers what it makes."""

    made: ClassVar[list[type]] = []

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> Meta:
        kind = super().__new__(mcs, name, bases, namespace)
        if namespace.get("register"):
            mcs.made.append(kind)  # leak: metaclass
        return kind


class Plugin:
    by_kind: ClassVar[defaultdict[str, list[Plugin]]] = defaultdict(list)

    def __init__(self, kind: str) -> None:
        self.by_kind[kind].append(self)  # leak: class-defaultdict


class Order:
    instances: ClassVar[dict[int, Order]] = {}
    weak: ClassVar[weakref.WeakValueDictionary[int, Order]] = weakref.WeakValueDictionary()

    def __init__(self, n: int, *, register: bool) -> None:
        self.n = n
        if register:
            self.instances[n] = self  # leak: registry
        else:
            self.weak[n] = self


class Service:
    @functools.cache  # noqa: B019 - that is the mistake
    def compute(self, n: int) -> list[int]:
        return [n]

    @functools.lru_cache(maxsize=16)  # noqa: B019
    def compute_fixed(self, n: int) -> list[int]:
        return [n]


class Recent:
    """A cache of the last ones; the first version never drops the oldest."""

    def __init__(self) -> None:
        self.entries: OrderedDict[int, str] = OrderedDict()

    def put(self, n: int, *, limit: int | None) -> None:
        self.entries[n] = f"page {n}"  # leak: lru-by-hand
        self.entries.move_to_end(n)
        if limit is not None and len(self.entries) > limit:
            self.entries.popitem(last=False)


class Counted:
    """Tells when there are many, and takes back what it was asked to: nothing that bounds it."""

    many = 5000

    def __init__(self) -> None:
        self.orders: dict[int, str] = {}

    def add(self, n: int) -> bool:
        self.orders[n] = f"order {n}"  # leak: counted
        return len(self.orders) > 100

    def cancel(self, n: int) -> None:
        self.orders.pop(n, None)


COUNTED = Counted()


class OrderFailedError(Exception):
    """One of a chain."""


class Bus:
    def __init__(self) -> None:
        self.subscribers: list[Callable[[str], None]] = []

    def subscribe(self, callback: Callable[[str], None]) -> None:
        self.subscribers.append(callback)  # leak: bound-method

    def unsubscribe(self, callback: Callable[[str], None]) -> None:
        self.subscribers.remove(callback)


class Page:
    def refresh(self, what: str) -> None:
        """Called by the bus."""


RECENT = Recent()
BUS = Bus()


def make_memo() -> Callable[[int], list[int]]:
    calls: dict[int, list[int]] = {}

    def memo(n: int) -> list[int]:
        if n not in calls:
            calls[n] = [n]  # leak: closure
        return calls[n]

    return memo


memo = make_memo()


def default(n: int, collected: list[str] = []) -> None:  # noqa: B006 - that is the mistake
    collected.append(f"argument {n}")  # leak: default


def default_fixed(n: int, collected: list[str] | None = None) -> None:
    collected = [] if collected is None else collected
    collected.append(f"argument {n}")


def keyword(n: int, *, cache: dict[int, str] = {}) -> None:  # noqa: B006
    cache[n] = f"value {n}"  # leak: keyword


def keyword_fixed(n: int, *, cache: dict[int, str] = {}) -> None:  # noqa: B006
    cache[0] = f"value {n}"


def closure(n: int) -> None:
    memo(n)


def closure_fixed(n: int) -> None:
    make_memo()(n)


def attribute(n: int) -> None:
    attribute.history.append(n)  # type: ignore[attr-defined]  # leak: attribute


attribute.history = []  # type: ignore[attr-defined]


def attribute_fixed(n: int) -> None:
    attribute_fixed.last = n  # type: ignore[attr-defined]


def metaclass(n: int) -> None:
    Meta(f"Made{n}", (), {"register": True})


def metaclass_fixed(n: int) -> None:
    Meta(f"Made{n}", (), {})
    if n % 50 == 0:
        gc.collect()


def class_defaultdict(n: int) -> None:
    Plugin("report")


def class_defaultdict_fixed(n: int) -> None:
    Plugin("report")
    Plugin.by_kind["report"].clear()


def registry(n: int) -> None:
    Order(n, register=True)


def registry_fixed(n: int) -> None:
    Order(n, register=False)


def class_attributes(n: int) -> None:
    setattr(Service, f"handler_{n}", n)  # leak: class-attributes


def class_attributes_fixed(n: int) -> None:
    Service.handler = n  # type: ignore[attr-defined]


def method_cache(n: int) -> None:
    Service().compute(n)  # leak: method-cache


def method_cache_fixed(n: int) -> None:
    Service().compute_fixed(n)


def lru_by_hand(n: int) -> None:
    RECENT.put(n, limit=None)


def lru_by_hand_fixed(n: int) -> None:
    RECENT.put(n, limit=64)


def counted(n: int) -> None:
    COUNTED.add(n)
    COUNTED.cancel(-1)


def counted_fixed(n: int) -> None:
    COUNTED.add(n)
    COUNTED.cancel(n)


def kept_error(n: int) -> None:
    """The chain of everything that ever went wrong, with the frames of each."""
    global last_error
    large = [n] * 100
    try:
        try:
            if last_error is not None:
                raise last_error
        finally:
            raise OrderFailedError(f"{n}: {len(large)}")
    except OrderFailedError as error:
        last_error = error  # leak: kept-error


def kept_error_fixed(n: int) -> None:
    global last_error
    try:
        raise OrderFailedError(str(n))
    except OrderFailedError as error:
        last_error = error.with_traceback(None)


def poll(n: int) -> Iterator[bytes]:
    buffer = bytearray(b"x" * 500)
    while True:
        yield bytes(buffer[:n])


def suspended(n: int) -> None:
    generator = poll(n)
    next(generator)
    POLLS.append(generator)  # type: ignore[arg-type]  # leak: suspended


def suspended_fixed(n: int) -> None:
    generator = poll(n)
    next(generator)
    generator.close()  # type: ignore[attr-defined]


def handlers(n: int) -> None:
    LOG.addHandler(logging.NullHandler())  # leak: handlers


def handlers_fixed(n: int) -> None:
    handler = logging.NullHandler()
    LOG.addHandler(handler)
    LOG.removeHandler(handler)


def loggers(n: int) -> None:
    logging.getLogger(f"request.{n}").debug("came")  # leak: loggers


def loggers_fixed(n: int) -> None:
    logging.getLogger("request").debug("came %d", n)


def context_variable(n: int) -> None:
    CURRENT.set((*CURRENT.get(), f"request {n}"))  # leak: context-variable


def context_variable_fixed(n: int) -> None:
    token = CURRENT.set((f"request {n}",))
    CURRENT.reset(token)


def thread_local(n: int) -> None:
    if not hasattr(LOCAL, "trace"):
        LOCAL.trace = []
    LOCAL.trace.append(f"request {n}")  # leak: thread-local


def thread_local_fixed(n: int) -> None:
    LOCAL.trace = [f"request {n}"]


def dead_threads(n: int) -> None:
    def work() -> None:
        BY_THREAD[threading.current_thread().name] = f"result {n}"  # leak: dead-threads

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def dead_threads_fixed(n: int) -> None:
    def work() -> None:
        BY_THREAD[threading.current_thread().name] = f"result {n}"
        del BY_THREAD[threading.current_thread().name]

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def thread(n: int) -> None:
    threading.Thread(target=STOP.wait, name=f"watch-{n}", daemon=True).start()  # leak: thread


def thread_fixed(n: int) -> None:
    worker = threading.Thread(target=STOP.wait, args=(0,), daemon=True)
    worker.start()
    worker.join()


def timer(n: int) -> None:
    late = threading.Timer(3600, print, (n,))
    late.daemon = True
    late.start()  # leak: timer


def timer_fixed(n: int) -> None:
    late = threading.Timer(3600, print, (n,))
    late.daemon = True
    late.start()
    late.cancel()
    late.join()


def at_exit(n: int) -> None:
    atexit.register(str, [n])  # leak: at-exit


def at_exit_fixed(n: int) -> None:
    def forget() -> None:
        """Nothing to forget."""

    atexit.register(forget)
    atexit.unregister(forget)


def signal_chain(n: int) -> None:
    before = signal.getsignal(signal.SIGTERM)

    def handler(number: int, frame: types.FrameType | None) -> None:
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGTERM, handler)  # leak: signal-chain


def signal_chain_fixed(n: int) -> None:
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, before)


def exit_stack(n: int) -> None:
    CLEANUP.callback(str, n)  # leak: exit-stack


def exit_stack_fixed(n: int) -> None:
    with contextlib.ExitStack() as stack:
        stack.callback(str, n)


def bound_method(n: int) -> None:
    BUS.subscribe(Page().refresh)


def bound_method_fixed(n: int) -> None:
    page = Page()
    BUS.subscribe(page.refresh)
    BUS.unsubscribe(page.refresh)


def import_path(n: int) -> None:
    sys.path.append(f"/plugins/{n}")  # leak: import-path


def import_path_fixed(n: int) -> None:
    sys.path.append(f"/plugins/{n}")
    sys.path.pop()


def modules(n: int) -> None:
    module = types.ModuleType(f"generated_{n}")
    sys.modules[module.__name__] = module  # leak: modules


def modules_fixed(n: int) -> None:
    module = types.ModuleType(f"generated_{n}")
    sys.modules[module.__name__] = module
    del sys.modules[module.__name__]


def warning_filters(n: int) -> None:
    warnings.filterwarnings("ignore", message=f"request {n}")  # leak: warning-filters


def warning_filters_fixed(n: int) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="a request")


def finalizers(n: int) -> None:
    weakref.finalize(Service, str, n)  # leak: finalizers


def finalizers_fixed(n: int) -> None:
    weakref.finalize(Page(), str, n)


def wrapped(n: int) -> None:
    """Wraps a function again in each request, as a careless patch does."""
    inner = Page.refresh

    @functools.wraps(inner)
    def refresh(self: Page, what: str) -> None:
        return inner(self, what)

    Page.refresh = refresh  # type: ignore[method-assign]  # leak: wrapped


def wrapped_fixed(n: int) -> None:
    def refresh(self: Page, what: str) -> None:
        """Replaces the last one."""

    Page.refresh = refresh  # type: ignore[method-assign]


def warned(n: int) -> None:
    warnings.warn(f"request {n} uses an old address", stacklevel=1)  # leak: warned


def warned_fixed(n: int) -> None:
    warnings.warn("a request uses an old address", stacklevel=1)


SOURCE = itertools.count()
FIRST, SECOND = itertools.tee(SOURCE)


def tee(n: int) -> None:
    for _ in range(20):
        next(FIRST)


def tee_fixed(n: int) -> None:
    for _ in range(20):
        next(FIRST)
        next(SECOND)


HANDLERS: dict[str, Callable[[int], None]] = {
    name.replace("_", "-"): value
    for name, value in list(globals().items())
    if type(value) is types.FunctionType and value.__module__ == __name__
}


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    name, _, number = environ["PATH_INFO"].strip("/").partition("/")
    HANDLERS[name](int(number))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"ok"]
