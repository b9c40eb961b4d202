"""Each rule of access through each front end, and what a front end must not get wrong."""

from __future__ import annotations

from typing import Any

import pytest

from pympler.leaks import refused
from pympler.render.pages.access import PROXY_HEADERS
from tests.render.pages.front_ends import FRONT_ENDS, front_end
from tests.render.pages.values import fill

pytestmark = pytest.mark.parametrize("name", FRONT_ENDS)

# Django answers where a login is wanted, and any other framework may have a debug flag.
HAS_A_DEBUG_FLAG = ("django", "django-asgi", "flask")
REMOTE = "203.0.113.9"


def allow_all(request: Any) -> bool:
    return True


def test_the_pages_are_off_unless_asked_for(name: str) -> None:
    with front_end(name, pages=False, debug=True) as visit:
        assert visit().status == 404
        assert visit(form={"kind": "heap"}, path="/jobs").status == 404
    if name in HAS_A_DEBUG_FLAG:
        with front_end(name, pages=None, debug=False) as visit:
            assert visit().status == 404
        with front_end(name, pages=None, debug=True) as visit:
            assert visit().status == 200
    else:  # whoever mounted them has asked for them
        with front_end(name, pages=None) as visit:
            assert visit().status == 200


def test_the_log_alone_says_once_that_the_pages_are_off(
    name: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name not in HAS_A_DEBUG_FLAG:
        pytest.skip("whoever mounted them has asked for them")
    monkeypatch.setattr(refused, "_said", set())
    with front_end(name, pages=None, debug=False) as visit:
        answers = [visit() for _ in range(3)]
    assert {answer.status for answer in answers} == {404}
    assert not any(b"pages" in answer.body or b"ympler" in answer.body for answer in answers)
    said = [record.getMessage() for record in caplog.records if record.name == "pympler"]
    assert said == [
        "the pages were asked for and are off: the framework is not in debug mode; the setting "
        "'pages' turns them on"
    ]


def test_only_local_and_configured_hosts_are_answered(name: str) -> None:
    with front_end(name) as visit:
        for host in ("localhost:8000", "127.0.0.1", "[::1]:80", "app.localhost"):
            assert visit(host=host).status == 200, host
        for host in ("evil.example", "shop.example", "localhost.evil.example", "10.0.0.1", ""):
            assert visit(host=host).status == 404, host
    with front_end(name, allowed_hosts=("shop.example",)) as visit:
        assert visit(host="shop.example:8443").status == 200
        assert visit(host="evil.example").status == 404


def test_only_visitors_from_this_machine_are_let_in(name: str) -> None:
    with front_end(name) as visit:
        for peer in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
            assert visit(peer=peer).status == 200, peer
        for peer in (REMOTE, "10.1.2.3", "::ffff:10.1.2.3", ""):
            assert visit(peer=peer).status == 404, peer
            assert visit("/static/pages.css", peer=peer).status == 404, peer
            assert visit("/jobs", peer=peer, form={"kind": "heap"}).status == 404, peer


def test_behind_a_proxy_nobody_is_local(name: str) -> None:
    with front_end(name) as visit:
        for header in PROXY_HEADERS:
            assert visit(headers={header: "127.0.0.1"}).status == 404, header


def test_a_token_lets_others_in_and_leaves_the_address(name: str) -> None:
    with front_end(name, token="s3cret") as visit:
        assert visit(peer=REMOTE).status == 404
        assert visit(peer=REMOTE, query="token=wrong").status == 404
        answer = visit("/requests", peer=REMOTE, query="sort=bytes&token=s3cret")
        assert answer.status == 303
        assert answer.headers["location"] == f"{visit.prefix}/requests?sort=bytes"
        cookie, *attributes = answer.headers["set-cookie"].split("; ")
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(attributes)
        assert "s3cret" not in cookie
        assert visit(peer=REMOTE, headers={"cookie": cookie}).status == 200
        assert visit(peer=REMOTE, headers={"cookie": cookie}, host="evil.example").status == 404
        assert visit(peer=REMOTE, headers={"cookie": cookie + "x"}).status == 404


def test_access_lets_others_in(name: str) -> None:
    with front_end(name, access=allow_all) as visit:
        assert visit(peer=REMOTE).status == 200
    with front_end(name, access=f"{__name__}.allow_all") as visit:
        assert visit(peer=REMOTE).status == 200
    with front_end(name, access=lambda request: None) as visit:
        assert visit(peer=REMOTE).status == 404


def test_a_form_from_another_site_does_nothing(name: str) -> None:
    with front_end(name) as visit:
        worker = fill(visit.store)
        form = {"kind": "heap", "worker": worker}
        for headers in (
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
            {"origin": "http://evil.example"},
            {"origin": "null"},
        ):
            assert visit("/jobs", form=form, headers=headers).status == 403, headers
        assert visit("/jobs", query=form).status == 404
        assert visit.store.jobs() == []
        answer = visit("/jobs", form=form, headers={"origin": "http://localhost"})
        assert answer.status == 303
        (job,) = visit.store.jobs()
        assert answer.headers["location"] == f"{visit.prefix}/jobs/{job.id}"
        assert (job.kind, job.worker, job.state) == ("heap", worker, "waiting")


def test_headers_keep_what_is_shown_here(name: str) -> None:
    with front_end(name) as visit:
        for path in ("/", "/static/pages.js", "/nothing"):
            headers = visit(path).headers
            assert headers["cache-control"] == "no-store"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert "access-control-allow-origin" not in headers


def test_links_lead_to_where_the_pages_are(name: str) -> None:
    with front_end(name) as visit:
        text = visit().text
        assert f'href="{visit.prefix}/static/pages.css"' in text
        assert f'href="{visit.prefix}/requests"' in text
        assert visit("/static/pages.css").headers["content-type"].startswith("text/css")
        if visit.prefix:
            assert visit("").status in (200, 307)  # a mount of Starlette adds the slash


def test_other_methods_are_refused_in_words(name: str) -> None:
    with front_end(name) as visit:
        assert visit(method="DELETE").status == 405
        assert visit(method="POST").status == 405
        head = visit(method="HEAD")
        assert (head.status, head.body) == (200, b"")


def test_addresses_are_read_as_text(name: str) -> None:
    with front_end(name) as visit:
        answer = visit("/requests/\N{SNOWMAN}.1", query="route=%2Fcaf%C3%A9")
        assert answer.status == 404
        answer = visit("/requests", query="route=%2Fcaf%C3%A9")
        assert "/caf\N{LATIN SMALL LETTER E WITH ACUTE}" in answer.text
