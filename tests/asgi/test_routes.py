"""The route template: whole, never with a value in it, in every framework and version."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from pympler_asgi import MemoryMiddleware
from pympler_asgi.routes import route_template
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, Router
from starlette.staticfiles import StaticFiles

from pympler.leaks import UNROUTED
from tests.asgi_server import call, scope_of
from tests.doubles import RecordingMonitor, faults_logged


async def endpoint(request: Any) -> PlainTextResponse:
    return PlainTextResponse("found")


async def other(request: Any) -> PlainTextResponse:
    return PlainTextResponse("found")


class ByMethod(HTTPEndpoint):
    async def get(self, request: Any) -> PlainTextResponse:
        return PlainTextResponse("found")


async def opaque(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("found")(scope, receive, send)


def starlette_app() -> Starlette:
    leaves = [
        Route("/", other),
        Route("/x/{id:int}", endpoint),
        Route("/y/{id}", endpoint),
        Route("/class/{id}", ByMethod),
    ]
    deep = Mount("/t/{tenant}", routes=[*leaves, Mount("/deep/{part:path}", routes=leaves)])
    return Starlette(
        routes=[
            Route("/x/{id:int}", endpoint),
            Route("/y/{id}", endpoint, methods=["GET"]),
            Host("api.example.org", Router(routes=[Mount("/hosted/{who}", routes=leaves)])),
            deep,
            Mount("/t", routes=[Route("/same/{id}", endpoint)]),
            Mount("/a", Starlette(routes=leaves)),
            Mount("/b", Starlette(routes=leaves)),
            Mount("/static", StaticFiles(directory="."), name="static"),
            Mount("/opaque/{who}", opaque),
        ]
    )


STARLETTE = {
    "/x/7": "/x/{id}",
    "/y/x": "/y/{id}",
    "/t/acme/x/7": "/t/{tenant}/x/{id}",
    "/t/acme/": "/t/{tenant}/",
    "/t/t/x/7": "/t/{tenant}/x/{id}",
    "/t/x/x/7": "/t/{tenant}/x/{id}",
    "/t/acme/class/7": "/t/{tenant}/class/{id}",
    "/a/x/7": "/a/x/{id}",
    "/b/y/7": "/b/y/{id}",
    "/static/none.css": "/static/{path}",
    "/opaque/me/and/more": "/opaque/{who}/{path}",
    "/a/none/7": "/a/{path}",
    "/none/7": UNROUTED,
    "/x/7/": UNROUTED,
}


def route_of(app: Any, path: str, method: str = "GET", **more: Any) -> str:
    monitor = RecordingMonitor()
    with faults_logged() as faults:
        asyncio.run(call(MemoryMiddleware(app, monitor=monitor), scope_of(path, method, **more)))
    assert faults == []
    (ended,) = monitor.ended
    return ended.route


@pytest.mark.parametrize("path", STARLETTE)
@pytest.mark.parametrize("root_path", ["", "/proxy"])
def test_starlette(path: str, root_path: str) -> None:
    scope = {"root_path": root_path}
    assert route_of(starlette_app(), root_path + path, **scope) == STARLETTE[path]


def test_a_wrong_method_is_not_a_route_of_its_own() -> None:
    assert route_of(starlette_app(), "/y/7", "DELETE") == "/y/{id}"


def test_a_mount_within_a_host() -> None:
    headers = [(b"host", b"api.example.org")]
    route = route_of(starlette_app(), "/hosted/me/x/7", headers=headers)
    assert route == "/hosted/{who}/x/{id}"


def test_a_middleware_added_inside_sees_the_same() -> None:
    monitor = RecordingMonitor()
    app = starlette_app()
    app.add_middleware(MemoryMiddleware, monitor=monitor)
    asyncio.run(call(app, scope_of("/t/acme/x/7")))
    assert [ended.route for ended in monitor.ended] == ["/t/{tenant}/x/{id}"]


def test_a_middleware_in_a_mounted_application_tells_the_whole_route() -> None:
    monitor = RecordingMonitor()
    inner = MemoryMiddleware(Starlette(routes=[Route("/x/{id}", endpoint)]), monitor=monitor)
    app = Starlette(routes=[Mount("/t/{tenant}", inner)])
    asyncio.run(call(app, scope_of("/t/acme/x/7")))
    (ended,) = monitor.ended
    assert ended.route == "/t/{tenant}/x/{id}"


def test_an_application_that_hides_its_routes_gets_no_value_into_the_route() -> None:
    hidden = Starlette(routes=[Mount("/v/{tenant}", routes=[Route("/x/{id}", endpoint)])])

    async def hiding(scope: Any, receive: Any, send: Any) -> None:
        await hidden(scope, receive, send)

    route = route_of(Starlette(routes=[Mount("/hidden", hiding)]), "/hidden/v/acme/x/7")
    assert route in ("<mount>/x/{id}", "<mount>/{path}")


def fastapi_app() -> FastAPI:
    inner, outer = APIRouter(prefix="/in"), APIRouter(prefix="/api/v{version}")

    @inner.get("/items/{item_id}")
    async def item(item_id: int, version: str) -> dict[str, int]:
        return {"item": item_id}

    plain = APIRouter()
    plain.add_route("/plain/{id}", endpoint)
    outer.include_router(inner)
    sub = FastAPI()

    @sub.get("/users/{name}")
    def user(name: str) -> dict[str, str]:
        return {"name": name}

    sub.include_router(inner, prefix="/again")
    app = FastAPI()
    app.include_router(outer)
    app.include_router(plain, prefix="/v{version}")

    @app.get("/direct/{id}")
    def direct(id: str) -> dict[str, str]:
        return {"id": id}

    app.mount("/sub/{tenant}", sub)
    app.mount("/static", StaticFiles(directory="."))
    return app


FASTAPI = {
    "/direct/7": "/direct/{id}",
    "/direct/": UNROUTED,
    "/api/v2/in/items/7": "/api/v{version}/in/items/{item_id}",
    "/v2/plain/7": "/v{version}/plain/{id}",
    "/sub/acme/users/me": "/sub/{tenant}/users/{name}",
    "/sub/acme/again/in/items/7": "/sub/{tenant}/again/in/items/{item_id}",
    "/docs": "/docs",
    "/sub/acme/openapi.json": "/sub/{tenant}/openapi.json",
    "/static/none.css": "/static/{path}",
    "/none/7": UNROUTED,
}


@pytest.mark.parametrize("path", FASTAPI)
def test_fastapi(path: str) -> None:
    assert route_of(fastapi_app(), path) == FASTAPI[path]


def test_a_path_template_in_the_scope_is_taken() -> None:
    async def litestar_like(scope: Any, receive: Any, send: Any) -> None:
        scope["path_template"] = "/shops/{shop_id:int}"
        await PlainTextResponse("")(scope, receive, send)

    assert route_of(litestar_like, "/shops/7") == "/shops/{shop_id:int}"


def test_an_application_without_a_framework_names_its_route_in_the_scope() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["pympler"].route = "/cart/{id}"
        await PlainTextResponse("")(scope, receive, send)

    assert route_of(app, "/cart/7") == "/cart/{id}"


class Hostile:
    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("not yours")


@pytest.mark.parametrize("key", ["path_template", "route", "endpoint", "router", "fastapi", "app"])
def test_a_hostile_object_in_the_scope_costs_the_route_and_nothing_else(key: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["endpoint"] = endpoint
        scope[key] = Hostile()
        await PlainTextResponse("served")(scope, receive, send)

    monitor = RecordingMonitor()
    with faults_logged():
        served = asyncio.run(call(MemoryMiddleware(app, monitor=monitor), scope_of("/raw")))
    assert served.body == b"served"
    assert [ended.route for ended in monitor.ended] == [UNROUTED]


def test_nothing_known_is_none() -> None:
    assert route_template(scope_of("/raw/7")) is None
