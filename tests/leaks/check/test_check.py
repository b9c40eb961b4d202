"""Whole checks of small real applications: verdict, holder and line."""

from __future__ import annotations

import asyncio
import functools
import gc
import importlib.util
import json
import os
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pympler.errors import UsageError
from pympler.leaks.check import CheckResult, Limits, RouteResult, check
from pympler.leaks.plain import from_dict
from tests.support import require

APPS = Path(__file__).resolve().parents[2] / "apps"
QUICK = Limits(least_s=0.0)


@pytest.fixture
def load() -> Iterator[Callable[[str], ModuleType]]:
    """Loads an application anew, so that no test sees what another has left."""
    names: list[str] = []

    def load_one(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, APPS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        names.append(name)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module

    yield load_one
    for name in names:
        sys.modules.pop(name, None)


def line_of(file: Path, text: str) -> str:
    """``file:line`` of the only line of a file that holds this text."""
    lines = file.read_text(encoding="utf-8").splitlines()
    found = [number for number, line in enumerate(lines, 1) if text in line]
    assert len(found) == 1, f"{text!r} stands in the lines {found}"
    return f"{file.name}:{found[0]}"


def check_one(application: Any, path: str, limits: Limits = QUICK) -> RouteResult:
    result = check(application, [path], limits=limits)
    assert result.error is None
    return result.routes[0]


PROBE = """
import dataclasses, importlib, json, sys
from pympler.leaks.check import Limits, check
application = importlib.import_module(sys.argv[1]).app
options = json.loads(sys.argv[2])
limits = Limits(least_s=0.0)
for paths in json.loads(sys.argv[3]):
    result = check(application, paths, limits=limits, **options)
    sys.__stdout__.write("\\nRESULT" + json.dumps(dataclasses.asdict(result)) + "\\n")
    sys.__stdout__.flush()
"""


def probed(name: str, *checks: Sequence[str], **options: Any) -> list[CheckResult]:
    """The results of checks of an application in one process of its own, whose heap is small."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, name, json.dumps(options), json.dumps(checks)],
        cwd=APPS,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(APPS), str(APPS.parents[1])])},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
    return [from_dict(CheckResult, json.loads(line.removeprefix("RESULT"))) for line in lines]


@functools.cache
def checked_apart(name: str, *paths: str, **options: Any) -> CheckResult:
    """The result for an application in a process of its own."""
    return probed(name, paths, **options)[0]


def checked(name: str, path: str) -> RouteResult:
    """The result for a route of an application."""
    result = checked_apart(name, path)
    assert result.error is None
    return result.routes[0]


def checked_in_turn(name: str, paths: Sequence[str]) -> list[RouteResult]:
    """The results for routes of an application, checked one after the other in one process."""
    results = probed(name, *([path] for path in paths))
    assert [result.error for result in results] == [None] * len(paths)
    return [result.routes[0] for result in results]


Row = tuple[Any, ...]


def split(*rows: Row, everywhere: Collection[str]) -> tuple[list[Row], list[Row]]:
    """The rows of these paths, and the others, which take part in ``make test`` only."""
    first = [row for row in rows if row[0] in everywhere]
    return first, [row for row in rows if row[0] not in everywhere]


LEAKS, OTHER_LEAKS = split(
    ("/text/{n}", "leaky_flask.TEXTS", "dict", 1.0, 'TEXTS[f"key'),
    ("/items/{n}", "leaky_flask.ITEMS", "list", 1.0, "ITEMS.append(Item(n))  # in each"),
    ("/strings/{n}", "leaky_flask.TAGS", "list", 1.0, "TAGS.append("),
    ("/set/{n}", "leaky_flask.SEEN", "set", 1.0, 'SEEN.add(f"visitor {n}")'),
    ("/closure/{n}", "leaky_flask.remember.<closure>.kept", "list", 1.0, "kept.append("),
    ("/class/{n}", "leaky_flask.Plugin.registry", "list", 1.0, "self.registry.append("),
    ("/two/{n}", "leaky_flask.repository.by_id", "dict", 1.0, "self.by_id[item.n] ="),
    ("/lru-unbounded/{n}", "lru_cache of leaky_flask.price", "lru_cache", 1.0, "str(price(n))"),
    ("/every-tenth/{n}", "leaky_flask.ITEMS", "list", 0.1, "ITEMS.append(Item(n))  # in one"),
    ("/chain/{n}", "leaky_flask.head", "leaky_flask.Node", 0.0, "head = Node(n, head)"),
    ("/grow-tuple/{n}", "leaky_flask.history", "tuple", 1.0, "history +="),
    ("/layers/{n}", "leaky_flask.layers.maps", "list", 1.0, "layers = layers.new_child"),
    ("/users/{n}", "leaky_flask.USERS", "list", 1.0, "USERS[n % 400]"),
    ("/handler/{n}", "logging.getLogger('leaky').handlers", "list", 1.0, "addHandler("),
    everywhere=("/text/{n}", "/closure/{n}", "/chain/{n}"),
)


BOUNDED, OTHER_BOUNDED = split(
    ("/lru-large/{n}", "lru_cache of leaky_flask.large", 50_000),
    ("/declared/{n}", "leaky_flask.cache._data", 20_000),
    ("/deque/{n}", "leaky_flask.LAST", 5000),
    ("/recent/{n}", "leaky_flask.RECENT", 800),
    ("/slow/{n}", "leaky_flask.SLOW", 200),
    ("/expiring/{n}", "leaky_flask.EXPIRING", 299),
    everywhere=("/lru-large/{n}",),
)

CLEAN = ["/clean/{n}", "/lru-small/{n}", "/regex/{n}", "/same/{n}"]


@pytest.mark.parametrize(("path", "holder", "kind", "growth", "line"), LEAKS)
def test_a_leak_is_found_and_named(
    path: str, holder: str, kind: str, growth: float, line: str
) -> None:
    is_named(checked("leaky_flask", path), holder, kind, growth, line)


@pytest.mark.integration
@pytest.mark.long
def test_other_leaks_are_found_and_named() -> None:
    routes = checked_in_turn("leaky_flask", [row[0] for row in OTHER_LEAKS])
    for route, (_, *expected) in zip(routes, OTHER_LEAKS, strict=True):
        is_named(route, *expected)


def is_named(route: RouteResult, holder: str, kind: str, growth: float, line: str) -> None:
    assert route.verdict == "leak", route
    suspect = route.suspects[0]
    assert (suspect.holder, suspect.type) == (holder, kind)
    assert suspect.growth_per_request == pytest.approx(growth, abs=0.02)
    assert suspect.stored_at == line_of(APPS / "leaky_flask.py", line)
    assert holder in route.headline
    assert str(suspect.stored_at) in route.headline
    assert route.requests >= 1250


def test_what_an_application_holds_that_a_factory_has_made_is_named() -> None:
    def create_app() -> Any:
        class Shop:
            def __init__(self) -> None:
                self.orders: list[object] = []

            def __call__(self, environ: Any, start_response: Any) -> list[bytes]:
                self.orders.append([environ["PATH_INFO"]])
                start_response("200 OK", [("Content-Type", "text/plain")])
                return [b"ok"]

        return Shop()

    (route,) = check(create_app(), ["/"]).routes
    assert (route.verdict, route.suspects[0].holder) == ("leak", "the application.orders")


def test_what_a_request_leaves_is_weighed() -> None:
    route = checked("leaky_flask", "/heavy/{n}")
    assert route.objects_per_request == pytest.approx(4, abs=0.1)
    assert route.bytes_per_request == pytest.approx(
        sys.getsizeof({}) + sys.getsizeof({1: 2}) + 2000 + 1000, abs=400
    )


@pytest.mark.integration
def test_a_text_that_grows_is_found(load: Callable[[str], ModuleType]) -> None:
    # The C library can be asked how much it has given since glibc 2.33 only.
    from pympler.leaks.check.meter import malloc_is_known

    require("mallinfo2", malloc_is_known(), "glibc 2.33")
    route = check_one(load("leaky_flask").app, "/grow-text/{n}")
    assert (route.verdict, route.suspects[0].holder) == ("leak", "leaky_flask.log_text")
    assert re.search(r"\(str, \+3\d\d B per request\)", route.headline)


@pytest.mark.integration
def test_two_containers_of_one_owner_are_two_suspects() -> None:
    route = checked("leaky_flask", "/two/{n}")
    assert {suspect.holder for suspect in route.suspects} == {
        "leaky_flask.repository.by_id",
        "leaky_flask.repository.order",
    }


@pytest.mark.parametrize(("path", "holder", "bound"), BOUNDED)
def test_a_bounded_cache_is_no_leak(path: str, holder: str, bound: int) -> None:
    is_bounded(checked("leaky_flask", path), holder, bound)


def is_bounded(route: RouteResult, holder: str, bound: int) -> None:
    assert route.verdict == "bounded", route
    assert (route.suspects[0].holder, route.suspects[0].bound) == (holder, bound)


@pytest.mark.integration
@pytest.mark.long
def test_other_caches_and_clean_handlers_are_not_accused() -> None:
    paths = [*CLEAN, *(row[0] for row in OTHER_BOUNDED)]
    routes = checked_in_turn("leaky_flask", paths)
    for route in routes[: len(CLEAN)]:
        assert route.verdict in ("clean", "bounded"), route
    for route, (_, *expected) in zip(routes[len(CLEAN) :], OTHER_BOUNDED, strict=True):
        is_bounded(route, *expected)


def test_cyclic_garbage_is_weighed() -> None:
    route = checked("leaky_flask", "/cycles/{n}")
    assert route.verdict == "cyclic-garbage"
    assert 30 <= route.objects_per_request < 60
    assert route.bytes_per_request >= 30 * sys.getsizeof([])


ASYNC: list[tuple[str, str, str | None, str]] = [
    ("/clean/{n}", "clean", None, ""),
    ("/clean-sync/{n}", "clean", None, ""),
    ("/stream/{n}", "clean", None, ""),
    ("/task/{n}", "clean", None, ""),
    ("/async/{n}", "leak", "leaky_fastapi.TOUCHED", "TOUCHED.append(n)  # asynchronous"),
    ("/sync/{n}", "leak", "leaky_fastapi.TOUCHED", "TOUCHED.append(n)  # synchronous"),
    ("/background/{n}", "leak", "leaky_fastapi.JOBS", "JOBS[n] ="),
    ("/lock/{n}", "leak", "leaky_fastapi.LOCKS", "LOCKS.setdefault("),
    ("/stuck/{n}", "leak", "leaky_fastapi.PENDING", "Event().wait()"),
]


@pytest.mark.integration
@pytest.mark.long
def test_an_asgi_application() -> None:
    routes = checked_in_turn("leaky_fastapi", [row[0] for row in ASYNC])
    for route, (_, verdict, holder, line) in zip(routes, ASYNC, strict=True):
        assert route.verdict == verdict, route
        if holder is not None:
            assert route.suspects[0].holder == holder
            assert route.suspects[0].stored_at == line_of(APPS / "leaky_fastapi.py", line)


@pytest.mark.integration
def test_an_object_that_only_c_holds_is_native_growth() -> None:
    import ctypes

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object([environ["PATH_INFO"]]))
        start_response("200 OK", [])
        return [b"ok"]

    route = check_one(application, "/{n}")
    assert route.verdict == "native", route
    assert route.objects_per_request == pytest.approx(1, abs=0.1)
    assert route.bytes_per_request > 0


@pytest.mark.integration
@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/missing", "/missing answered 404 Not Found; check the path, or expect it"),
        ("/login", "/login answered 302 Found to /accounts/login/; check a path that needs no"),
        ("/500", "/500 answered 500 Internal Server Error; see what the application printed"),
        ("/raise", "/raise raised ValueError: first line (at "),
        ("/exit", "/exit ended the program: SystemExit: 3"),
        ("/hang", "/hang gave no answer within 0.3 s"),
        ("/no-start", "/no-start answered without a call of start_response"),
        ("/breaks-later/{n}", "/breaks-later/36 raised OSError: too many open files"),
    ],
)
def test_a_route_that_fails_has_no_verdict(path: str, error: str) -> None:
    result = checked_apart("bare_wsgi", path, "/ok", timeout_s=0.3)
    failed, good = result.routes
    assert (failed.verdict, good.verdict) == (None, "clean")
    assert str(failed.error).startswith(error)
    assert "\n" not in str(failed.error)
    assert (result.verdict, result.exit_code) == ("clean", 2)


@pytest.mark.integration
def test_an_expected_status_is_no_error() -> None:
    result = checked_apart("bare_wsgi", "/missing", "/login", "/ok", expect=(404, 302))
    assert [route.verdict for route in result.routes] == ["clean"] * 3
    assert [route.status for route in result.routes] == [404, 302, 200]


@pytest.mark.integration
def test_a_leak_that_ends_in_a_failure_is_a_leak(load: Callable[[str], ModuleType]) -> None:
    result = check(load("bare_wsgi").app, ["/breaks-while-leaking/{n}"], limits=QUICK)
    assert result.exit_code == 1
    assert "then the application failed" in result.routes[0].suspects[0].evidence


def test_a_failing_start_up_is_the_error_of_the_check() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    result = check(application, ["/"])
    assert (result.error, result.routes) == ("the application's start-up failed: no database", ())
    assert result.exit_code == 2


@pytest.mark.integration
def test_our_own_middleware_is_not_accused() -> None:
    clean, leak = checked_apart("watched_wsgi", "/ok", "/leak/{n}").routes
    assert clean.verdict == "clean", clean
    assert [suspect.holder for suspect in leak.suspects] == ["tests.apps.bare_wsgi.KEPT"]


@pytest.mark.integration
def test_every_request_has_another_number() -> None:
    seen: list[str] = []

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        if len(seen) < 400:
            seen.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        return [b"ok"]

    check(application, ["/a/{n}", "/b/{n}"], limits=QUICK)
    numbers = [path.rpartition("/")[2] for path in seen]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.integration
def test_gc_is_left_as_it_was(load: Callable[[str], ModuleType]) -> None:
    before = gc.isenabled(), gc.get_threshold(), gc.get_debug(), len(gc.callbacks)
    check(load("bare_wsgi").app, ["/gc"])
    assert (gc.isenabled(), gc.get_threshold(), gc.get_debug(), len(gc.callbacks)) == before
    assert not tracemalloc.is_tracing()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"paths": []}, "no path is given"),
        ({"paths": ["x"]}, "path 'x' must begin with a slash: '/x'"),
        ({"rounds": 2}, "rounds is 2, use 3 or more"),
        ({"timeout_s": 0}, "timeout is 0"),
        ({"warm_up": 3}, "warm-up is 3, use 10 or more"),
        ({"application": 42}, "int is no type of a WSGI or ASGI application"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], text: str) -> None:
    def application(environ: Any, start_response: Any) -> list[bytes]:
        return []

    given = {"application": application, "paths": ["/"], **arguments}
    with pytest.raises(UsageError, match=text):
        check(given.pop("application"), given.pop("paths"), **given)


@pytest.mark.integration
def test_a_loop_of_the_caller_is_not_touched() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    loop = asyncio.new_event_loop()
    try:
        asyncio.set_event_loop(loop)
        assert check_one(application, "/").verdict == "clean"
        assert asyncio.get_event_loop_policy().get_event_loop() is loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()
