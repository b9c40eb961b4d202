"""The client of scripts, and the runner that calls them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pympler.errors import ApplicationError
from pympler.leaks.check import check
from pympler.leaks.check.client import Client, ScriptRunner
from pympler.leaks.check.confirm import Limits
from pympler.leaks.check.drive_asgi import AsgiDriver
from pympler.leaks.check.drive_wsgi import WsgiDriver

KEPT: list[str] = []


def site(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """A login with a cookie, and an echo for those who have logged in."""
    headers = [("Content-Type", "application/json")]
    if environ["PATH_INFO"] == "/login":
        headers.append(("Set-Cookie", "session=abc; Path=/"))
    elif environ["PATH_INFO"] == "/logout":
        headers.append(("Set-Cookie", "session=; Max-Age=0"))
    elif "session=abc" not in environ.get("HTTP_COOKIE", ""):
        start_response("401 Unauthorized", headers)
        return [b"{}"]
    start_response("200 OK", headers)
    body = environ["wsgi.input"].read().decode()
    if environ["PATH_INFO"] == "/keep":
        KEPT.append(body)
    echo = {
        "method": environ["REQUEST_METHOD"],
        "body": body,
        "type": environ.get("CONTENT_TYPE"),
    }
    return [json.dumps(echo).encode()]


def client() -> Client:
    return Client(WsgiDriver(site, timeout_s=10), frozenset())


def test_cookies_are_sent_back() -> None:
    one = client()
    with pytest.raises(ApplicationError, match=r"^GET /x answered 401 Unauthorized"):
        one.get("/x")
    assert one.get("/x", expect=401).status == 401
    one.post("/login", form={"name": "anna", "roles": ["a", "b"]})
    assert one.get("/x").json() == {"method": "GET", "body": "", "type": None}
    one.get("/logout")
    assert one.cookies == {}


def test_bodies_and_their_types() -> None:
    one = client()
    login = one.post("/login", form={"name": "anna b", "roles": ["a", "b"]})
    assert login.json()["body"] == "name=anna+b&roles=a&roles=b"
    assert login.headers["content-type"] == "application/json"
    assert one.post("/x", json={"n": 1}).json()["type"] == "application/json"
    assert one.request("PUT", "/x", body="text").text.startswith('{"method": "PUT", "body": "text"')
    with pytest.raises(ApplicationError, match="answered 200, not 201"):
        one.get("/x", expect=201)


def test_an_asgi_application_answers_the_same() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        message = await receive()
        headers = [(b"x-method", scope["method"].encode())]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        await send({"type": "http.response.body", "body": b"got ", "more_body": True})
        await send({"type": "http.response.body", "body": message["body"]})

    driver = AsgiDriver(application, timeout_s=10)
    try:
        answer = Client(driver, frozenset()).request("PATCH", "/x", body="abc")
    finally:
        driver.close()
    assert (answer.status, answer.text) == (201, "got abc")
    assert answer.headers["x-method"] == "PATCH"


def test_what_a_script_does_wrong_is_said() -> None:
    def raises(one: Client) -> None:
        raise KeyError(one.n)

    runner = ScriptRunner(WsgiDriver(site, timeout_s=10), raises, accepted=frozenset())
    with pytest.raises(ApplicationError, match=r"^the script raised KeyError: 1 \(at .*py:"):
        runner.send(1)


@pytest.mark.integration
def test_a_script_is_judged_as_one_request() -> None:
    def order(one: Client) -> None:
        one.post("/login", form={"name": "anna"})
        one.post("/keep", json={"order": one.n})

    result = check(site, scripts=[order], limits=Limits(least_s=0.0))
    KEPT.clear()
    route = result.routes[0]
    assert (route.method, route.route.rpartition(".")[2]) == ("", "order")
    assert (route.verdict, route.status) == ("leak", 200)
    assert route.suspects[0].growth_per_request == 1.0
    assert route.suspects[0].holder.endswith("test_client.KEPT")
