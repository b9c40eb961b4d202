"""Who may see the pages: each rule, on the one function that every front end calls."""

from __future__ import annotations

from typing import Any

import pytest

from pympler.render.pages.access import COOKIE, PROXY_HEADERS, Access, decide, wants_snapshot
from pympler.render.pages.request import PageRequest

ON = Access(pages=True)
LOCAL = {"host": "localhost:8000"}


def request(
    method: str = "GET",
    *,
    peer: str | None = "127.0.0.1",
    host: str = "localhost:8000",
    **more: Any,
) -> PageRequest:
    headers = {"host": host, **more.pop("headers", {})}
    return PageRequest(method, "/", headers=headers, peer=peer, prefix="/_pympler", **more)


def remote(**more: Any) -> PageRequest:
    return request(peer="203.0.113.9", **more)


@pytest.mark.parametrize(
    ("pages", "debug", "status"),
    [
        *[(None, False, 404), (None, True, 200), (True, False, 200)],
        *[(False, True, 404), (False, False, 404), (True, True, 200)],
    ],
)
def test_the_pages_are_off_unless_asked_for(pages: bool | None, debug: bool, status: int) -> None:
    assert decide(Access(pages=pages), request(debug=debug)).status == status


@pytest.mark.parametrize(
    "host",
    [
        *["localhost", "LOCALHOST:80", "app.localhost:8000", "127.0.0.1", "127.0.0.1:5000"],
        *["[::1]", "[::1]:8000", "shop.example", "shop.example:8443", "a.b.tree.example"],
    ],
)
def test_local_and_configured_names_are_answered(host: str) -> None:
    access = Access(pages=True, allowed_hosts=("shop.example", ".tree.example"))
    assert decide(access, request(host=host)).status == 200


@pytest.mark.parametrize(
    "host",
    [
        *["", "evil.example", "localhost.evil.example", "evillocalhost"],
        *["127.0.0.1.evil.example", "0.0.0.0"],
        *["localhost,evil.example", "localhost@evil.example", "[::1", "[::1].evil.example", "::1"],
        *[
            "localhost:80:80",
            "xshop.example",
            "localhost:999999",
            "127.1",
            "0.0.0.0",
        ],
    ],
)
def test_any_other_host_is_refused(host: str) -> None:
    access = Access(pages=True, allowed_hosts=("shop.example",))
    assert decide(access, request(host=host)).status == 404


def test_hosts_that_the_framework_was_configured_for_are_answered() -> None:
    assert decide(ON, request(host="shop.example", hosts=("shop.example",))).status == 200


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_a_visitor_from_this_machine_is_let_in(peer: str) -> None:
    assert decide(ON, request(peer=peer)).status == 200


@pytest.mark.parametrize(
    "peer", [None, "", "203.0.113.9", "10.0.0.1", "::ffff:10.0.0.1", "unix:", "127.0.0.1, 1.2.3.4"]
)
def test_a_visitor_from_elsewhere_is_not(peer: str | None) -> None:
    assert decide(ON, request(peer=peer)).status == 404


@pytest.mark.parametrize("header", PROXY_HEADERS)
def test_behind_a_proxy_nobody_is_local(header: str) -> None:
    assert decide(ON, request(headers={header: ""})).status == 404


def test_the_token_is_exchanged_for_a_cookie_and_leaves_the_address() -> None:
    access = Access(pages=True, token="s3cret")
    decision = decide(access, remote(query={"token": "s3cret", "page": "2"}))
    assert decision.status == 303
    assert decision.cookie.endswith("; Path=/; HttpOnly; SameSite=Strict")
    assert "s3cret" not in decision.cookie
    cookie = decision.cookie.partition(";")[0]
    assert decide(access, remote(headers={"cookie": cookie})).status == 200
    assert decide(access, remote(headers={"cookie": f"a=1; {cookie}; b=2"})).status == 200
    assert decide(access, remote(headers={"cookie": f"{COOKIE}=s3cret"})).status == 404
    assert (
        decide(Access(pages=True, token="other"), remote(headers={"cookie": cookie})).status == 404
    )
    assert decide(access, remote(query={"token": "s3cret"}, secure=True)).cookie.endswith("Secure")


@pytest.mark.parametrize("token", ["", "wrong", "s3cre", "s3cret ", "\ud800", "\N{SNOWMAN}"])
def test_a_wrong_token_is_refused(token: str) -> None:
    assert decide(Access(pages=True, token="s3cret"), remote(query={"token": token})).status == 404


def test_without_a_token_none_is_right() -> None:
    assert decide(ON, remote(query={"token": ""})).status == 404
    assert decide(ON, remote(headers={"cookie": f"{COOKIE}="})).status == 404


def test_a_token_does_not_help_where_the_host_is_wrong() -> None:
    access = Access(pages=True, token="s3cret")
    assert decide(access, remote(query={"token": "s3cret"}, host="evil.example")).status == 404


def test_access_lets_in_by_true_and_nothing_else() -> None:
    asked: list[object] = []

    def consent(answer: object) -> Access:
        def answering(original: object) -> object:
            asked.append(original)
            return answer

        return Access(pages=True, consent=answering)

    assert decide(consent(True), remote(original="the request")).status == 200
    assert asked == ["the request"]
    for answer in (False, None, 1, "yes", object()):
        assert decide(consent(answer), remote()).status == 404


def test_access_may_be_a_dotted_path_and_its_faults_refuse(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert decide(Access(pages=True, consent="builtins.bool"), remote(original=1)).status == 200
    assert decide(Access(pages=True, consent="builtins.bool"), remote()).status == 404
    for bad in ("no.such.module", "builtins.nothing", "math.pi", "builtins.len"):
        assert decide(Access(pages=True, consent=bad), remote()).status == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "http://localhost:8000"}, 403),
        ({"origin": "http://localhost:8000"}, 200),
        ({"origin": "http://localhost:9000"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://[bad"}, 403),
    ],
)
def test_a_form_comes_from_a_page_of_ours(headers: dict[str, str], status: int) -> None:
    assert decide(ON, request("POST", headers=headers)).status == status
    assert decide(ON, request("DELETE", headers=headers)).status == status


def test_a_link_from_elsewhere_may_be_followed() -> None:
    assert decide(ON, request(headers={"sec-fetch-site": "cross-site"})).status == 200


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"origin": "http://evil.example"}, False),
        ({"referer": "http://shop.example:8000/cart"}, True),
        ({"referer": "http://evil.example/"}, False),
        ({"referer": "http://[bad"}, False),
        ({}, False),  # perhaps a browser that does not tell where a link was
    ],
)
def test_a_link_on_another_site_starts_no_snapshot(headers: dict[str, str], wanted: bool) -> None:
    access = Access(pages=True, allowed_hosts=("shop.example",))
    host = "shop.example:8000"
    asked = request(host=host, headers=headers, query={"pympler": ""})
    assert wants_snapshot(access, asked) is wanted


def test_where_browsers_tell_what_tells_nothing_is_none() -> None:
    access = Access(pages=True, allowed_hosts=("shop.example",))
    query = {"pympler": ""}
    assert wants_snapshot(access, request(query=query))
    assert wants_snapshot(access, request(host="shop.example", secure=True, query=query))
    assert not wants_snapshot(access, request(query={"pympler2": ""}))


def test_the_cookie_is_sent_to_the_application_around_the_pages() -> None:
    access = Access(pages=True, token="s3cret")
    for prefix, path in {"": "/", "/_pympler": "/", "/shop/_pympler": "/shop"}.items():
        asked = PageRequest(
            "GET", "/", {"token": "s3cret"}, headers=LOCAL, peer=None, prefix=prefix
        )
        assert f"; Path={path};" in decide(access, asked).cookie


def test_a_refusal_is_explained_in_the_log_once(caplog: pytest.LogCaptureFixture) -> None:
    access = Access(pages=True)
    for _ in range(3):
        decide(access, remote())
        decide(access, request(host="evil.example"))
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 2
    assert "PYMPLER_TOKEN" in messages[0]
    assert "'evil.example'" in messages[1]


def test_nothing_shows_the_token() -> None:
    assert "s3cret" not in repr(Access(pages=True, token="s3cret"))
