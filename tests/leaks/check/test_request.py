"""Templates of requests, and the options that describe them."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from pympler.cli.check_options import requests_of
from pympler.errors import UsageError
from pympler.leaks.check.baseline import read_baseline
from pympler.leaks.check.drive import all_headers
from pympler.leaks.check.request import Request, Template, content_type
from pympler.leaks.check.result import CheckResult, RouteResult
from pympler.leaks.report import Suspect


def test_values_vary() -> None:
    template = Template("/cart/{n}?c={red|green|blue}&id={uuid}", headers=(("X-Trace", "t{n}"),))
    first, second = template.fill(3), template.fill(4)
    assert first.path.startswith("/cart/3?c=red&id=")
    assert second.path.startswith("/cart/4?c=green&id=")
    assert uuid.UUID(first.path[-36:]).version == 4
    assert first.path[-36:] != second.path[-36:]
    assert template.fill(3) == first
    assert first.headers == (("X-Trace", "t3"),)
    assert template.varies
    assert not Template("/cart").varies
    assert Template("/", body="{n}").varies


def test_braces_of_json_stay() -> None:
    body = '{"item": "item {n}", "tags": {"a": "x|y"}}'
    request = Template("/", "POST", body=body).fill(5)
    assert json.loads(request.body) == {"item": "item 5", "tags": {"a": "x|y"}}
    assert request.headers == (("Content-Type", "application/json"),)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("a=1&b=x+y", "application/x-www-form-urlencoded"),
        ("[1]", "application/json"),
        ("some text", "text/plain; charset=utf-8"),
        ("<a b=c>", "text/plain; charset=utf-8"),
    ],
)
def test_the_type_of_a_body_is_seen(body: str, kind: str) -> None:
    assert content_type(body) == kind


@pytest.mark.parametrize(
    ("text", "method", "path"),
    [
        ("POST /x", "POST", "/x"),
        ("delete   /x/{n}", "DELETE", "/x/{n}"),
        ("/a b", "GET", "/a b"),
        (" /x ", "GET", "/x"),
    ],
)
def test_method_and_path(text: str, method: str, path: str) -> None:
    template = Template.parse(text)
    assert (template.method, template.path) == (method, path)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("POST x", "path 'x' must begin with a slash: '/x'"),
        ("P-ST /x", "'P-ST' is no method of HTTP"),
        ("/x/{id}", r"\{id\} in path '/x/\{id\}' stands for nothing: write \{n\}"),
        ("/x/<int:n>", "<int:n> in path"),
    ],
)
def test_what_is_no_request(text: str, error: str) -> None:
    with pytest.raises(UsageError, match=error):
        Template.parse(text)


def test_options_belong_to_the_request_before_them(tmp_path: Path) -> None:
    file = tmp_path / "body.json"
    file.write_text('{"n": {n}}', encoding="utf-8")
    found = requests_of(
        [
            ("header", "Accept: text/html"),
            ("request", "POST /orders"),
            ("body", f"@{file}"),
            ("header", "X-Key:1"),
            ("path", "/a b"),
        ]
    )
    assert found == [
        Template("/orders", "POST", (("Accept", "text/html"), ("X-Key", "1")), '{"n": {n}}'),
        Template("/a b", "GET", (("Accept", "text/html"),)),
    ]


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ([("body", "x")], "--body belongs to a --request"),
        ([("path", "/"), ("body", "x"), ("body", "y")], "two --body for 'GET /'"),
        ([("path", "/"), ("header", "Accept")], "'Accept' is no header"),
        ([("path", "/"), ("header", "A b: c")], "'A b' with 'c' is no header"),
        ([("path", "/"), ("body", "@/no/such/file")], "cannot be read: No such file"),
    ],
)
def test_options_that_are_wrong(parts: list[tuple[str, str]], error: str) -> None:
    with pytest.raises(UsageError, match=error):
        requests_of(parts)


def test_headers_of_a_request_replace_the_usual_ones() -> None:
    request = Request("/", "POST", (("Host", "shop.example"), ("X-A", "1")), b"abc")
    headers = dict(all_headers(request, "localhost"))
    assert (headers["host"], headers["x-a"], headers["content-length"]) == (
        "shop.example",
        "1",
        "3",
    )
    assert "content-length" not in dict(all_headers(Request("/"), "localhost"))


def route(*holders: str, verdict: str = "leak") -> RouteResult:
    suspects = tuple(Suspect(holder, "dict", 1.0, 1.0) for holder in holders)
    return RouteResult("/x", "GET", 200, 1610, verdict, "GET /x leaks", suspects=suspects)


def test_a_baseline_knows_what_it_has_seen(tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    known = CheckResult((route("shop.A", "task at shop.py:12"), route(verdict="native")))
    file.write_text(json.dumps(known.to_dict()), encoding="utf-8")
    baseline = read_baseline(str(file))
    assert baseline.knows(route("shop.A"))
    assert baseline.knows(route("task at shop.py:40"))
    assert baseline.knows(route(verdict="native"))
    assert not baseline.knows(route("shop.A", "shop.B"))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (None, "cannot be read: No such file"),
        ("no json", "is no JSON"),
        ("[]", "is not the result of a check"),
        ('{"schema": 99, "routes": []}', "is of a newer version"),
    ],
)
def test_a_baseline_that_is_none(tmp_path: Path, text: str | None, error: str) -> None:
    file = tmp_path / "known.json"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=error):
        read_baseline(str(file))
